"""Checkpoints in the files that PyTorch writes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from common.errors import WeightsError  # noqa: E402
from common.weights.foreign import LAYOUTS, export_weights, import_weights  # noqa: E402
from tests.foreign import SMALL_Y, SPECS, random_arrays, state  # noqa: E402

_ARRAYS = random_arrays(SMALL_Y)
_STATE = {k: torch.from_numpy(v) for k, v in state("timm", SMALL_Y, _ARRAYS).items()}
_OTHER = {name: torch.zeros_like(tensor) for name, tensor in _STATE.items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


def _differing(arrays, wanted=_ARRAYS):
    return [name for name in wanted if arrays[name].tobytes() != wanted[name].tobytes()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_round_trip_changes_no_bit(path, layout):
    spec = SPECS[layout]
    arrays = random_arrays(spec)
    export_weights(path, spec, arrays, layout)
    found, imported = import_weights(path)
    assert found == spec
    assert _differing(imported, arrays) == []


@pytest.mark.parametrize(
    "content",
    [
        {"model_state": _STATE, "epoch": 100, "optimizer_state": {"lr": 0.1}},
        {"state_dict": _STATE, "arch": "regnety_004"},
        {"model": _STATE, "args": None},
        {"model": {"state_dict": _STATE}},
        {"state_dict": {f"module.{name}": tensor for name, tensor in _STATE.items()}},
        {"model_state": _OTHER, "test_err": 30.0, "ema_state": _STATE, "ema_err": 29.0},
        {"model_state": _STATE, "test_err": 29.0, "ema_state": _OTHER, "ema_err": 30.0},
        {"model_state": _STATE, "ema_state": _OTHER, "test_err": 30.0},
        {name: torch.nn.Parameter(t) if t.is_floating_point() else t for name, t in _STATE.items()},
    ],
    ids=["pycls", "timm", "torchvision", "nested", "parallel", "ema", "no ema", "untold ema",
         "parameters"],
)  # fmt: skip
def test_the_state_is_found_in_what_training_saves(path, content):
    torch.save(content, path)
    assert _differing(import_weights(path)[1]) == []


def test_files_from_before_pytorch_1_6_are_read(path):
    torch.save({"model_state": _STATE}, path, _use_new_zipfile_serialization=False)
    assert _differing(import_weights(path)[1]) == []


def test_channels_last_kernels_are_read_in_order(path):
    tensors = {
        name: tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        for name, tensor in _STATE.items()
    }
    torch.save(tensors, path)
    assert _differing(import_weights(path)[1]) == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32_without_loss(path, dtype):
    halves = {
        name: torch.nn.Parameter(tensor.to(dtype)) if tensor.is_floating_point() else tensor
        for name, tensor in _STATE.items()
    }
    torch.save(halves, path)
    arrays = import_weights(path)[1]
    wanted = {k: torch.from_numpy(v).to(dtype).float().numpy() for k, v in _ARRAYS.items()}
    assert _differing(arrays, wanted) == []


def test_an_export_for_pycls_is_a_checkpoint_of_pycls(path):
    export_weights(path, SMALL_Y, _ARRAYS, "pycls")
    checkpoint = torch.load(path)
    assert checkpoint["epoch"] == 0
    assert checkpoint["model_state"]["head.fc.weight"].shape == (10, 136)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.nn.ReLU(), "must hold tensors and plain data only; got .*; save model.state_dict"),
        ([torch.zeros(1)], "must hold named tensors, .*; got list"),
        ({"weights": _STATE}, "must hold named tensors, by themselves or under model_state"),
        ({}, "must hold a RegNet of"),
        (
            {**_STATE, "head.fc.weight": torch.zeros(10, 136).to_sparse()},
            "head.fc.weight must be one of float32, .*, got cpu torch.sparse_coo float32",
        ),
        (
            {**_STATE, "head.fc.weight": torch.zeros(10, 136, device="meta")},
            "head.fc.weight must be one of float32, .*, got meta torch.strided float32",
        ),
    ],
)
def test_anything_but_a_state_is_refused(path, content, message):
    torch.save(content, path)
    with pytest.raises(WeightsError, match=f"model.pth: .*{message}"):
        import_weights(path)


@pytest.mark.parametrize("keep", [0, 1, 100, -100])
def test_a_truncated_file_is_refused(path, keep):
    torch.save(_STATE, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="model.pth: must hold tensors and plain data only"):
        import_weights(path)


def test_arrays_are_views_of_the_file_and_writing_to_them_changes_it_not(path):
    torch.save(_STATE, path)
    before = path.read_bytes()
    arrays = import_weights(path)[1]
    assert not any(array.flags.owndata for array in arrays.values())
    arrays["head.fc.bias"] += np.float32(1)
    assert path.read_bytes() == before
