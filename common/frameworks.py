"""The four frameworks by short name: what is installed of each, and how it is installed."""

from dataclasses import dataclass
from importlib.util import find_spec

from common.errors import BackendError, ConfigError, shortened
from common.installs import how_to_install, installed_version


@dataclass(frozen=True)
class Framework:
    """A framework: its title, this project's package for it, and what must be installed.

    `extra` is the one that brings its build for NVIDIA devices, where this project has one.
    """

    title: str
    package: str
    distributions: tuple[str, ...]
    extra: str | None

    @property
    def missing(self) -> list[str]:
        """Import names that this environment lacks."""
        return [name for name in self.distributions if not _is_installed(name)]

    def versions(self) -> dict[str, str]:
        """Installed versions by import name."""
        found = {name: installed_version(name) for name in self.distributions}
        return {name: about[1] for name, about in found.items() if about}

    def without(self, gpu: str) -> str:
        """What to say where the machine has the NVIDIA device `gpu` and the framework sees none."""
        remedy = (
            f"in a new environment, {how_to_install(self.extra)} brings one for CUDA on Linux"
            if self.extra
            else "its builds for CUDA have names of their own and are not tested here"
        )
        return (
            f"this machine has an NVIDIA device ({gpu}), but {self.title} sees no GPU: its build "
            f"may be for CPUs only, the driver too old, or a setting in the way; {remedy}"
        )


FRAMEWORKS = {
    "torch": Framework("PyTorch", "anynet_torch", ("torch",), "torch"),
    "mx": Framework("MXNet", "anynet_mx", ("mxnet",), None),
    "tf": Framework("TensorFlow", "anynet_tf", ("tensorflow", "keras"), "tf-cuda"),
    "jax": Framework("JAX", "anynet_jax", ("jax", "flax", "optax"), "jax-cuda"),
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
            f"got no {', '.join(framework.missing)}; {how_to_install(name)}"
        )


def _is_installed(module: str) -> bool:
    try:
        spec = find_spec(module)
    except ValueError:  # a stand-in without a spec
        return False
    # A folder without code is no package: a removal leaves some, and users have some of that name.
    return spec is not None and spec.origin is not None
