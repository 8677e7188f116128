"""Weight files: whole, and broken in every way."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from common import REGNETX32, AnyNetSpec
from common.arch import parameters
from common.errors import WeightsError
from common.weights import (
    initial_weights,
    load_spec,
    load_state,
    load_weights,
    save_state,
    save_weights,
)

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 4)
_ARRAYS = initial_weights(_SPEC)
_NAME = "stage1.block1.conv2.weight"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def test_what_was_saved_is_loaded(path):
    save_weights(path, _SPEC, _ARRAYS)
    spec, arrays = load_weights(path)
    assert spec == _SPEC
    assert [name for name in _ARRAYS if not np.array_equal(arrays[name], _ARRAYS[name])] == []


def test_the_spec_is_read_without_the_arrays(path):
    save_weights(path, _SPEC, _ARRAYS)
    assert load_spec(path) == _SPEC


def test_loaded_arrays_are_views_of_the_file_and_writing_to_them_changes_it_not(path):
    save_weights(path, _SPEC, _ARRAYS)
    before, arrays = path.read_bytes(), load_weights(path)[1]
    assert not any(array.flags.owndata for array in arrays.values())
    arrays[_NAME] += np.float32(1)
    assert path.read_bytes() == before


def test_equal_networks_give_equal_bytes(path, tmp_path):
    save_weights(path, _SPEC, _ARRAYS)
    save_weights(tmp_path / "other", _SPEC, dict(reversed(_ARRAYS.items())))
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


_STATE = {
    name: array.astype(np.float64)
    for name, array in {
        **_ARRAYS, **{f"{name}.momentum": _ARRAYS[name] + 1 for name in parameters(_SPEC)}
    }.items()
}  # fmt: skip
_TRAINING = {"seed": 3, "progress": {"step": 7}}
_TRAINED = [name for name in parameters(_SPEC) if not name.startswith("stem.")]
_WHOLE_STATE = {
    **_ARRAYS,
    **{f"{name}.moment{n}": _ARRAYS[name] + n for name in _TRAINED for n in (1, 2)},
    **{f"{name}.average": array + 3 for name, array in _ARRAYS.items()},
    "optimizer_steps": np.array(7),
}


def test_a_state_of_adamw_with_averages_and_a_frozen_stem_is_loaded(path):
    save_state(path, _SPEC, _WHOLE_STATE, _TRAINING)
    arrays = load_state(path)[1]
    assert arrays.keys() == _WHOLE_STATE.keys()
    assert [n for n in _WHOLE_STATE if not np.array_equal(arrays[n], _WHOLE_STATE[n])] == []
    assert load_weights(path)[1].keys() == _ARRAYS.keys()


@pytest.mark.parametrize(
    "name", [f"{_NAME}.moment1", f"{_NAME}.average", "stem.bn.running_var.average",
             "optimizer_steps"],
)  # fmt: skip
def test_an_array_that_is_missing_in_a_state_is_named(path, name):
    state = {key: array for key, array in _WHOLE_STATE.items() if key != name}
    with pytest.raises(WeightsError, match=f"missing {name}; extra none; unfit none"):
        save_state(path, _SPEC, state, _TRAINING)


def test_a_number_of_steps_that_is_no_integer_is_named(path):
    state = _WHOLE_STATE | {"optimizer_steps": np.array(1.5)}
    with pytest.raises(WeightsError, match="unfit optimizer_steps must be int64, got float64"):
        save_state(path, _SPEC, state, _TRAINING)


def test_a_training_state_is_loaded_with_its_position(path):
    save_state(path, _SPEC, _STATE, _TRAINING)
    spec, arrays, training = load_state(path)
    assert (spec, training) == (_SPEC, _TRAINING)
    assert [n for n in _STATE if not np.array_equal(arrays[n], _STATE[n])] == []
    assert {array.dtype for array in arrays.values()} == {np.dtype("float64")}


def test_a_training_state_holds_a_networks_weights_too(path):
    save_state(path, _SPEC, _STATE, _TRAINING)
    spec, arrays = load_weights(path)
    assert spec == _SPEC
    assert [n for n in _ARRAYS if not np.array_equal(arrays[n], _ARRAYS[n])] == []
    assert arrays.keys() == _ARRAYS.keys()


def test_weights_alone_are_no_training_state(path):
    save_weights(path, _SPEC, _ARRAYS)
    with pytest.raises(WeightsError, match="must be a training state; got weights alone"):
        load_state(path)


def test_momentum_of_some_parameters_alone_is_refused(path):
    state = {name: array for name, array in _STATE.items() if name != f"{_NAME}.momentum"}
    with pytest.raises(WeightsError, match=f"missing {_NAME}.momentum; extra none"):
        save_state(path, _SPEC, state, _TRAINING)


def test_all_differences_are_in_one_error(path):
    change = {
        _NAME: None, "more": np.zeros(1, np.float32), "head.fc.bias": np.zeros(2, np.float32)
    }  # fmt: skip
    message = (
        rf"missing {_NAME}; extra more; unfit head.fc.bias must have shape \(10,\), got \(2,\)"
    )
    with pytest.raises(WeightsError, match=message):
        save_weights(path, _SPEC, _changed(change))


_MISFITS = pytest.mark.parametrize(
    ("change", "message"),
    [
        ({_NAME: None}, rf"missing {_NAME}; extra none"),
        ({"stem.conv.wieght": np.zeros(3, np.float32)}, "missing none; extra stem.conv.wieght"),
        ({_NAME: np.zeros((3, 3), np.float32)}, rf"{_NAME} must have shape \(8, 4, 3, 3\)"),
        ({_NAME: _ARRAYS[_NAME].astype(np.float64)}, f"{_NAME} must be float32, got float64"),
        (
            {_NAME: np.full_like(_ARRAYS[_NAME], np.nan)},
            f"must be finite; got NaN or infinity in {_NAME}",
        ),
    ],
)


def _changed(change):
    arrays = {**_ARRAYS, **change}
    return {name: array for name, array in arrays.items() if array is not None}


@_MISFITS
def test_saving_arrays_that_do_not_fit_names_them(path, change, message):
    with pytest.raises(WeightsError, match=f"net.safetensors: .*{message}"):
        save_weights(path, _SPEC, _changed(change))
    assert not path.exists()


@_MISFITS
def test_loading_arrays_that_do_not_fit_names_them(path, change, message):
    header = json.dumps({"version": 1, "spec": _SPEC.to_dict()})
    save_file(_changed(change), path, {"anynet": header})
    with pytest.raises(WeightsError, match=f"net.safetensors: .*{message}"):
        load_weights(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "metadata must hold anynet"),
        ({"anynet": "{"}, "metadata must hold anynet"),
        ({"anynet": '{"version": 2, "spec": {}}'}, "format version must be 1; got 2"),
        ({"anynet": '{"version": 1, "spec": {}}'}, "fields must be among"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(path, metadata, message):
    save_file(_ARRAYS, path, metadata)
    with pytest.raises(WeightsError, match=message):
        load_weights(path)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(path, keep):
    save_weights(path, _SPEC, _ARRAYS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="net.safetensors: must be a safetensors file"):
        load_weights(path)


def test_many_differences_are_one_short_error(path):
    with pytest.raises(WeightsError, match="missing .* and 192 more") as caught:
        save_weights(path, REGNETX32, {})
    assert len(str(caught.value)) < 500
