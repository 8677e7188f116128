"""Functions of whole networks, whose arrays are NumPy's in canonical layout."""

from collections.abc import Iterator, Mapping
from typing import Any

import mxnet
import numpy as np
from mxnet import autograd
from mxnet.gluon import Block
from numpy.typing import NDArray

from anynet_mx.model import AnyNet, Classifier
from anynet_mx.weights import dtype_of, get_weights, put_weights
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
    return outputs.astype("float32").asnumpy()[: len(images)]


def layer_outputs(
    network: AnyNet, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name, of images (N, C, H, W); the network is not changed.

    Takes images as `logits` does. The outputs, (N, C, H, W) or (N, C), have the precision of the
    network's weights. Raises `DataError`, and `SpecError` for a network without a spec.
    """
    images = checked_images(network, images, dtype_of(network))
    spec, training = spec_of(network), training and len(images) > 0
    outputs, hooks = {}, []
    for path, block in _children("", network.net):

        def keep(block: Block, inputs: Any, output: mxnet.np.ndarray, path: str = path) -> None:
            outputs[path] = output.asnumpy()[: len(images)]

        hooks.append(block.register_forward_hook(keep))
    # A hybridised network runs as one graph, which calls no hooks of its children. MXNet has no
    # public way to ask for this state; 1.9.1 is its last release, so the attribute will not move.
    hybridised = network.net._active
    network.net.hybridize(False)
    try:
        _run(network, never_empty(images), training)
    finally:
        for hook in hooks:
            hook.detach()
        network.net.hybridize(hybridised, static_alloc=True, static_shape=True)
    return name_outputs(spec, images.shape[2:], outputs)


def _children(path: str, block: Block) -> Iterator[tuple[str, Block]]:
    """All blocks below `block` by attribute path."""
    for name, child in block._children.items():
        yield path + name, child
        yield from _children(f"{path}{name}.", child)


def _run(network: Classifier, images: NDArray[Any], training: bool) -> mxnet.np.ndarray:
    weight = next(iter(network.collect_params().values()))
    x = mxnet.np.array(images, dtype=images.dtype, ctx=weight.list_ctx()[0])
    # Running statistics move in a backward pass only, and there is none here.
    with autograd.train_mode() if training else autograd.predict_mode():
        return network(x)


def fuse(network: AnyNet) -> AnyNet:
    """A new network for inference with the same logits, its batch norms fused into convolutions.

    In an mlp they are fused into the linear layers. The new spec has `batch_norm` False and
    `conv_bias` True; `network` is not changed. Raises `SpecError` for a network without a spec, and
    `WeightsError` where a fused array is not finite.
    """
    arrays = get_weights(network)
    spec, arrays = fuse_weights(spec_of(network), arrays)
    fused = AnyNet.from_spec(spec, lr=network.lr, init="zeros")
    weight = next(iter(network.collect_params().values()))
    fused.cast(weight.dtype)
    fused.collect_params().reset_ctx(weight.list_ctx())
    put_weights(fused, arrays)
    return fused
