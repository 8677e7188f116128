"""Functions of whole networks, whose arrays are NumPy's in canonical layout."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from anynet_tf.layers import products
from anynet_tf.model import AnyNet, Classifier
from anynet_tf.weights import dtype_of, get_weights, put_weights
from common.arch import AnyNetSpec, find_spec, name_outputs
from common.arrays import never_empty
from common.weights import Init, NetworkFunctions, checked_images, fuse_weights, spec_of

__all__ = [
    "create",
    "fuse",
    "layer_outputs",
    "load",
    "logits",
    "regnet",
    "save",
]


def create(name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> AnyNet:
    """A network by name or spec, with weights drawn from `seed`.

    `init` is the initialisation: `xavier`, `he`, `he_zero_gamma` or `zeros`. Weights are float32.
    Raises `SpecError` for an unknown name or `init`, and for a seed that is not from 0 to 2^63 - 1.
    """
    return AnyNet.from_spec(find_spec(name_or_spec), seed=seed, init=init)


def _with_weights(spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> AnyNet:
    """A network of `spec` with these canonical arrays, which are not checked."""
    network = create(spec, init="zeros")
    put_weights(network, arrays)
    return network


_functions = NetworkFunctions(create, _with_weights, get_weights)

regnet = _functions.regnet
"""A ready RegNet of the paper by name, as `common.weights.NetworkFunctions.regnet` says."""

save = _functions.save
"""Write a network to one file, as `common.weights.NetworkFunctions.save` says."""

load = _functions.load
"""The network in a file, as `common.weights.NetworkFunctions.load` says."""


def logits(
    network: Classifier, images: NDArray[np.float32], training: bool = False
) -> NDArray[np.float32]:
    """Logits (N, classes), float32, of images (N, C, H, W); the network is not changed.

    `images` may be any array-like of real numbers and is converted to the network's precision; N
    may be 0. With `training`, batch norms use the statistics of this batch. Raises `DataError` for
    images that do not fit the network.
    """
    images = checked_images(network, images, dtype_of(network))
    outputs = _run(network, never_empty(images), training and len(images) > 0)
    return tf.cast(outputs, tf.float32).numpy()[: len(images)]


def layer_outputs(
    network: AnyNet, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name, of images (N, C, H, W); the network is not changed.

    Takes images as `logits` does. The outputs, (N, C, H, W) or (N, C), have the precision of the
    network's weights. Raises `DataError`, and `SpecError` for a network without a spec.
    """
    images = checked_images(network, images, dtype_of(network))
    spec, training = spec_of(network), training and len(images) > 0
    outputs: dict[str, NDArray[Any]] = {}
    root = f"{network.net.path}/"
    layers = [x for x in network.net._flatten_layers(include_self=False) if x.path]
    for layer in layers:
        path = layer.path.removeprefix(root).replace("/", ".")
        # Keras 3 has neither hooks nor a public list of nested layers. `object.__setattr__` avoids
        # Keras's own, which would track the wrapper as a part of the layer.
        object.__setattr__(layer, "call", _keeping(layer.call, outputs, path))
    try:
        _run(network, never_empty(images), training)
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")
    named = {
        path: (output.transpose(0, 3, 1, 2) if output.ndim == 4 else output)[: len(images)]
        for path, output in outputs.items()
    }
    return name_outputs(spec, images.shape[2:], named)


def _keeping(
    call: Callable[..., tf.Tensor], outputs: dict[str, NDArray[Any]], path: str
) -> Callable[..., tf.Tensor]:
    """`call`, with a copy of what it returns put under `path`."""

    def kept(*args: Any, **kwargs: Any) -> tf.Tensor:
        output = call(*args, **kwargs)
        outputs[path] = output.numpy()
        return output

    return kept


def _run(network: Classifier, images: NDArray[Any], training: bool) -> tf.Tensor:
    x = tf.constant(images.transpose(0, 2, 3, 1), network.weights[0].dtype)
    with keras.StatelessScope(), products():  # running statistics stay
        return network(x, training=training)


def fuse(network: AnyNet) -> AnyNet:
    """A new network for inference with the same logits, its batch norms fused into convolutions.

    In an mlp they are fused into the linear layers. The new spec has `batch_norm` False and
    `conv_bias` True; `network` is not changed. Raises `SpecError` for a network without a spec, and
    `WeightsError` where a fused array is not finite.
    """
    arrays = get_weights(network)
    spec, arrays = fuse_weights(spec_of(network), arrays)
    fused = AnyNet(spec=spec, lr=network.lr, init="zeros", dtype=network.dtype_policy.name)
    put_weights(fused, arrays)
    return fused
