"""The kernels for batch norm, shortcut and ReLU, compiled by Triton for GPUs that are not there.

A stand-in for Triton's driver names the GPU, takes what is compiled, and launches nothing.
"""

import dataclasses
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("Triton's interpreter compiles nothing", allow_module_level=True)

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver

import anynet_torch
from anynet_torch import fused_norm, joined
from anynet_torch.layers import BatchNorm
from common.arch import AnyNetSpec, StageSpec
from common.files import try_lock

pytestmark = pytest.mark.filterwarnings("ignore")  # of arrays of which nothing is computed

_SPEC = AnyNetSpec(16, (StageSpec(2, 32, 8, 0.5, 2), StageSpec(2, 144, 16, 1, 2)))
_KERNELS = (
    "sums", "statistics", "normalise", "gradient_sums", "gradients", "input_gradient",
)  # fmt: skip
_IMAGES, _LABELS = np.zeros((8, 1, 16, 16), np.uint8), np.zeros(8, np.int32)


class _Driver:
    """A stand-in for Triton's driver of a GPU of some architecture."""

    _numbers = count(1000)  # Triton keeps what is compiled for a device by its number

    def __init__(self, architecture):
        self._number = next(self._numbers)
        self._target = GPUTarget("cuda", architecture, 32)
        self.loaded, self.launched, self.utils = [], 0, self

    def get_current_target(self):
        return self._target

    def get_current_device(self):
        return self._number

    def get_current_stream(self, device):
        return 0

    def get_device_properties(self, device):
        return {"max_shared_mem": 48 * 1024}

    def load_binary(self, name, binary, shared, device):
        assert binary[:4] == b"\x7fELF"
        self.loaded.append(name)
        return name, name, 32, 0, 1024  # module, function, registers, spills, threads

    def launcher_cls(self, source, metadata):
        def launch(*arguments):
            self.launched += 1

        return launch


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """Call it with an architecture for its stand-in."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(fused_norm, "_compiled", set())
    monkeypatch.setattr(joined, "_fuses", lambda norm, x: True)
    before = driver._active

    def make(architecture):
        found = _Driver(architecture)
        driver.set_active(found)
        return found

    yield make
    driver._active = before


def _learner(precision, conv_bias=False):
    spec = dataclasses.replace(_SPEC, conv_bias=conv_bias)
    return anynet_torch.Learner(
        anynet_torch.create(spec), (1, 16, 16), device="cpu", precision=precision
    )


@pytest.mark.parametrize(
    ("architecture", "precision", "conv_bias"),
    [(80, "bfloat16", True), (90, "float32", False), (90, "bfloat16", False)],
)
def test_a_step_runs_what_was_compiled_before_it(gpu, architecture, precision, conv_bias):
    on_gpu, learner = gpu(architecture), _learner(precision, conv_bias)
    joined.compile_norms(learner.network, getattr(torch, precision))
    compiled, launched = set(on_gpu.loaded), on_gpu.launched
    assert {name.strip("_") for name in compiled} == set(_KERNELS)
    loaded = len(on_gpu.loaded)
    for images, labels in ((_IMAGES, _LABELS), (_IMAGES[:3], _LABELS[:3])):
        learner.train_step(images, labels, 0.1)
    assert len(on_gpu.loaded) == loaded
    norms = sum(isinstance(layer, BatchNorm) for layer in learner.network.modules())
    assert on_gpu.launched == launched + 2 * len(_KERNELS) * norms


def test_what_is_compiled_once_is_not_compiled_again(gpu):
    on_gpu, network = gpu(90), _learner("float32").network
    joined.compile_norms(network, torch.float32)
    found = len(on_gpu.loaded), on_gpu.launched
    joined.compile_norms(network, torch.float32)
    assert (len(on_gpu.loaded), on_gpu.launched) == found
    joined.compile_norms(network, torch.bfloat16)
    assert len(on_gpu.loaded) > found[0]


def test_one_process_compiles_and_the_others_wait(gpu, tmp_path, monkeypatch):
    gpu(90)
    began = threading.Event()
    monkeypatch.setattr(fused_norm, "_run_kernels", lambda *args, **options: began.set())
    asked = [8], torch.float32, torch.device("cpu"), False
    with ThreadPoolExecutor(1) as pool:
        with (tmp_path / "anynet.lock").open("ab") as other:
            assert try_lock(other.fileno())
            waiting = pool.submit(fused_norm.compile_kernels, *asked)
            assert not began.wait(0.2)
        waiting.result(60)
    assert began.is_set()
    fused_norm._compiled.clear()  # as in another process
    with (tmp_path / "anynet.lock").open("ab") as other:
        assert try_lock(other.fileno())
        fused_norm.compile_kernels(*asked)  # which only reads, and does not wait


def test_a_folder_that_cannot_be_written_hinders_nothing(gpu, monkeypatch, tmp_path):
    gpu(90)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "cache"))
    ran = []
    monkeypatch.setattr(fused_norm, "_run_kernels", lambda *args, **options: ran.append(args))
    fused_norm.compile_kernels([8, 16], torch.float32, torch.device("cpu"), False)
    assert sorted(ran) == [(8,), (16,)]
