"""`anynet train --config`: settings of a run, or written by hand."""

import json
import re
import shutil
from pathlib import Path

import pytest

from common import regnet
from common.cli.settings_file import read_settings
from common.data.augment import AUGMENTATIONS
from common.training import RECIPES, read_config, read_record
from tests.documents import ROOT

_GOLDEN = Path(__file__).parents[2] / "golden/0.1/run/config.json"
_SMALL = ("--data", "photos", "--epochs", 1, "--batch-size", 8, "--image-size", 8)


@pytest.fixture
def first(train, tmp_path):
    """A run with settings that are no defaults."""
    train(
        *_SMALL, "--recipe", "population", "--momentum", 0.8, "--augment", "flip", "--model",
        "regnetx_200mf", "--val-share", 0.3, "--lr", 0.3, "--out", "first",
    )  # fmt: skip
    return tmp_path / "first"


@pytest.mark.parametrize("named", ["first", "first/config.json"])
def test_the_settings_of_a_run_give_the_same_run(train, first, tmp_path, named):
    assert f"{named}: its settings are used\n" in train("--config", named, "--out", "second")
    assert read_config(tmp_path / "second") == read_config(first)
    one, two = (read_record(run / "record.jsonl")[-1] for run in (first, tmp_path / "second"))
    assert one == two


def test_options_that_are_given_replace_settings_and_that_is_said(train, first, tmp_path):
    told = train(
        "--config", "first", "--epochs", 2, "--momentum", 0.7, "--lr", 0.3, "--augment", "none",
        "--image-size", 10, "--seed", 3, "--out", "second",
    )  # fmt: skip
    assert (
        "first: its settings are used, but --augment none instead of its augment, --epochs 2 "
        "instead of 1, --image-size 10 instead of 8x8, --momentum 0.7 instead of 0.8, --seed 3 "
        "instead of 0\n"
    ) in told
    before, after = read_config(first), read_config(tmp_path / "second")
    assert (after.epochs, after.resize, after.seed) == (2, (10, 10), 3)
    assert after.recipe.momentum == 0.7
    assert after.recipe.nesterov == before.recipe.nesterov
    assert after.data_options.augmentation == AUGMENTATIONS["none"]
    assert (after.data_options.val_share, after.learning_rate) == (0.3, 0.3)


def test_a_recipe_that_is_given_replaces_the_whole_recipe(train, first, tmp_path):
    train("--config", "first", "--recipe", "regnet", "--out", "second")
    assert read_config(tmp_path / "second").recipe == RECIPES["regnet"]


def test_a_named_network_of_a_run_gets_the_classes_of_other_data(train, first, tmp_path):
    for name in ("green", "pink"):
        shutil.copytree(tmp_path / "photos/red", tmp_path / "others" / name)
    shutil.copytree(tmp_path / "photos", tmp_path / "others", dirs_exist_ok=True)
    train("--config", "first", "--data", "others", "--channels", 1, "--out", "second")
    config = read_config(tmp_path / "second")
    assert config.spec == regnet("regnetx_200mf", num_classes=4, in_channels=1)
    assert config.data_options.preprocessing.channels == 1


def test_a_network_that_is_given_replaces_network_and_weights(train, first, tmp_path):
    weights = ("--weights", "first", "--model", "regnetx_400mf")
    train(*_SMALL, *weights[:2], "--out", "second")
    train("--config", "second", *weights[2:], "--out", "third")
    config = read_config(tmp_path / "third")
    assert (config.spec, config.weights) == (regnet("regnetx_400mf", 2), None)


def test_settings_of_a_fine_tuned_run_start_from_the_same_weights(train, first, tmp_path):
    train(*_SMALL, "--weights", "first", "--out", "second")
    train("--config", "second", "--out", "third")
    assert read_config(tmp_path / "third") == read_config(tmp_path / "second")
    assert read_config(tmp_path / "third").weights == str(first / "model.safetensors")


_BY_HAND = """
spec: regnetx_200mf
data: photos
epochs: 1
batch_size: 8
resize: 8
learning_rate: 1e-1
recipe: regnet
data_options: {augmentation: flip, val_share: 0.3}
"""


def _as_json(text):
    return json.dumps({
        "spec": regnet("regnetx_200mf", num_classes=2).to_dict(), "data": "photos", "epochs": 1,
        "batch_size": 8, "resize": [8, 8], "learning_rate": 0.1,
        "recipe": RECIPES["regnet"].to_dict(),
        "data_options": {"augmentation": {"flip": True}, "val_share": 0.3},
    })  # fmt: skip


