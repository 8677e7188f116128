"""Weight files tell when they are not as they were written."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from common import AnyNetSpec
from common.arch import parameters
from common.errors import WeightsError
from common.weights import (
    initial_weights,
    load_spec,
    load_state,
    load_weights,
    read_contents,
    save_state,
    save_weights,
)
from common.weights.foreign import is_own

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 8, 4, 1)), 4)
_ARRAYS = initial_weights(_SPEC)
_GOLDEN = Path(__file__).parents[2] / "golden" / "0.1"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "net.safetensors"
    state = {name: _ARRAYS[name] for name in _ARRAYS}
    state |= {f"{name}.momentum": _ARRAYS[name] for name in parameters(_SPEC)}
    save_state(path, _SPEC, state, {"seed": 3, "progress": {"step": 7}})
    return path


def _start(data):
    return 8 + int.from_bytes(data[:8], "little")


def _flip(path, place, bit):
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize("draw", range(8))
def test_a_flipped_bit_in_the_arrays_is_refused(path, draw):
    data, stream = path.read_bytes(), np.random.default_rng(draw)
    _flip(path, int(stream.integers(_start(data), len(data))), int(stream.integers(8)))
    with pytest.raises(WeightsError, match="net.safetensors: arrays must be as they were written"):
        read_contents(path)


def test_any_flipped_bit_in_the_header_is_refused(path):
    data, accepted = path.read_bytes(), []
    for place in range(0, _start(data), 11):
        path.write_bytes(data)
        _flip(path, place, place % 8)
        try:
            load_spec(path)
        except WeightsError:
            continue
        accepted.append(place)
    assert accepted == []


@pytest.mark.parametrize(("old", "new"), [
    (b'\\"step\\": 7', b'\\"step\\": 6'),
    (b'\\"bn_momentum\\": 0.1', b'\\"bn_momentum\\": 0.2'),
    (b'\\"format\\": 2', b'\\"format\\": 1'),
    (b'"shape":[8]', b'"shape":[ 8'),
])  # fmt: skip
def test_an_edited_header_is_refused(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(WeightsError, match="net.safetensors: "):
        load_spec(path)


def test_swapped_arrays_are_refused(path):
    data = path.read_bytes()
    first, second = (f'"stage{n}.block1.bn2.weight"'.encode() for n in (1, 2))
    path.write_bytes(
        data.replace(first, b"<the first>").replace(second, first).replace(b"<the first>", second)
    )
    with pytest.raises(WeightsError, match="header must be as it was written"):
        load_weights(path)


def test_the_spec_is_read_from_a_file_whose_arrays_are_damaged(path):
    _flip(path, len(path.read_bytes()) - 1, 0)
    assert load_spec(path) == _SPEC


def test_other_programs_read_arrays_and_spec(path):
    arrays = load_file(path)
    with safe_open(path, framework="numpy") as file:
        metadata = json.loads(file.metadata()["anynet"])
    assert AnyNetSpec.from_dict(metadata["spec"]) == _SPEC
    assert [name for name in _ARRAYS if not np.array_equal(arrays[name], _ARRAYS[name])] == []


def test_a_file_without_its_digest_is_refused(path):
    header = {"format": 2, "spec": _SPEC.to_dict()}
    save_file(_ARRAYS, path, {"anynet": json.dumps(header)})
    with pytest.raises(WeightsError, match="metadata must hold anynet; got KeyError"):
        load_weights(path)


@pytest.mark.parametrize("newer", [3, 10**30])
def test_a_newer_format_is_refused_by_name(path, newer):
    save_file(_ARRAYS, path, {"anynet": json.dumps({"format": newer})})
    with pytest.raises(
        WeightsError, match=f"must be of format 1 to 2; got {newer}; a newer release reads it"
    ):
        load_weights(path)


@pytest.mark.parametrize("name", ["model", "run/best"])
def test_a_weight_file_of_version_0_1_is_loaded(name):
    spec, arrays = load_weights(_GOLDEN / f"{name}.safetensors")
    assert spec == AnyNetSpec.from_arch(((1, 4),), 4)
    assert arrays["head.fc.weight"].any()


def test_a_training_state_of_version_0_1_is_loaded():
    _, _, training = load_state(_GOLDEN / "run" / "checkpoint.safetensors")
    assert training["progress"]["step"] == 2


def test_what_was_loaded_from_version_0_1_is_written_with_digests(path):
    save_weights(path, *load_weights(_GOLDEN / "model.safetensors"))
    _flip(path, len(path.read_bytes()) - 2, 0)
    with pytest.raises(WeightsError, match="must be as they were written"):
        load_weights(path)


def test_a_file_of_ours_with_a_damaged_key_is_not_taken_for_another_librarys(path):
    path.write_bytes(path.read_bytes().replace(b'"anynet"', b'"anynes"', 1))
    assert is_own(path)
    with pytest.raises(WeightsError, match="metadata must hold anynet"):
        load_weights(path)
