"""The four frameworks by short name: what is installed, and the one way to reach their packages."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arch.plan import ImageSize
from common.errors import BackendError, ConfigError, shortened
from common.training import Learner, Trainer
from common.weights import Init


class Backend(Protocol):
    """What every package `anynet_torch`, `anynet_mx`, `anynet_tf` and `anynet_jax` exports."""

    AnyNet: Any
    RegNetX32: Any
    Learner: type[Learner]
    Trainer: type[Trainer]

    def create(self, name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Any:
        """A ready network by name or spec."""

    def regnet(
        self,
        name: str,
        num_classes: int = 1000,
        in_channels: int = 3,
        seed: int = 0,
        init: Init = "xavier",
    ) -> Any:
        """A ready RegNet by name."""

    def logits(
        self, network: Any, images: NDArray[np.float32], training: bool = False
    ) -> NDArray[np.float32]:
        """Logits (N, classes) of NCHW images."""

    def layer_outputs(
        self, network: Any, images: NDArray[Any], training: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Outputs of the layers by canonical name."""

    def hessian_product(
        self,
        network: Any,
        images: NDArray[Any],
        labels: NDArray[Any],
        direction: Mapping[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        """The Hessian of the training loss times a direction."""

    def fuse(self, network: Any) -> Any:
        """A network without batch norms that has the same logits."""

    def export(self, network: Any, path: str | Path, image_size: ImageSize) -> None:
        """Write a network in the framework's own format for deployment."""

    def save(self, network: Any, path: str | Path) -> None:
        """Write a network to one file."""

    def load(self, path: str | Path) -> Any:
        """Read a network from one file."""

    def get_weights(self, network: Any) -> dict[str, NDArray[Any]]:
        """Canonical arrays of a network."""

    def set_weights(self, network: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Put canonical arrays into a network."""

    def devices(self) -> list[str]:
        """Devices of this machine, best first."""

    def clear_caches(self) -> None:
        """Free what the framework keeps of networks that are gone."""


@dataclass(frozen=True)
class Framework:
    """A framework: its title, this project's package for it, and what must be installed."""

    title: str
    package: str
    distributions: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Import names that this environment lacks."""
        return [name for name in self.distributions if importlib.util.find_spec(name) is None]

    def versions(self) -> dict[str, str]:
        """Installed versions by import name."""
        owners = importlib.metadata.packages_distributions()
        return {
            name: importlib.metadata.version(owners[name][0])
            for name in self.distributions
            if name in owners
        }


FRAMEWORKS = {
    "torch": Framework("PyTorch", "anynet_torch", ("torch",)),
    "mx": Framework("MXNet", "anynet_mx", ("mxnet",)),
    "tf": Framework("TensorFlow", "anynet_tf", ("tensorflow", "keras")),
    "jax": Framework("JAX", "anynet_jax", ("jax", "flax", "optax")),
}
"""Every backend by the name that commands and sessions take."""


def check_installed(name: str) -> None:
    """Raise `ConfigError` for an unknown backend and `BackendError` when its framework is missing.

    Nothing is imported.
    """
    if name not in FRAMEWORKS:
        raise ConfigError(
            f"backend: must be one of {', '.join(FRAMEWORKS)}; got {shortened(repr(name))}"
        )
    framework = FRAMEWORKS[name]
    if framework.missing:
        raise BackendError(
            f"backend {name}: needs {', '.join(framework.distributions)}; "
            f"got no {', '.join(framework.missing)}; pip install 'anynet[{name}]'"
        )


def load_backend(name: str) -> Backend:
    """Import the package of backend `name`.

    Raises `ConfigError` for an unknown name and `BackendError` when its framework is missing.
    """
    check_installed(name)
    framework = FRAMEWORKS[name]
    try:
        return cast(Backend, importlib.import_module(framework.package))
    except (ImportError, AttributeError) as error:
        # MXNet, for one, fails with an AttributeError beside NumPy 1.24 or later.
        raise BackendError(
            f"backend {name}: {framework.title} is installed but cannot be imported; got {error}; "
            f"use an environment of its own, as the nox sessions do"
        ) from error
