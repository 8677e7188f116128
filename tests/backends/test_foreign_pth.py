"""Checkpoints in the files that PyTorch writes."""

import argparse
import datetime
import json
import os
import pickle
import types
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from pathlib import Path

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
        {"epoch": 3, "state_dict": _OTHER, "state_dict_ema": _STATE},
        {"state_dict": {f"model.{name}": t for name, t in _STATE.items()}, "callbacks": {"x": {}}},
        {"model_state_dict": _STATE, "optimizer_state_dict": {"state": {0: {"step": 3}}}},
        {"weights": _STATE},
        {"trainer": {"epoch": 3, "network": {0: _STATE}}},
        {"best_state": OrderedDict({"_extra_state": None, **_STATE})},
        defaultdict(dict, network=defaultdict(float, _STATE)),
        (_STATE, {"state": {0: {"momentum_buffer": torch.zeros(3)}}}, 7),
        {"models": [{"weights": _STATE}], "losses": [0.5] * 200_000},
    ],
    ids=["pycls", "timm", "torchvision", "nested", "parallel", "ema", "no ema", "untold ema",
         "parameters", "timm ema", "lightning", "tutorial", "any key", "deep", "extra state",
         "default dictionaries", "a tuple", "lists"],
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
        ([torch.zeros(1)], "must hold named tensors; got list"),
        ({}, "must hold named tensors; got dict"),
        ({"x": torch.zeros(1)}, "must hold a RegNet of"),
        ({"a": _STATE, "b": _STATE}, "must hold one network; got a, b; save the one"),
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


def _optimizer():
    learned = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([learned], 0.1, momentum=0.9)
    learned.sum().backward()
    optimizer.step()
    return optimizer


_HARMLESS = {
    "arguments": argparse.Namespace(lr=0.1, nested=argparse.Namespace(out=Path("run"))),
    "namespace": types.SimpleNamespace(a=1),
    "number": np.float64(71.2),
    "numbers": [np.float32(1), np.int64(2), np.bool_(True), np.arange(3), np.dtype("float32")],
    "time": [datetime.datetime(2024, 5, 1), datetime.timedelta(seconds=3), datetime.date.min],
    "path": Path("run"),
    "collections": [OrderedDict(a=1), defaultdict(list, a=[1]), deque([1, 2]), Counter("aab")],
    "sets": [{1, 2}, frozenset("ab"), slice(1), range(3), 1j, b"bytes", bytearray(b"x")],
    "decimal": Decimal("0.1"),
    "torch": [torch.Size([1]), torch.float16, torch.device("cpu"), torch.__version__],
    "types": [int, float, np.float64, np.ndarray],
    "optimizer": _optimizer().state_dict(),
    "the optimizer": _optimizer(),
    "the schedule": torch.optim.lr_scheduler.CosineAnnealingLR(_optimizer(), 10),
    "scaler": torch.amp.GradScaler("cpu").state_dict(),
    "generator": torch.get_rng_state(),
}


@pytest.mark.parametrize("value", _HARMLESS.values(), ids=_HARMLESS)
@pytest.mark.parametrize("zipped", [True, False])
def test_harmless_values_beside_the_tensors_do_not_hinder(path, value, zipped):
    torch.save({"args": value, "state_dict": _STATE}, path, _use_new_zipfile_serialization=zipped)
    assert _differing(import_weights(path)[1]) == []


class _Own:
    """A type that no library knows."""


class _Evil:
    """Runs a command where a pickle is loaded without care."""

    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


_HIDDEN = {
    "alone": lambda evil: evil,
    "beside": lambda evil: {"state_dict": _STATE, "x": evil},
    "namespace": lambda evil: {"state_dict": _STATE, "args": argparse.Namespace(x=evil)},
    "default": lambda evil: {"state_dict": _STATE, "args": defaultdict(list, x=evil)},
    "weight": lambda evil: {**_STATE, "stem.conv.weight": evil},
}


@pytest.mark.parametrize("hide", _HIDDEN.values(), ids=_HIDDEN)
@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.mkdir, ("ran",), "posix.mkdir"),
        (exec, ("import os; os.mkdir('ran')",), "exec"),
        (getattr, (_Own, "__name__"), "getattr"),
        (pickle.loads, (b"cos\nmkdir\n(S'ran'\ntR.",), "pickle.loads"),
        (np.save, ("ran", 1), "numpy.save"),
        (torch.save, (1, "ran"), "torch.serialization.save"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_never_runs_anything(path, monkeypatch, hide, function, arguments, named, zipped):
    monkeypatch.chdir(path.parent)
    torch.save(hide(_Evil(function, *arguments)), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        WeightsError, match=rf"model.pth: .*got a value of type {named}; save model"
    ):
        import_weights(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_torchscript_archive_is_refused_as_one(path):
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), path)
    with pytest.raises(WeightsError, match="got a TorchScript archive; save model.state_dict"):
        import_weights(path)


def test_another_pickle_protocol_is_refused_as_one(path):
    torch.save(_STATE, path, pickle_protocol=4)
    with pytest.raises(WeightsError, match="or one of another protocol than torch.save's usual 2"):
        import_weights(path)


def test_the_type_that_hinders_is_named(path):
    torch.save({"state_dict": _STATE, "config": _Own()}, path)
    with pytest.raises(WeightsError, match="of type tests.backends.test_foreign_pth._Own; save"):
        import_weights(path)


def test_what_users_allow_stays_as_it_was(path):
    torch.save({"state_dict": _STATE}, path)
    with torch.serialization.safe_globals([_Own]):
        before = set(torch.serialization.get_safe_globals())
        import_weights(path)
        assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("file", ["model", "model.pth.tar", "model.ckpt", "model.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_is_known_by_its_content(tmp_path, file, zipped):
    torch.save(_STATE, tmp_path / file, _use_new_zipfile_serialization=zipped)
    assert _differing(import_weights(tmp_path / file)[1]) == []


def test_a_mapping_that_holds_itself_is_refused(path):
    content = {f"key{number}": torch.zeros(1) for number in range(10)}
    content |= {f"self{number}": content for number in range(10)}
    torch.save(content, path)
    with pytest.raises(WeightsError, match="must hold at most 100000 values; got more"):
        import_weights(path)


def test_a_model_of_transformers_in_several_files_is_read(tmp_path):
    names = list(_STATE)
    for number in range(2):
        torch.save(
            {n: _STATE[n] for n in names[number::2]}, tmp_path / f"pytorch_model-{number}.bin"
        )
    weight_map = {name: f"pytorch_model-{i % 2}.bin" for i, name in enumerate(names)}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert _differing(import_weights(tmp_path)[1]) == []