@pytest.mark.parametrize(("name", "write"), [("a.yaml", str), ("a.json", _as_json)])
def test_settings_may_be_written_by_hand_and_in_part(train, tmp_path, name, write):
    (tmp_path / name).write_text(write(_BY_HAND))
    train("--config", name, "--out", "run")
    config = read_config(tmp_path / "run")
    assert config.spec == regnet("regnetx_200mf", num_classes=2)
    assert (config.learning_rate, config.resize, config.seed) == (0.1, (8, 8), 0)
    assert config.recipe == RECIPES["regnet"]
    assert config.data_options.augmentation == AUGMENTATIONS["flip"]
    assert (config.data_options.val_share, config.data_options.split_seed) == (0.3, 0)


def test_settings_of_version_0_1_are_read(train, tmp_path):
    train("--config", _GOLDEN, "--data", "photos", "--channels", 1, "--image-size", 8, "--out", "a")
    config, before = read_config(tmp_path / "a"), json.loads(_GOLDEN.read_text())
    assert config.spec.to_dict() == {**config.spec.to_dict(), "stem_channels": 4}
    assert (config.epochs, config.learning_rate) == (before["epochs"], before["learning_rate"])


def test_an_edited_file_of_a_run_is_used_without_its_digest(train, first):
    values = json.loads((first / "config.json").read_text())
    edited = first.parent / "edited.json"
    edited.write_text(json.dumps({**values, "epochs": 2}))
    told = train("--config", edited, "--out", "second", code=1)
    assert "--config takes a copy without format and digest" in told
    del values["format"], values["digest"]
    edited.write_text(json.dumps({**values, "epochs": 2}))
    train("--config", edited, "--out", "second")
    assert read_config(first.parent / "second").epochs == 2


@pytest.mark.parametrize(("text", "message"), [
    ("lr: 0.1", "a.yaml: fields must be known; got 'lr'; it is in learning_rate"),
    ("epoch: 3", "a.yaml: fields must be known; got 'epoch'; did you mean epochs?"),
    ("momentum: 0.9", "got 'momentum'; it is in recipe"),
    ("recipe: {momentun: 0.9}", "recipe: fields must be known; got 'momentun'; did you mean mom"),
    ("recipe: regnett", "a.yaml: recipe: must be one of chapter, regnet"),
    ("recipe: {momentum: 2}", "a.yaml: momentum: must be at least 0 and below 1; got 2"),
    ("data_options: {augmentation: flipp}", "got 'flipp'; did you mean flip?"),
    ("data_options: {augment: flip}", "got 'augment'; did you mean augmentation?"),
    ("data_options: flip", "a.yaml: data_options: must be fields and their values; got 'flip'"),
    ("spec: regnetx_201mf", "a.yaml: model: must be regnetx32"),
    ("spec: {stages: 3}", "a.yaml: spec: "),
    ("epochs: 0", "a.yaml: epochs: must be at least 1; got 0"),
    ("epochs: many", "a.yaml: epochs: must be an integer; got many"),
    ("data: 5", "a.yaml: data: must be text; got 5"),
    ("backend: caffe", "a.yaml: backend: must be one of torch, mx, tf, jax; got 'caffe'"),
    ("learning_rate: .nan", "a.yaml: learning_rate: must be above 0; got nan"),
    ("[epochs, 3]", "a.yaml: must be fields and their values; got ['epochs', 3]"),
    ("", "a.yaml: must be fields and their values; got None"),
    ("a: &a [1]\nb: *a", "an alias, which is not read"),
    ("seed: 1\nseed: 2", "a key must stand once; got 'seed'"),
    ("epochs: [", "a.yaml: must be YAML or JSON as its name says"),
])  # fmt: skip
def test_wrong_settings_are_one_line_that_names_file_and_field(train, tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    told = train(*_SMALL, "--config", "a.yaml", "--out", "run", code=1)
    assert message in told
    assert (told.count("\n"), (tmp_path / "run").exists()) == (1, False)


@pytest.mark.parametrize(("options", "message"), [
    (("--config", "none.yaml"), "none.yaml: must be settings of a run; got no such file"),
    (("--config", "photos/red/0.png"), "must end in .yaml, .yml, .json; got '.png'"),
    (("--config", "photos"), "photos/config.json: must be settings of a run; got no such file"),
])  # fmt: skip
def test_a_file_that_is_no_settings_is_refused(train, tmp_path, options, message):
    assert message in train(*_SMALL, *options, "--out", "run", code=1)
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_takes_no_other_settings(train, first):
    told = train("--resume", "first", "--config", "first", code=1)
    assert "resume: a run keeps its settings; got --config" in told


def test_the_settings_of_the_page_on_files_are_read(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/files.md").read_text(), re.DOTALL)
    (tmp_path / "a.yaml").write_text(text)
    assert read_settings(tmp_path / "a.yaml")["recipe"].momentum == 0.9
