"""Which network of a file is meant."""

import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from common.errors import WeightsError
from common.weights.foreign import LAYOUTS, read_foreign
from tests.foreign import SMALL_Y, SPECS, random_arrays, state

_ARRAYS = random_arrays(SMALL_Y)
_TIMM = state("timm", SMALL_Y, _ARRAYS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def _with(prefix, arrays):
    return {prefix + name: array for name, array in arrays.items()}


def _both(layout, plain="state_dict.", averaged="state_dict_ema."):
    """Plain weights, and averaged ones that are 0 throughout."""
    stored = state(layout, SPECS[layout], random_arrays(SPECS[layout]))
    zeros = {name: np.zeros_like(array) for name, array in stored.items()}
    return _with(plain, stored) | _with(averaged, zeros)


def _is_averaged(found):
    return not any(array.any() for array in found.arrays.values())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "backbone.", "net.", "student.", "encoder.",
     "module._orig_mod.model.", "_orig_mod.module.", "state_dict.net.encoder.0."],
)  # fmt: skip
def test_any_common_prefix_is_dropped(path, layout, prefix):
    spec = SPECS[layout]
    arrays = random_arrays(spec)
    save_file(_with(prefix, state(layout, spec, arrays)), path)
    found = read_foreign(path)
    assert (found.layout, found.spec, found.left_out) == (layout, spec, ())
    assert [name for name in arrays if not np.array_equal(found.arrays[name], arrays[name])] == []


@pytest.mark.parametrize(
    "wrapper", ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module._orig_mod."]
)
def test_names_of_wrapped_modules_are_dropped_inside(path, wrapper):
    save_file({n.replace("s2.b1.", f"s2.{wrapper}b1."): a for n, a in _TIMM.items()}, path)
    assert read_foreign(path).spec == SMALL_Y


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_one_linear_layer_of_a_head_with_dropout_is_its_head(path, layout):
    spec, head = SPECS[layout], LAYOUTS[layout].layers["head.fc"]
    around = re.sub(r"\.[0-9]+$", "", head)
    stored = state(layout, spec, random_arrays(spec))
    moved = {name.replace(f"{head}.", f"{around}.4."): array for name, array in stored.items()}
    assert moved.keys() != stored.keys()
    save_file(moved, path)
    found = read_foreign(path)
    assert found.spec == spec
    np.testing.assert_array_equal(found.arrays["head.fc.weight"], stored[f"{head}.weight"])
    save_file(moved | {f"{around}.2.weight": np.ones((9, 9), np.float32)}, path)
    with pytest.raises(WeightsError, match="missing .*weight"):
        read_foreign(path)


def test_counts_that_tools_leave_in_every_module_are_left_out(path):
    counts = {"total_ops": np.ones(1), "s1.b1.total_params": np.ones(1)}
    save_file(_with("model.", _TIMM | counts), path)
    assert read_foreign(path).spec == SMALL_Y


def test_what_lies_outside_of_the_prefix_is_said(path):
    loss = {"criterion.weight": np.ones(10, np.float32), "steps": np.array(3)}
    save_file(_with("model.", _TIMM) | loss, path)
    found = read_foreign(path)
    assert found.left_out == ("criterion.weight",)
    assert found.origin == "timm, plain weights in model, without criterion.weight"


def test_what_lies_inside_of_the_prefix_hinders(path):
    save_file(_with("model.", _TIMM | {"s1.b1.gate": np.ones(1, np.float32)}), path)
    with pytest.raises(WeightsError, match="missing none; extra s1.b1.gate"):
        read_foreign(path)


@pytest.mark.parametrize(
    ("layout", "averaged"),
    [("timm", True), ("torchvision", False), ("huggingface", False), ("pycls", False)],
)
@pytest.mark.parametrize("name", ["state_dict_ema.", "model_ema.module.", "ema.", "swa_model."])
def test_each_library_has_its_rule_for_averaged_weights(path, layout, averaged, name):
    save_file(_both(layout, averaged=name), path)
    found = read_foreign(path)
    assert (found.averaged, _is_averaged(found)) == (averaged, averaged)


@pytest.mark.parametrize("layout", ["timm", "torchvision"])
@pytest.mark.parametrize("averaged", [True, False])
def test_averaged_or_plain_weights_can_be_asked_for(path, layout, averaged):
    save_file(_both(layout), path)
    found = read_foreign(path, averaged)
    word = "averaged weights in state_dict_ema" if averaged else "plain weights in state_dict"
    assert _is_averaged(found) == averaged
    assert found.origin == f"{layout}, {word}"


@pytest.mark.parametrize(
    ("prefix", "averaged", "message"),
    [
        ("model.", True, "must hold averaged weights, as .*; got plain ones alone, model"),
        ("", True, "must hold averaged weights, as .*; got plain ones alone, no prefix"),
        ("ema.", False, "must hold plain weights, as .*; got averaged ones alone, ema"),
    ],
)
def test_weights_that_are_not_there_cannot_be_asked_for(path, prefix, averaged, message):
    save_file(_with(prefix, _TIMM), path)
    with pytest.raises(WeightsError, match=message):
        read_foreign(path, averaged)


def test_averaged_weights_alone_are_taken(path):
    save_file(_with("model_ema.", state("torchvision", SMALL_Y, _ARRAYS)), path)
    assert read_foreign(path).averaged


def test_averages_without_running_statistics_are_not_taken_by_themselves(path):
    stored = _both("timm")
    save_file({n: a for n, a in stored.items() if "ema" not in n or "running" not in n}, path)
    assert not read_foreign(path).averaged


@pytest.mark.parametrize("key", ["student.", "best_state."])
def test_two_networks_of_one_kind_are_refused(path, key):
    save_file(_with("teacher.", _TIMM) | _with(key, _TIMM), path)
    with pytest.raises(WeightsError, match=f"must hold one network; got .*{key[:-1]}"):
        read_foreign(path)


def test_of_two_networks_the_one_that_is_complete_is_taken(path):
    gradients = {name: array for name, array in _TIMM.items() if "running" not in name}
    save_file(_with("student.", _TIMM) | _with("gradients.", gradients), path)
    assert read_foreign(path).prefix == "student"
