"""Comparing records with the reference's: what agrees, what is caught, and in which layer."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from common import AnyNetSpec, reference
from common.cli import main
from common.errors import WeightsError
from common.parity import (
    CASES,
    QUANTITIES,
    Case,
    Key,
    check_expected,
    compare,
    read_records,
    record,
    summarise,
    write_report,
)
from common.parity.quantities import (
    EVAL_OUTPUTS,
    FREE_RUN,
    GRADIENT,
    PLAIN_FIRST,
    PLAIN_LAST,
    SHAPES,
)
from tests.common.pages.test_page import Elements
from tests.parity_subjects import PRETENDER

_SPEC = AnyNetSpec.from_arch(((2, 8, 4, 1),), 4)
_CASE = Case("small", _SPEC, 16, 4, 3, chaotic=True, curved=True, options=True)


def _key(quantity, array, case=_CASE.name, precision="float64", **more):
    return Key(case, precision, quantity, array, **more)


@pytest.fixture(scope="module")
def truth():
    return record(reference, _CASE)


@pytest.fixture(scope="module")
def same():
    return record(PRETENDER, _CASE)


def _outside(truth, other):
    findings = compare({"reference": truth, "other": other}, [_CASE])
    return [item for item in findings if not item.within]


def test_the_reference_agrees_with_itself(truth, same):
    findings = list(compare({"reference": truth, "other": same}, [_CASE]))
    assert max(item.ratio for item in findings) == 0
    assert {item.key.quantity for item in findings} == set(QUANTITIES)
    assert {item.key.precision for item in findings} == {"float32", "float64"}


def test_findings_come_in_the_order_of_the_table(truth, same):
    found = compare({"reference": truth, "other": same}, [_CASE])
    places = [QUANTITIES.index(x.key.quantity) for x in found if x.key.precision == "float64"]
    assert places == sorted(places)


def test_what_is_recorded_in_float32_has_a_tolerance_there(same):
    found = {key.quantity for key in same if key.precision == "float32"}
    assert found == {quantity for quantity in QUANTITIES if quantity.float32 is not None}


def test_a_key_is_read_from_its_name(truth, same):
    keys = [*truth, *same]
    assert [Key.parse(str(key)) for key in keys] == keys


@pytest.mark.parametrize(("name", "key"), [
    ("mlp/float64/gradient/head.fc.bias", _key(GRADIENT, "head.fc.bias", case="mlp")),
    ("small/float64/plain step 1/stem.conv.bias", _key(PLAIN_FIRST, "stem.conv.bias")),
    ("small/float64/plain step 20/stem.conv.bias", _key(PLAIN_LAST, "stem.conv.bias", step=20)),
    ("small/float64 change/free run/losses", _key(FREE_RUN, "losses", is_change=True)),
])  # fmt: skip
def test_names_in_records_are_those_of_version_0_1(name, key):
    assert str(key) == name
    assert Key.parse(name) == key


@pytest.mark.parametrize("name", [
    "a", "mlp/float64/logits/head.fc", "mlp/float64/gradient/a/b", "mlp/bfloat16/gradient/a",
    "mlp/float64/gradient 3/a", "/float64/gradient/a",
])  # fmt: skip
def test_an_array_of_another_name_is_an_error(tmp_path, name):
    save_file({name: np.ones(1)}, tmp_path / "reference.safetensors")
    with pytest.raises(WeightsError, match=r"reference.safetensors: .* must be named"):
        read_records(tmp_path)


@pytest.mark.parametrize(("precision", "error", "caught"), [
    ("float64", 1e-13, False), ("float64", 1e-11, True),
    ("float32", 1e-6, False), ("float32", 1e-4, True),
])  # fmt: skip
def test_logits_have_a_tolerance(truth, same, precision, error, caught):
    name = _key(EVAL_OUTPUTS, "head.fc", precision=precision)
    outside = _outside(truth, {**same, name: same[name] * (1 + error)})
    assert bool(outside) == caught


def test_the_first_finding_is_the_first_layer_to_diverge(truth, same):
    keys = [_key(EVAL_OUTPUTS, f"stage1.block{n}.conv2") for n in (2, 1)]
    outside = _outside(truth, same | {key: same[key] + 1e-3 for key in keys})
    assert [item.key.layer for item in outside] == ["stage1.block1.conv2", "stage1.block2.conv2"]


def test_a_zero_gradient_is_measured_by_its_kernels(truth, same):
    name = _key(GRADIENT, "stem.conv.bias")
    size = np.abs(same[_key(GRADIENT, "stem.conv.weight")]).max()
    assert not _outside(truth, {**same, name: same[name] + 1e-12 * size})
    assert _outside(truth, {**same, name: same[name] + 1e-8 * size})


def test_float32_gradients_may_move_as_far_as_rounding_moves_them(truth, same):
    name = _key(GRADIENT, "head.fc.weight", precision="float32")
    change = truth[name._replace(is_change=True)]
    moved = [same[name] + 0.5 * change, 2 * same[name]]
    assert [bool(_outside(truth, {**same, name: array})) for array in moved] == [False, True]


@pytest.mark.parametrize("broken", [None, np.zeros(3), np.full((10, 8), np.nan)])
def test_missing_misshapen_and_infinite_arrays_are_caught(truth, same, broken):
    other, name = dict(same), _key(GRADIENT, "head.fc.weight")
    other.pop(name) if broken is None else other.update({name: broken})
    (finding,) = _outside(truth, other)
    assert (finding.key.layer, finding.error) == ("head.fc", np.inf)


def test_pairs_of_backends_are_compared_too(truth, same):
    other = same | {_key(EVAL_OUTPUTS, "head.fc"): np.ones((4, 10))}
    records = {"reference": truth, "one": same, "two": other}
    outside = [item.pair for item in compare(records, [_CASE]) if not item.within]
    assert outside == [("two", "reference"), ("one", "two")]


def test_the_report_has_a_page_a_picture_and_two_records(truth, same, tmp_path):
    broken = _key(EVAL_OUTPUTS, "stem.conv", precision="float32")
    other = same | {broken: np.zeros((4, 4, 8, 8))}
    records = {"reference": truth, "other": other}
    write_report(summarise(compare(records, [_CASE])), records, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "small: disagrees" in page
    assert "eval outputs of stem.conv" in page
    assert "Likely causes of the first: padding" in page
    for name in ("report.png", "free_runs.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    data = json.loads(Elements(page).scripts[0])
    shown = {(one["precision"], one["quantity"]): one for one in data["cases"][0]["tables"]}
    broken_table = shown["float32", "eval outputs"]
    layer = broken_table["layers"].index(data["layers"].index("stem.conv"))
    assert broken_table["ratio"][layer][0] > 1
    assert [run["case"] for run in data["runs"]] == ["small"]
    rows = json.loads((tmp_path / "report.json").read_text())["findings"]
    assert {row["array"] for row in rows if row["ratio"] > 1} == {"stem.conv"}
    failures = ET.parse(tmp_path / "junit.xml").getroot().iter("failure")
    assert len(list(failures)) == 1


def test_a_directory_without_the_reference_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match="records of the reference"):
        read_records(tmp_path)


def test_the_command_needs_records(tmp_path):
    result = CliRunner().invoke(main, ["parity", "compare", str(tmp_path)])
    assert result.exit_code == 1
    assert "anynet parity record" in result.output


_WHOLE = {_key(SHAPES, "head.fc", case=case.name): np.ones(1) for case in CASES}


def test_a_backend_without_a_record_is_an_error(tmp_path):
    for name in ("reference", "torch", "jax"):
        save_file(
            {str(key): array for key, array in _WHOLE.items()}, tmp_path / f"{name}.safetensors"
        )
    result = CliRunner().invoke(main, ["parity", "compare", str(tmp_path)])
    assert result.exit_code == 1
    assert "must hold the records of torch, mx, tf, jax; got none of mx, tf" in result.output
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("expected", [["torch"], ["torch", "jax"]])
def test_the_backends_that_are_expected_are_enough(expected, tmp_path):
    check_expected({"reference": _WHOLE, "torch": _WHOLE, "jax": _WHOLE}, expected, tmp_path)


def test_a_case_without_a_record_is_an_error(tmp_path, truth):
    with pytest.raises(WeightsError, match="the reference must have every case; got none of"):
        check_expected({"reference": truth, "torch": truth}, ["torch"], tmp_path)


def test_backends_that_are_expected_must_be_known(tmp_path):
    arguments = ["parity", "compare", str(tmp_path), "--expect", "torch,keras"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "must be among torch, mx, tf, jax; got 'keras'" in result.output


def test_other_cases_than_those_asked_for_are_not_compared():
    findings = compare({"reference": _WHOLE, "torch": _WHOLE}, CASES[1:3])
    assert {item.key.case for item in findings} == {case.name for case in CASES[1:3]}
