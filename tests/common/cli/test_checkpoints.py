"""Which weight file and which image size a path on the command line means."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from common import MLPSpec
from common.cli import main
from common.cli.checkpoints import choose_image_size, find_checkpoint, find_config
from common.errors import ConfigError, WeightsError
from common.training import read_config
from common.weights import initial_weights, load_spec, save_weights
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model


@pytest.fixture
def run(tmp_path):
    """The directory of a run of two epochs; its images are 2x2."""
    FakeTrainer(2, out=tmp_path / "a run").fit(Model(), Data())
    return tmp_path / "a run"


@pytest.fixture
def unfinished(tmp_path):
    FakeTrainer(2, out=tmp_path / "half", stop_after=1).fit(Model(), Data())
    return tmp_path / "half"


@pytest.mark.parametrize("name", ["", "model.safetensors", "best.safetensors"])
def test_a_run_and_its_files_have_the_size_of_the_run(run, name):
    found = find_checkpoint(str(run / name))
    assert found.path == run / (name or "model.safetensors")
    assert choose_image_size(SPEC, None, found.config) == (2, 2)


def test_the_checkpoint_of_an_unfinished_run_has_its_size(unfinished):
    assert find_checkpoint(str(unfinished / "checkpoint.safetensors")).config.resize == (2, 2)


def test_the_size_of_a_run_may_be_no_square(run):
    config = replace(read_config(run), resize=(3, 5))
    (run / "config.json").write_text(config.to_json())
    data = json.loads(_run("summary", run, "--json").stdout)
    assert data["image_size"] == [3, 5]


@pytest.mark.parametrize("command", ["summary", "inspect"])
def test_counts_are_those_at_the_size_of_the_run(run, command):
    assert json.loads(_run(command, run, "--json").stdout)["image_size"] == [2, 2]


def test_a_size_that_is_given_is_taken(run):
    assert choose_image_size(SPEC, 7, find_config(str(run))) == (7, 7)


def test_a_link_to_a_file_of_a_run_has_its_size(run, tmp_path):
    (tmp_path / "link.safetensors").symlink_to(run / "best.safetensors")
    assert find_config(str(tmp_path / "link.safetensors")).resize == (2, 2)


def test_a_file_that_was_moved_out_of_its_run_says_itself_what_it_sees(run, tmp_path):
    path = (run / "best.safetensors").rename(tmp_path / "best.safetensors")
    found = find_checkpoint(str(path))
    assert found.config is None
    assert found.images.preprocessing == Data.preprocessing
    assert found.images.classes == Data.classes
    assert found.origin(Data.preprocessing.size) == "as the file says"


def test_a_file_that_says_nothing_of_its_images_is_called_so(tmp_path):
    save_weights(tmp_path / "net.safetensors", SPEC, initial_weights(SPEC))
    found = find_checkpoint(str(tmp_path / "net.safetensors"))
    assert choose_image_size(SPEC, None, found.config) == (96, 96)
    assert "not in a run directory" in found.origin((96, 96))


def test_an_mlp_in_the_directory_of_a_run_has_its_own_size(run):
    mlp = MLPSpec(2, 32, 32, 2).network()
    save_weights(run / "mlp.safetensors", mlp, initial_weights(mlp))
    assert choose_image_size(mlp, None, find_config(str(run / "mlp.safetensors"))) == (28, 28)


def test_the_config_of_another_program_is_no_run(run):
    (run / "config.json").write_text('{"architectures": ["RegNetForImageClassification"]}')
    (run / "record.jsonl").unlink()
    assert find_checkpoint(str(run)).config is None


def test_the_origin_says_what_the_run_has(run):
    found = find_checkpoint(str(run))
    other = replace(found, config=replace(found.config, precision="bfloat16"))
    assert found.origin((2, 2), "made up") == "as its run was trained"
    assert other.origin((4, 4), "sample") == (
        "its run was trained at 2x2; its run was trained on --data made up; "
        "computed in float32, but its run in bfloat16"
    )


def test_an_unfinished_run_has_no_network_yet(unfinished):
    with pytest.raises(ConfigError, match="must be a finished run") as caught:
        find_checkpoint(str(unfinished))
    assert f"anynet train --resume {unfinished}" in str(caught.value)
    assert f"{unfinished}/best.safetensors or {unfinished}/checkpoint" in str(caught.value)


def test_a_summary_of_an_unfinished_run_needs_no_network(unfinished):
    assert json.loads(_run("summary", unfinished, "--json").stdout)["image_size"] == [2, 2]


def test_a_network_from_before_the_run_went_on_is_said_to_be_one(run, capsys):
    FakeTrainer(4, out=run, stop_after=3).fit(Model(), Data(), resume=True)
    assert find_checkpoint(str(run)).path == run / "model.safetensors"
    assert "predates the run's resumption" in capsys.readouterr().err


def test_a_directory_that_holds_neither_run_nor_network_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be a weight file or a run directory"):
        find_checkpoint(str(tmp_path))


def test_another_network_under_the_name_of_the_runs_is_refused(run):
    other = replace(load_spec(run / "model.safetensors"), num_classes=3)
    save_weights(run / "model.safetensors", other, initial_weights(other))
    with pytest.raises(WeightsError, match="must contain the network of the config.json"):
        find_checkpoint(str(run))


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
