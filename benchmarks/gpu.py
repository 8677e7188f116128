"""Subjects on a GPU: PyTorch eager and compiled, JAX compiled, in three precisions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import REGNETX32_CASE, REGNETY_400MF_CASE, Case
from benchmarks.plain import RATE

CASES = (replace(REGNETX32_CASE, batch=1024), replace(REGNETY_400MF_CASE, batch=128))
"""The networks, in batches that fill a GPU."""

PRECISIONS = ("float32", "tf32", "bfloat16")
"""float32 throughout; float32 with products in TF32; bfloat16 between float32 weights."""


def forms(backend: str) -> list[str]:
    """What is measured in a framework: `gpu PRECISION MODE`."""
    modes = ("eager", "compiled") if backend == "torch" else ("compiled",)
    return [f"gpu {precision} {mode}" for precision in PRECISIONS for mode in modes]


class OnGPU:
    """A learner whose every call runs in a precision that `within` enters."""

    def __init__(self, learner: Any, within: Callable[[], Any]) -> None:
        self.learner, self.within = learner, within

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step of training."""
        with self.within():
            return self.learner.train_step(images, labels, RATE)

    def predict(self, images: NDArray[np.uint8]) -> Any:
        """Logits (N, classes)."""
        with self.within():
            return self.learner.predict(images)


def make_torch(form: str, case: Case) -> OnGPU:
    """This project's learner in PyTorch."""
    import anynet_torch

    _, precision, mode = form.split()
    policy: Any = "bfloat16" if precision == "bfloat16" else "float32"
    network = anynet_torch.create(case.spec)
    learner = anynet_torch.Learner(network, case.image_shape, precision=policy)
    if mode == "compiled":
        network.compile()
    return OnGPU(learner, lambda: _TorchProducts(precision == "tf32"))


class _TorchProducts:
    """Products of float32 matrices in TF32 or not, and as before afterwards."""

    def __init__(self, tf32: bool) -> None:
        import torch

        self.backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
        self.tf32 = tf32
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before = [backend.allow_tf32 for backend in self.backends]
        for backend in self.backends:
            backend.allow_tf32 = self.tf32

    def __exit__(self, *error: object) -> None:
        for backend, before in zip(self.backends, self.before, strict=True):
            backend.allow_tf32 = before


def make_jax(form: str, case: Case) -> OnGPU:
    """This project's learner in JAX."""
    import jax

    import anynet_jax

    precision = form.split()[1]
    policy: Any = "bfloat16" if precision == "bfloat16" else "float32"
    network = anynet_jax.create(case.spec)
    learner = anynet_jax.Learner(network, case.image_shape, precision=policy)
    products = "tensorfloat32" if precision == "tf32" else "float32"
    return OnGPU(learner, lambda: jax.default_matmul_precision(products))


MAKERS = {"torch": make_torch, "jax": make_jax}
"""What makes a subject, by backend."""


def product(backend: str, precision: str, side: int) -> Callable[[], None]:
    """A product of two square matrices on the GPU, to its end."""
    if backend == "torch":
        import torch

        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        a, b = torch.rand(2, side, side, device="cuda", dtype=dtype)

        def run_torch() -> None:
            with _TorchProducts(precision == "tf32"):
                a @ b
            torch.cuda.synchronize()

        return run_torch
    import jax

    kind = "bfloat16" if precision == "bfloat16" else "float32"
    x, y = jax.random.uniform(jax.random.key(0), (2, side, side), kind)
    products = "tensorfloat32" if precision == "tf32" else "float32"
    multiply = jax.jit(jax.numpy.matmul)

    def run_jax() -> None:
        with jax.default_matmul_precision(products):
            multiply(x, y).block_until_ready()

    return run_jax
