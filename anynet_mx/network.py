"""Networks as tools use them, without knowing a framework's layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mxnet
import numpy as np
from mxnet import autograd
from mxnet.gluon import Block
from numpy.typing import NDArray

from anynet_mx.model import AnyNet, Classifier
from anynet_mx.weights import get_weights, set_weights
from common import arch
from common.arch import AnyNetSpec, find_spec, name_outputs
from common.weights import Init, fold_batch_norms, load_spec, load_weights, save_weights

__all__ = ["create", "fuse", "layer_outputs", "load", "logits", "regnet", "save"]


def create(name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> AnyNet:
    """A ready network by name or spec, its weights drawn from `seed`. Raises `SpecError`."""
    return AnyNet.from_spec(find_spec(name_or_spec), seed=seed, init=init)


def regnet(
    name: str,
    num_classes: int = 1000,
    in_channels: int = 3,
    seed: int = 0,
    init: Init = "xavier",
) -> AnyNet:
    """A ready RegNet by name, its weights drawn from `seed`. Raises `SpecError`."""
    return create(arch.regnet(name, num_classes, in_channels), seed, init)


def logits(
    network: Classifier, images: NDArray[np.float32], training: bool = False
) -> NDArray[np.float32]:
    """Logits (N, classes) of float32 NCHW images, both in NumPy; the network stays as it is.

    `training` normalises by the statistics of this batch.
    """
    return _run(network, images, training).astype("float32").asnumpy()


def layer_outputs(
    network: AnyNet, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name for NCHW images; the network stays as it is.

    `training` normalises by the statistics of this batch. Computes, and returns NumPy arrays, in
    the precision of the network's weights.
    """
    outputs, hooks = {}, []
    for path, block in _children("", network.net):

        def keep(block: Block, inputs: Any, output: mxnet.np.ndarray, path: str = path) -> None:
            outputs[path] = output.asnumpy()

        hooks.append(block.register_forward_hook(keep))
    # A hybridised network runs as one graph, past its children's hooks.
    hybridised = network.net._active
    network.net.hybridize(False)
    try:
        _run(network, images, training)
    finally:
        for hook in hooks:
            hook.detach()
        network.net.hybridize(hybridised, static_alloc=True, static_shape=True)
    return name_outputs(network.spec, images.shape[2:], outputs)


def _children(path: str, block: Block) -> Iterator[tuple[str, Block]]:
    """All blocks below `block` by attribute path."""
    for name, child in block._children.items():
        yield path + name, child
        yield from _children(f"{path}{name}.", child)


def _run(network: Classifier, images: NDArray[Any], training: bool) -> mxnet.np.ndarray:
    weight = next(iter(network.collect_params().values()))
    x = mxnet.np.array(images, dtype=weight.dtype, ctx=weight.list_ctx()[0])
    # Running statistics move in a backward pass only, and there is none here.
    with autograd.train_mode() if training else autograd.predict_mode():
        return network(x)


def fuse(network: AnyNet) -> AnyNet:
    """A new network for inference with the same logits, its batch norms folded into convolutions.

    In an mlp they are folded into linear layers. Each of these has a bias then, and the spec says
    that there are no batch norms; `network` stays as it is.
    """
    spec, arrays = fold_batch_norms(network.spec, get_weights(network))
    fused = AnyNet.from_spec(spec, lr=network.lr, init="zeros")
    weight = next(iter(network.collect_params().values()))
    fused.cast(weight.dtype)
    fused.collect_params().reset_ctx(weight.list_ctx())
    set_weights(fused, arrays)
    return fused


def save(network: AnyNet, path: str | Path) -> None:
    """Write a network to one safetensors file, whole or not at all."""
    save_weights(path, network.spec, get_weights(network))


def load(path: str | Path) -> AnyNet:
    """The network in a safetensors file. Raises `WeightsError` naming every difference."""
    # The network first, with weights that cost nothing, so that no array is in memory twice.
    network = create(load_spec(path), init="zeros")
    set_weights(network, load_weights(path)[1])
    return network
