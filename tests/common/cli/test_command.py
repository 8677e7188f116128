"""The command line as a user meets it, without a framework."""

import csv
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from common import REGNETX32
from common.cli import main
from common.weights import initial_weights, save_weights


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_summary_json_holds_the_counts():
    data = json.loads(_run("summary", "regnetx32", "--image-size", 96, "--json").stdout)
    assert (data["params"], data["flops"], data["activations"]) == (179_290, 40_915_242, 622_090)
    assert [row["name"] for row in data["stages"]] == ["stem", "stage1", "stage2", "head"]


def test_summary_reads_a_spec_file(tmp_path):
    path = tmp_path / "net.json"
    path.write_text(REGNETX32.with_block("resnet").to_json())
    data = json.loads(_run("summary", path, "--json").stdout)
    assert data["spec"]["block"] == "resnet"


def test_summary_reads_a_checkpoint(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, REGNETX32, initial_weights(REGNETX32))
    assert json.loads(_run("summary", path, "--json").stdout)["params"] == 179_290


def test_summary_csv_has_a_row_per_layer():
    rows = list(
        csv.DictReader(_run("summary", "regnetx32", "--layers", "--csv").stdout.split("\n"))
    )
    assert sum(int(row["params"]) for row in rows) == 179_290


def test_the_summary_table_shows_the_total():
    assert "179,290" in _run("summary", "regnetx32").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["summary", "regnetx33"], 1, "did you mean regnetx32?"),
        (["summary", "none.json"], 1, "none.json: must be a readable spec file"),
        (["summary", "none.safetensors"], 1, "none.safetensors: must be a weight file"),
        (["summary", "regnetx32", "--image-size", 0], 2, "0 is not in the range"),
        (["train"], 1, "out: a new run needs a directory"),
        (["curves", "none"], 1, "none/record.jsonl: must be a training record"),
        (["train", "--resume", "none"], 1, "none: must be the directory of a run"),
        (["train", "--resume", "none", "--lr", 1], 1, "a run keeps its settings; got --lr"),
        (["train", "--out", "x", "--nesterov"], 1, "nesterov: needs a momentum above 0"),
        (["train", "--out", "x", "--lr", -1], 1, "learning_rate: must be above 0; got -1.0"),
        (["train", "--out", "x", "--backend", "caffe"], 2, "'caffe' is not one of"),
        (["predict", "net"], 2, "Missing argument 'IMAGE...'"),
        (["export", "net", "--out", "x"], 2, "Missing option '--format'"),
        (["export", "net", "--format", "onnx"], 2, "Missing option '--out'"),
        (["export", "net", "--format", "onnx", "--out", "x"], 1, "net: must be a weight file"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_bad_input_is_one_clear_error(arguments, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = _run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    ["summary", "train", "evaluate", "predict", "export", "curves", "backends", "parity"],
)
def test_every_command_explains_itself(command):
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 300


def test_python_m_common_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "common", "summary", "regnetx32", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["params"] == 179_290


def test_backends_lists_all_four():
    result = _run("backends", "--json")
    assert list(json.loads(result.stdout)) == ["torch", "mx", "tf", "jax"]
