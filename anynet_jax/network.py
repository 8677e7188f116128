"""Networks as tools use them, without knowing a framework's layout."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from anynet_jax.model import AnyNet, Classifier
from anynet_jax.weights import get_weights, set_weights, to_variables
from common.arch import AnyNetSpec, find_spec
from common.weights import initial_weights, load_weights, save_weights

__all__ = ["Network", "create", "load", "logits", "save"]


@dataclass
class Network:
    """A module with its variables: a network that has weights."""

    module: Classifier
    variables: dict[str, Any]

    @property
    def spec(self) -> AnyNetSpec:
        """The network as plain data."""
        return self.module.spec

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self.module.lr


def create(name_or_spec: str | AnyNetSpec, seed: int = 0) -> Network:
    """A ready network by name or spec, its weights drawn from `seed`. Raises `SpecError`."""
    spec = find_spec(name_or_spec)
    module = AnyNet.from_spec(spec, seed=seed)
    return Network(module, to_variables(initial_weights(spec, seed)))


def logits(
    network: Network, images: NDArray[np.float32], training: bool = False
) -> NDArray[np.float32]:
    """Logits (N, classes) of float32 NCHW images, both in NumPy; the network stays as it is.

    `training` normalises by the statistics of this batch.
    """
    x = jnp.asarray(np.asarray(images).transpose(0, 2, 3, 1))
    module = network.module.clone(training=training)
    return np.array(_apply(module, network.variables, x).astype(jnp.float32))


@partial(jax.jit, static_argnames="module")
def _apply(module: Classifier, variables: dict[str, Any], x: jax.Array) -> jax.Array:
    return module.apply(variables, x, mutable=["batch_stats"])[0]


def save(network: Network, path: str | Path) -> None:
    """Write a network to one safetensors file, whole or not at all."""
    save_weights(path, network.spec, get_weights(network))


def load(path: str | Path) -> Network:
    """The network in a safetensors file. Raises `WeightsError` naming every difference."""
    spec, arrays = load_weights(path)
    network = Network(AnyNet.from_spec(spec), {})
    set_weights(network, arrays)
    return network
