"""Networks as tools use them, without knowing a framework's layout."""

from pathlib import Path

import mxnet
import numpy as np
from mxnet import autograd
from numpy.typing import NDArray

from anynet_mx.model import AnyNet, Classifier
from anynet_mx.weights import get_weights, set_weights
from common.arch import AnyNetSpec, find_spec
from common.weights import load_weights, save_weights

__all__ = ["create", "load", "logits", "save"]


def create(name_or_spec: str | AnyNetSpec, seed: int = 0) -> AnyNet:
    """A ready network by name or spec, its weights drawn from `seed`. Raises `SpecError`."""
    return AnyNet.from_spec(find_spec(name_or_spec), seed=seed)


def logits(
    network: Classifier, images: NDArray[np.float32], training: bool = False
) -> NDArray[np.float32]:
    """Logits (N, classes) of float32 NCHW images, both in NumPy; the network stays as it is.

    `training` normalises by the statistics of this batch.
    """
    context = next(iter(network.collect_params().values())).list_ctx()[0]
    x = mxnet.np.array(images, dtype="float32", ctx=context)
    # Running statistics move in a backward pass only, and there is none here.
    with autograd.train_mode() if training else autograd.predict_mode():
        return network(x).asnumpy()


def save(network: AnyNet, path: str | Path) -> None:
    """Write a network to one safetensors file, whole or not at all."""
    save_weights(path, network.spec, get_weights(network))


def load(path: str | Path) -> AnyNet:
    """The network in a safetensors file. Raises `WeightsError` naming every difference."""
    spec, arrays = load_weights(path)
    network = create(spec)
    set_weights(network, arrays)
    return network
