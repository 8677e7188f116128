"""Comparing records: what agrees, what does not, and what is said of it."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from common.cli import main
from common.errors import WeightsError
from common.parity import CASES, compare, read_records

_RECORD = {
    "small/eval logits": np.array([[1.0, -2.0]], np.float32),
    "small/plain step 1 statistics/stem.bn.running_var": np.array([1.0, 2.0], np.float32),
    "small/plain step 1 movement/stem.conv.bias": np.array([1e-9, 0], np.float32),
    "small/plain step 1 movement/head.fc.weight": np.array([1e-3, 0], np.float32),
}


def _moved(name, array):
    return {**_RECORD, name: np.array(array, np.float32)}


def _outside(other):
    return [str(d) for d in compare({"torch": _RECORD, "jax": other}) if not d.within]


def test_equal_records_agree():
    assert _outside(_RECORD) == []


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("small/eval logits", [[1.0, -2.001]], "case small: eval logits must agree to 1e-05"),
        ("small/eval logits", [[np.nan, -2.0]], "eval logits .* got inf"),
        ("small/eval logits", [1.0, -2.0], "eval logits .* got inf"),
        ("small/plain step 1 statistics/stem.bn.running_var", [1.0, 2.001],
         "plain step 1 statistics of stem.bn.running_var"),
        ("small/plain step 1 movement/head.fc.weight", [0.9e-3, 0],
         "plain step 1 movement of head.fc.weight"),
    ],
)  # fmt: skip
def test_a_difference_names_pair_case_quantity_and_array(name, array, message):
    (found,) = _outside(_moved(name, array))
    assert found.startswith("torch and jax, case small: ")
    assert re.search(message, found)


def test_an_array_that_only_rounding_moves_is_held_absolutely():
    assert _outside(_moved("small/plain step 1 movement/stem.conv.bias", [-1e-9, 1e-9])) == []


def test_records_of_other_cases_are_refused():
    with pytest.raises(WeightsError, match="must hold the same arrays"):
        list(compare({"torch": _RECORD, "jax": {}}))


def test_one_record_is_not_enough(tmp_path):
    save_file(_RECORD, tmp_path / "torch.safetensors")
    with pytest.raises(WeightsError, match="two backends or more; got 1"):
        read_records(tmp_path)


def test_the_command_fails_when_a_pair_disagrees(tmp_path):
    save_file(_RECORD, tmp_path / "torch.safetensors")
    save_file(_moved("small/eval logits", [[1.0, -2.1]]), tmp_path / "jax.safetensors")
    result = CliRunner().invoke(main, ["parity", "compare", str(tmp_path)])
    assert result.exit_code == 1
    assert "jax and torch, case small: eval logits must agree" in result.stderr


def test_the_command_says_how_much_agreed(tmp_path):
    save_file(_RECORD, tmp_path / "torch.safetensors")
    save_file(_RECORD, tmp_path / "jax.safetensors")
    result = CliRunner().invoke(main, ["parity", "compare", str(tmp_path)])
    assert result.exit_code == 0
    assert "1 pairs agree on 4 arrays of 1 cases" in result.stdout


def test_cases_have_different_names():
    assert len({case.name for case in CASES}) == len(CASES)
