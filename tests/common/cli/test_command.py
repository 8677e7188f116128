"""The command line as a user meets it, without a framework."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from common import REGNETX32, MLPSpec, regnet
from common.arch import parameters
from common.cli import main
from common.weights import initial_weights, load_weights, save_weights


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


@pytest.mark.parametrize("layers", [(), ("--layers",)])
def test_the_summary_table_cuts_no_number(layers):
    assert "145,046,770   32,279,583,362" in _run("summary", "RegNetY-32GF", *layers).stdout


def test_a_summary_is_at_the_size_of_the_images_that_the_network_is_for():
    sizes = [
        json.loads(_run("summary", name, "--json").stdout)["image_size"]
        for name in ("regnetx32", "regnety_040")
    ]
    assert sizes == [[96, 96], [224, 224]]


def test_the_summary_has_groups_and_blocks_per_stage():
    rows = json.loads(_run("summary", "regnety_4.0gf", "--json").stdout)["stages"]
    assert [row["groups"] for row in rows] == [1, 2, 3, 8, 17, 1]
    assert [row["blocks"] for row in rows] == [0, 2, 6, 12, 2, 0]


@pytest.fixture
def mlp(tmp_path):
    """The spec file of an mlp for images of 28 pixels."""
    (tmp_path / "mlp.json").write_text(MLPSpec(4, 32, 32, 2).network().to_json())
    return tmp_path / "mlp.json"


@pytest.mark.parametrize("options", [(), ("--image-size", 28)])
def test_a_summary_of_an_mlp_is_at_its_size(mlp, options):
    data = json.loads(_run("summary", mlp, *options, "--json").stdout)
    assert data["image_size"] == [28, 28]
    assert data["stages"][0]["out_shape"] == [256]


@pytest.mark.parametrize("command", [["summary"], ["plot"], ["train", "--out", "run", "--model"]])
def test_an_mlp_at_another_size_is_refused(mlp, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    result = _run(*command, mlp, "--image-size", 96)
    assert result.exit_code == 1
    assert "image_size must be that of the mlp, 28x28; got 96x96" in result.stderr
    assert list(tmp_path.iterdir()) == [mlp]


def test_an_mlp_is_plotted_initialised_inspected_and_converted(mlp, tmp_path):
    weights, again = tmp_path / "mlp.safetensors", tmp_path / "again.safetensors"
    for arguments in (
        ("plot", mlp, "--out", tmp_path / "mlp.svg"),
        ("init-weights", mlp, weights),
        ("convert", weights, again),
    ):
        assert _run(*arguments).exit_code == 0
    data = json.loads(_run("inspect", again, "--json").stdout)
    assert data["params"] == json.loads(_run("summary", mlp, "--json").stdout)["params"]


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_plot_writes_the_format_of_the_ending(tmp_path, ending, start):
    out = tmp_path / f"a.{ending}"
    assert _run("plot", "regnetx_400mf", "--out", out).exit_code == 0
    assert out.read_bytes().startswith(start)


def test_a_network_for_other_images_is_not_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(regnet("regnetx_200mf", num_classes=5).to_json())
    result = _run("train", "--model", "a.json", "--out", "run")
    assert result.exit_code == 1
    assert "got in_channels 3 and num_classes 5" in result.stderr


def test_init_draws_as_asked(tmp_path):
    assert (
        _run("init-weights", "regnetx32", tmp_path / "a.safetensors", "--init", "he").exit_code == 0
    )
    _, arrays = load_weights(tmp_path / "a.safetensors")
    expected = initial_weights(REGNETX32, init="he")
    assert [name for name in expected if not np.array_equal(arrays[name], expected[name])] == []


def test_plot_reads_a_checkpoint(tmp_path):
    save_weights(tmp_path / "a.safetensors", REGNETX32, initial_weights(REGNETX32))
    _run("plot", tmp_path / "a.safetensors", "--out", tmp_path / "a.svg")
    assert "4 blocks, stride 2" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["summary", "regnetx33"], 1, "did you mean regnetx32?"),
        (["plot", "regnety_4.1gf"], 1, "did you mean regnety_4.0gf?"),
        (["plot", "regnetx32", "--out", "a.xyz"], 1, "a.xyz: must end in one of ."),
        (["summary", "none.json"], 1, "none.json: must be a readable spec file"),
        (["summary", "none.safetensors"], 1, "none.safetensors: must be a weight file"),
        (["summary", "regnetx32", "--image-size", 0], 2, "0 is not in the range"),
        (["spaces", "anynetxf"], 1, "did you mean AnyNetXE"),
        (["spaces", "none.yaml"], 1, "none.yaml: must be a readable file of a space"),
        (["spaces", "--n", 3], 2, "n: needs a space"),
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
        (["train", "--out", "x", "--weights", "y", "--model", "z"], 1, "got --model too"),
        (["inspect", "none"], 1, "none: must be a weight file; got no such file"),
        (["convert", "none", "x.npz"], 1, "none: must be a weight file; got no such file"),
        (["init-weights", "regnetx31", "x.safetensors"], 1, "did you mean regnetx32?"),
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
    ["summary", "plot", "init-weights", "train", "evaluate", "predict", "curves", "inspect",
     "convert", "export", "backends", "parity"],
)  # fmt: skip
def test_every_command_explains_itself(command):
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 300


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "net.safetensors"
    assert _run("init-weights", "regnetx32", path, "--seed", 3).exit_code == 0
    return path


def test_init_writes_the_seeded_draw(weights):
    spec, arrays = load_weights(weights)
    drawn = initial_weights(REGNETX32, 3)
    assert spec == REGNETX32
    assert [name for name in drawn if not np.array_equal(arrays[name], drawn[name])] == []


def test_init_moves_every_weight_by_one_rounding_unit(tmp_path):
    _run("init-weights", "regnetx32", tmp_path / "net.safetensors", "--perturb-seed", 1)
    _, arrays = load_weights(tmp_path / "net.safetensors")
    drawn = initial_weights(REGNETX32)
    for name in parameters(REGNETX32):
        away = np.abs(arrays[name] - drawn[name])
        assert np.array_equal(away, np.spacing(np.abs(drawn[name])))


def test_inspect_shows_arrays_spec_and_counts(weights):
    data = json.loads(_run("inspect", weights, "--json").stdout)
    assert (data["params"], data["training"]) == (179_290, None)
    assert data["spec"] == REGNETX32.to_dict()
    assert data["arrays"][0]["array"] == "stem.conv.weight"
    assert data["arrays"][0]["shape"] == [32, 1, 3, 3]
    text = _run("inspect", weights).stdout
    assert "stage2.block6.bn3.running_var" in text
    assert "179,290" in text


def test_converting_to_a_weight_file_changes_no_byte(weights, tmp_path):
    _run("convert", weights, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == weights.read_bytes()


def test_converting_to_npz_keeps_every_array(weights, tmp_path):
    _run("convert", weights, tmp_path / "net.npz")
    arrays, (_, expected) = np.load(tmp_path / "net.npz"), load_weights(weights)
    assert set(arrays.files) == set(expected)
    assert [name for name in expected if not np.array_equal(arrays[name], expected[name])] == []


def test_converting_to_another_ending_is_an_error(weights, tmp_path):
    result = _run("convert", weights, tmp_path / "net.pkl")
    assert "must end in .safetensors or .npz; got '.pkl'" in result.stderr
    assert not (tmp_path / "net.pkl").exists()


@pytest.fixture
def runs(tmp_path):
    """Two runs whose losses are a thousandth apart."""
    for name, factor in (("one", 1.0), ("two", 1.001)):
        (tmp_path / name).mkdir()
        rows = [
            {"kind": "interval", "step": step, "epoch": step / 4, "loss": factor / step,
             "accuracy": 0.5}
            for step in (1, 2, 3)
        ]  # fmt: skip
        (tmp_path / name / "record.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    return tmp_path / "one", tmp_path / "two"


@pytest.mark.parametrize(("tolerance", "code"), [("1e-2", 0), ("1e-4", 1)])
def test_curves_says_how_far_runs_are_apart(runs, tmp_path, tolerance, code):
    picture = tmp_path / "both.png"
    result = _run("curves", *runs, "--out", picture, "--tolerance", tolerance)
    assert "0.001" in result.stdout
    assert result.exit_code == code
    assert picture.exists()


def test_python_m_common_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "common", "summary", "regnetx32", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["params"] == 179_290


def test_output_that_nobody_reads_to_its_end_is_no_error():
    command = f"{sys.executable} -m common summary regnety_32gf --json | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


def test_backends_lists_all_four():
    result = _run("backends", "--json")
    assert list(json.loads(result.stdout)) == ["torch", "mx", "tf", "jax"]
