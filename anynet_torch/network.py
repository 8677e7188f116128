"""Functions of whole networks, whose arrays are NumPy's in canonical layout."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anynet_torch.layers import products
from anynet_torch.model import AnyNet, Classifier
from anynet_torch.weights import dtype_of, get_weights, put_weights, to_numpy
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
    return outputs[: len(images)].float().cpu().numpy()


def layer_outputs(
    network: AnyNet, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name, of images (N, C, H, W); the network is not changed.

    Takes images as `logits` does. The outputs, (N, C, H, W) or (N, C), have the precision of the
    network's weights. Raises `DataError`, and `SpecError` for a network without a spec.
    """
    images = checked_images(network, images, dtype_of(network))
    spec, outputs, hooks = spec_of(network), {}, []
    for path, module in network.net.named_modules():

        def keep(module: nn.Module, inputs: Any, output: torch.Tensor, path: str = path) -> None:
            outputs[path] = to_numpy(output[: len(images)])

        hooks.append(module.register_forward_hook(keep))
    try:
        _run(network, never_empty(images), training and len(images) > 0)
    finally:
        for hook in hooks:
            hook.remove()
    return name_outputs(spec, images.shape[2:], outputs)


def _run(network: Classifier, images: NDArray[Any], training: bool) -> torch.Tensor:
    weight = next(network.parameters())
    was_training = network.training
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train(training)
    try:
        with torch.no_grad(), products():
            x = torch.tensor(images, dtype=weight.dtype, device=weight.device)
            return torch.func.functional_call(network, buffers, (x,))
    finally:
        network.train(was_training)


def fuse(network: AnyNet) -> AnyNet:
    """A new network for inference with the same logits, its batch norms fused into convolutions.

    In an mlp they are fused into the linear layers. The new spec has `batch_norm` False and
    `conv_bias` True; `network` is not changed. Raises `SpecError` for a network without a spec, and
    `WeightsError` where a fused array is not finite.
    """
    arrays = get_weights(network)
    spec, arrays = fuse_weights(spec_of(network), arrays)
    fused = AnyNet.from_spec(spec, lr=network.lr, init="zeros").to(next(network.parameters()))
    put_weights(fused, arrays)
    return fused.eval()
