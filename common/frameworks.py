"""The four frameworks: their packages, what is installed of them, and how to install them."""

from dataclasses import dataclass
from importlib.util import find_spec

from common.errors import BackendError, ConfigError, shortened
from common.installs import how_to_install, installed_version


@dataclass(frozen=True)
class Framework:
    """A framework: its title, this project's package for it, and the modules that it needs.

    `extra` is the extra of this project that installs its CUDA build, if there is one.
    `exports_folder` is the package's `EXPORTS_FOLDER`, known before the framework is imported.
    `large_batches` are variables, read when it is imported, with which it computes large batches in
    less time on a CPU; `threads` is another, the number of its threads, where they need it.
    `step_modules` are what the framework imports itself with its first training step.
    """

    title: str
    package: str
    distributions: tuple[str, ...]
    extra: str | None
    exports_folder: bool = False
    threads: str | None = None
    large_batches: tuple[tuple[str, str], ...] = ()
    step_modules: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Import names that this environment lacks."""
        return [name for name in self.distributions if not _is_installed(name)]

    def versions(self) -> dict[str, str]:
        """Installed versions by import name."""
        found = {name: installed_version(name) for name in self.distributions}
        return {name: about[1] for name, about in found.items() if about}

    def without(self, gpu: str) -> str:
        """A note that the machine has the NVIDIA device `gpu`, but the framework sees none."""
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
    "torch": Framework(
        "PyTorch", "anynet_torch", ("torch",), "torch", step_modules=("torch._dynamo",),
    ),
    "mx": Framework(
        "MXNet", "anynet_mx", ("mxnet",), None, True,
        "MXNET_OMP_MAX_THREADS", (("MXNET_ENGINE_TYPE", "NaiveEngine"),),
    ),
    "tf": Framework(
        "TensorFlow", "anynet_tf", ("tensorflow", "keras"), "tf-cuda", True,
        large_batches=(("TF_ENABLE_ONEDNN_OPTS", "1"),),
    ),
    "jax": Framework("JAX", "anynet_jax", ("jax", "flax", "optax"), "jax-cuda"),
}  # fmt: skip
"""Every framework by the name of its backend, as commands take it."""


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
    except ValueError:  # a stub in sys.modules without a __spec__
        return False
    # A folder without __init__.py is not the package: uninstalling leaves some behind.
    return spec is not None and spec.origin is not None
