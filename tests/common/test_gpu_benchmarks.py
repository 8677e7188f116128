"""The section of the benchmarks on GPUs, with workers and numbers that are made up."""

from functools import partial

import pytest

from benchmarks.sections import SECTIONS
from benchmarks.tables import tables
from tests.fake_workers import FACTS, make_bench


@pytest.fixture
def bench(monkeypatch):
    """Makes a bench on a device."""
    return partial(make_bench, monkeypatch)


_GPU_CASES = [
    "training, RegNetX32, 96 px, batch 128",
    "training, RegNetX32, 96 px, batch 1024",
    "training, RegNetY-400MF, 224 px, batch 256",
]


@pytest.mark.parametrize("case", _GPU_CASES)
def test_on_a_gpu_every_case_is_trained_with_images_from_the_host_and_on_the_device(bench, case):
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    forms = {(item.backend, item.form) for item in made.section.of(case=case)}
    for backend in ("torch", "jax"):
        assert {(backend, "bfloat16"), (backend, "bfloat16, images on the device")} <= forms
    assert made.section.one(case=f"memory, {case}", backend="jax").median == 5e9


@pytest.mark.parametrize(
    ("case", "form"),
    [
        (_GPU_CASES[0], "float32"),
        (_GPU_CASES[0], "tf32"),
        (_GPU_CASES[0], "bfloat16, in fit"),
        (_GPU_CASES[1], "plain bfloat16"),
        (_GPU_CASES[1], "plain compiled"),
        (_GPU_CASES[2], "timm bfloat16"),
        (_GPU_CASES[2], "torchvision bfloat16"),
        (_GPU_CASES[2], "timm compiled"),
        ("inference, RegNetY-400MF, 224 px, batch 256", "fused bfloat16"),
        ("48 small networks, 4 epochs of the sample", "4 x 4 at a time"),
        ("16 small networks, 4 epochs of the sample", "1 x 1 at a time"),
        ("128 small networks, 4 epochs of the sample", "study run, 4 x 4 at a time"),
        ("matrix product", "tf32 product"),
        ("copy in memory", "copy"),
    ],
)
def test_on_a_gpu_pytorch_is_measured_in_every_form(bench, case, form):
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    assert made.section.one(case=case, backend="torch", form=form)


def test_rows_of_the_gpu_have_their_shares_and_their_memory(bench):
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    made.section.facts = dict(FACTS)
    rows = tables({"gpu": made.section})["gpu"].splitlines()[2:]
    trained = [row for row in rows if row.startswith("| training") and "fit" not in row]
    assert len(trained) > 10
    assert all(row.count(" % |") == 2 and row.endswith("| 5 |") for row in trained)
    assert not any("product |" in row or "memory," in row for row in rows)


def test_what_float64_differs_by_has_a_table_of_its_own(bench):
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    made.section.facts = dict(FACTS)
    *_, losses, state = tables({"gpu": made.section})["gpu"].splitlines()
    assert losses == "| three float64 steps, against the CPU's | JAX | losses | 3.0e-14 |"
    assert state.endswith("| JAX | state | 7.0e-15 |")


def test_populations_of_a_framework_come_before_the_next_one_is_measured(bench):
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    order = [(item.backend, " at a time" in item.form) for item in made.section.measurements]
    assert order.index(("torch", True)) < order.index(("jax", False))


def test_what_a_gpu_has_no_time_for_is_noted(bench, monkeypatch):
    monkeypatch.setattr("benchmarks.gpu.MINUTES", -1)
    made = bench("gpu: made up")
    SECTIONS["gpu"](made)
    assert made.section.measurements == []
    assert f"{_GPU_CASES[0]}, bfloat16: not measured; the time was over" in made.section.notes


def test_without_a_gpu_its_section_says_so(bench):
    made = bench()
    SECTIONS["gpu"](made)
    assert made.section.measurements == []
    assert made.section.notes == ["gpu: not measured; neither PyTorch nor JAX sees one"]
