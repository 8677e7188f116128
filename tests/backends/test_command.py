"""`anynet train`, `evaluate` and `summary` on the shipped sample, in each framework."""

import json

import pytest
from click.testing import CliRunner

from common import AnyNetSpec
from common.cli import main
from common.training import read_record


def _run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def run(backend, name, tmp_path_factory):
    """A small network trained for one epoch on the sample at 28 pixels."""
    folder = tmp_path_factory.mktemp("command")
    spec = folder / "small.json"
    spec.write_text(AnyNetSpec.from_arch(((1, 16, 8, 1), (1, 32, 8, 1)), 8).to_json())
    _run(
        "train", "--backend", name, "--model", spec, "--data", "sample", "--epochs", 1,
        "--batch-size", 100, "--image-size", 28, "--lr", 0.1, "--out", folder / "run",
    )  # fmt: skip
    return folder / "run"


def test_real_images_are_learnt(run):
    (end,) = (row for row in read_record(run / "record.jsonl") if row["kind"] == "end")
    assert end["accuracy"] > 0.5
    assert sum(map(sum, end["confusion"])) == 1000


def test_evaluate_finds_the_accuracy_of_the_record(run, name):
    arguments = ("--data", "sample", "--image-size", 28, "--batch-size", 100, "--json")
    result = json.loads(_run("evaluate", run, "--backend", name, *arguments).stdout)
    end = read_record(run / "record.jsonl")[-1]
    assert result["accuracy"] == end["accuracy"]


def test_summary_reads_the_run(run):
    assert json.loads(_run("summary", run, "--json").stdout)["params"] > 0


def test_a_finished_run_goes_on_for_more_epochs(run, name):
    _run("train", "--resume", run, "--epochs", 2)
    rows = read_record(run / "record.jsonl")
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2]


def test_a_directory_with_a_run_is_not_overwritten(run, name):
    result = _run("train", "--backend", name, "--data", "sample", "--out", run, code=1)
    assert "must not hold a run yet" in result.stderr


def test_backends_shows_the_version(backend, name):
    assert json.loads(_run("backends", "--json").stdout)[name]["versions"]
