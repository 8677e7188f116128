"""Subjects on a GPU: PyTorch eager and in a CUDA graph, JAX compiled, in three precisions."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import REGNETX32_CASE, REGNETY_400MF_CASE, Case
from benchmarks.plain import RATE
from common.backends import load_backend

CASES = (replace(REGNETX32_CASE, batch=1024), replace(REGNETY_400MF_CASE, batch=128))
"""The networks, in batches that fill a GPU."""

CUDA_GRAPHS = "ANYNET_CUDA_GRAPHS"
"""The environment variable that turns PyTorch's graphs off."""

BACKENDS = ("torch", "jax")

PRECISIONS = ("float32", "tf32", "bfloat16")
"""float32 throughout; float32 with products in TF32; bfloat16 between float32 weights."""


def forms(backend: str) -> list[str]:
    """What is measured in a framework: `gpu PRECISION MODE`.

    PyTorch's compiled form is a step recorded into a CUDA graph, as learners do by themselves.
    """
    modes = ("eager", "compiled") if backend == "torch" else ("compiled",)
    return [f"gpu {precision} {mode}" for precision in PRECISIONS for mode in modes]


class OnGPU:
    """A learner in one precision, with PyTorch's CUDA graphs or without."""

    def __init__(self, backend: str, form: str, case: Case) -> None:
        _, precision, mode = form.split()
        package = load_backend(backend)
        before = os.environ.get(CUDA_GRAPHS)
        os.environ[CUDA_GRAPHS] = "0" if mode == "eager" else "1"
        try:
            network = package.create(case.spec)
            self.learner = package.Learner(network, case.image_shape, precision=precision)
        finally:
            del os.environ[CUDA_GRAPHS]
            if before is not None:
                os.environ[CUDA_GRAPHS] = before

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step of training."""
        return self.learner.train_step(images, labels, RATE)

    def predict(self, images: NDArray[np.uint8]) -> Any:
        """Logits (N, classes)."""
        return self.learner.eval_step(images)


def product(backend: str, precision: str, side: int) -> Callable[[], None]:
    """A product of two square matrices on the GPU, to its end."""
    if backend == "torch":
        import torch

        from anynet_torch.layers import products as torch_products

        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        a, b = torch.rand(2, side, side, device="cuda", dtype=dtype)

        def run_torch() -> None:
            with torch_products(precision):
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
