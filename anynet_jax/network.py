"""Functions of whole networks, whose arrays are NumPy's in canonical layout."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from numpy.typing import NDArray

from anynet_jax.layers import products
from anynet_jax.model import AnyNet, Classifier, Network, in_mode
from anynet_jax.weights import as_network, dtype_of, get_weights, to_variables
from common.arch import AnyNetSpec, find_spec, name_outputs
from common.arrays import never_empty
from common.weights import (
    Init,
    NetworkFunctions,
    checked_images,
    fuse_weights,
    spec_of,
)

__all__ = [
    "create",
    "fuse",
    "layer_outputs",
    "load",
    "logits",
    "regnet",
    "save",
]


def create(name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Network:
    """A network by name or spec, with weights drawn from `seed`.

    `init` is the initialisation: `xavier`, `he`, `he_zero_gamma` or `zeros`. Weights are float32.
    Raises `SpecError` for an unknown name or `init`, and for a seed that is not from 0 to 2^63 - 1.
    """
    return as_network(AnyNet.from_spec(find_spec(name_or_spec), seed=seed, init=init))


def _with_weights(spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> Network:
    """A network of `spec` with these canonical arrays, which are not checked."""
    return Network(AnyNet.from_spec(spec), to_variables(arrays))


_functions = NetworkFunctions(create, _with_weights, get_weights)

regnet = _functions.regnet
"""A ready RegNet of the paper by name, as `common.weights.NetworkFunctions.regnet` says."""

save = _functions.save
"""Write a network to one file, as `common.weights.NetworkFunctions.save` says."""

load = _functions.load
"""The network in a file, as `common.weights.NetworkFunctions.load` says."""


def logits(
    network: Network, images: NDArray[np.float32], training: bool = False
) -> NDArray[np.float32]:
    """Logits (N, classes), float32, of images (N, C, H, W); the network is not changed.

    `images` may be any array-like of real numbers and is converted to the network's precision; N
    may be 0. With `training`, batch norms use the statistics of this batch. Raises `DataError` for
    images that do not fit the network.
    """
    network = as_network(network)
    images = checked_images(network, images, dtype_of(network))
    outputs, _ = _run(network, never_empty(images), training and len(images) > 0)
    return np.array(outputs[: len(images)], np.float32)


def layer_outputs(
    network: Network, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name, of images (N, C, H, W); the network is not changed.

    Takes images as `logits` does. The outputs, (N, C, H, W) or (N, C), have the precision of the
    network's weights. Raises `DataError`, and `SpecError` for a network without a spec.
    """
    network = as_network(network)
    images = checked_images(network, images, dtype_of(network))
    spec, training = spec_of(network), training and len(images) > 0
    _, intermediates = _run(network, never_empty(images), training, capture=True)
    outputs = {}
    for (*path, _), calls in flatten_dict(intermediates).items():
        output = np.array(calls[0])[: len(images)]
        output = output.transpose(0, 3, 1, 2) if output.ndim == 4 else output
        outputs[".".join(path[1:])] = output  # below `net`
    return name_outputs(spec, images.shape[2:], outputs)


def _run(
    network: Network, images: NDArray[Any], training: bool, capture: bool = False
) -> tuple[jax.Array, dict[str, Any]]:
    """Logits, and with `capture` what each module below `net` returned."""
    dtype = jax.tree.leaves(network.variables)[0].dtype
    with jax.enable_x64(dtype == np.float64), products():
        x = jnp.asarray(images.transpose(0, 2, 3, 1), dtype)
        return _apply(in_mode(network.module, training), network.variables, x, capture)


@partial(jax.jit, static_argnames=("module", "capture"))
def _apply(
    module: Classifier, variables: dict[str, Any], x: jax.Array, capture: bool
) -> tuple[jax.Array, dict[str, Any]]:
    mutable = ["batch_stats", "intermediates"]
    logits, updates = module.apply(variables, x, mutable=mutable, capture_intermediates=capture)
    return logits, updates.get("intermediates", {})


def fuse(network: Network) -> Network:
    """A new network for inference with the same logits, its batch norms fused into convolutions.

    In an mlp they are fused into the linear layers. The new spec has `batch_norm` False and
    `conv_bias` True; `network` is not changed. Raises `SpecError` for a network without a spec, and
    `WeightsError` where a fused array is not finite.
    """
    network = as_network(network)
    spec, arrays = fuse_weights(spec_of(network), get_weights(network))
    with jax.enable_x64(arrays["head.fc.weight"].dtype == np.float64):
        return Network(AnyNet.from_spec(spec, lr=network.lr), to_variables(arrays))
