"""The one way to reach the four frameworks' packages, by short name."""

import gc
import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arch.plan import ImageSize
from common.errors import BackendError, told
from common.frameworks import FRAMEWORKS, Framework, check_installed
from common.gpus import find_nvidia
from common.installs import how_to_install
from common.processes import physical_cores
from common.training import Learner as BaseLearner
from common.training import Trainer as BaseTrainer
from common.weights import Init

__all__ = [
    "FRAMEWORKS", "Backend", "Framework", "check_installed", "frozen_heap", "import_for_steps",
    "load_backend", "start_backend",
]  # fmt: skip


class Backend(Protocol):
    """What every package `anynet_torch`, `anynet_mx`, `anynet_tf` and `anynet_jax` exports.

    A module is an implementation of a protocol like an object (PEP 544). `common` imports the
    packages by name at run time, where no type checker sees which one it gets; so
    `tests/mirrors.py` assigns all four to this type, and mypy compares every name, signature and
    type there.
    """

    CHANNELS_LAST: bool
    EXPORTS_FOLDER: bool
    MODULES_HOLD_WEIGHTS: bool
    SUPPORTS_BFLOAT16: bool
    SUPPORTS_CONFIGURE_OPTIMIZERS: bool
    SUPPORTS_FLOAT64_OWN_LAYERS: bool
    SUPPORTS_FORWARD_MODE: bool
    SUPPORTS_KEEPING_MEMORY: bool
    SUPPORTS_RANDOM_LAYERS: bool
    SUPPORTS_SECOND_DERIVATIVES: bool
    SUPPORTS_SEVERAL_DEVICES: bool
    SUPPORTS_TF32: bool
    SUPPORTS_TRAINING_IN_THREADS: bool

    AnyNet: Any
    RegNetX32: Any

    @property
    def Learner(self) -> type[BaseLearner]:  # noqa: N802
        """One network being trained on one device."""

    @property
    def Trainer(self) -> type[BaseTrainer]:  # noqa: N802
        """Fits a model to data."""

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

    def keep_freed_memory(self) -> bool:
        """Keep freed memory in this process for later arrays."""

    def devices(self) -> list[str]:
        """Devices of this machine, best first."""

    def own_stream(self) -> AbstractContextManager[Any]:
        """Context in which this thread trains beside others."""

    def clear_caches(self) -> None:
        """Free what the framework keeps of networks that are gone."""


def load_backend(name: str) -> Backend:
    """Import the package of backend `name`.

    Raises `ConfigError` for an unknown name and `BackendError` when its framework is missing or
    broken.
    """
    check_installed(name)
    framework = FRAMEWORKS[name]
    try:
        return cast(Backend, importlib.import_module(framework.package))
    except Exception as error:
        # ImportError and OSError come from shared libraries, ValueError and TypeError from others
        # that do not fit; MXNet's is an AttributeError beside NumPy 1.24 or later.
        raise BackendError(
            f"backend {name}: {framework.title} is installed but cannot be imported; got "
            f"{told(error)}; in an environment of its own, {how_to_install(name)}"
        ) from error


LARGE_STEP = 0.75e9
"""Multiply-adds of a training step, per core, from which on it is a large one.

MXNet then computes with all cores. In the thread of its engine it takes half of them, and is slower
with more: GNU's OpenMP library counts one thread more than there are cores, and its threads sleep
after every operator. In the thread that calls it they do not, but Python's work is done there too.

TensorFlow then uses oneDNN's kernels, as by default on CPUs with AVX512_VNNI only. They divide
every operator between all cores, however small it is.
"""

_SAID = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""Variables by which users say how many cores a process may take; then nothing else is set."""


def start_backend(name: str, flops: float = inf) -> Backend:
    """`load_backend`, in a process of this project's own, which is set up for what it will do.

    For commands and workers: in any other process, what is set is its owner's business. `flops` are
    the multiply-adds of a training step; processes that only predict leave them out. What a user
    has set stays.
    """
    framework, cores = FRAMEWORKS.get(name), physical_cores()
    chosen = dict(framework.large_batches) if framework else {}
    if framework and framework.threads:
        chosen[framework.threads] = str(cores)
    is_large = cores is not None and flops >= LARGE_STEP * cores
    if chosen and is_large and not {*_SAID, *chosen} & os.environ.keys() and not find_nvidia():
        os.environ.update(chosen)
    backend = load_backend(name)
    backend.keep_freed_memory()
    return backend


def import_for_steps(name: str) -> None:
    """Import what the framework of an installed backend imports with its first training step."""
    for module in FRAMEWORKS[name].step_modules:
        with suppress(ImportError):  # another version of the framework may not have it
            importlib.import_module(module)


@contextmanager
def frozen_heap(backend: str | None = None) -> Iterator[None]:
    """Exempt existing objects, hundreds of thousands in a framework, from garbage collection.

    If a `backend` will train, what its steps need is imported before: otherwise PyTorch takes 60 ms
    to collect what a network leaves, instead of 2.
    """
    if backend:
        import_for_steps(backend)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
