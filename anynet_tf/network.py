"""Networks as tools use them, without knowing a framework's layout."""

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
    """A ready network by name or spec, its weights drawn from `seed`. Raises `SpecError`."""
    return AnyNet.from_spec(find_spec(name_or_spec), seed=seed, init=init)


def _with_weights(spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> AnyNet:
    """The network of a spec with canonical arrays that are known to fit."""
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
    """Logits (N, classes) of float32 NCHW images, both in NumPy; the network stays as it is.

    Any array-like of numbers is converted to the network's precision; N may be 0. `training`
    normalises by the statistics of this batch. Raises `DataError` for images that the network
    does not take.
    """
    images = checked_images(network, images, dtype_of(network))
    outputs = _run(network, never_empty(images), training and len(images) > 0)
    return tf.cast(outputs, tf.float32).numpy()[: len(images)]


def layer_outputs(
    network: AnyNet, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name for NCHW images; the network stays as it is.

    Takes images as `logits` does. Computes, and returns NumPy arrays, in the precision of the
    network's weights. Raises `DataError`, and `SpecError` for a network without a spec.
    """
    images = checked_images(network, images, dtype_of(network))
    spec, training = spec_of(network), training and len(images) > 0
    outputs: dict[str, NDArray[Any]] = {}
    root = f"{network.net.path}/"
    layers = [x for x in network.net._flatten_layers(include_self=False) if x.path]
    for layer in layers:
        path = layer.path.removeprefix(root).replace("/", ".")
        # Keras has no hooks; past its own `__setattr__`, which looks for variables to track.
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

    In an mlp they are fused into linear layers. Each of these has a bias then, and the spec says
    that there are no batch norms; `network` stays as it is. Raises `SpecError` for a network
    without a spec.
    """
    arrays = get_weights(network)
    spec, arrays = fuse_weights(spec_of(network), arrays)
    arguments = {**spec.arguments(), "lr": network.lr, "init": "zeros"}
    fused = AnyNet(**arguments, dtype=network.dtype_policy.name)
    put_weights(fused, arrays)
    return fused
