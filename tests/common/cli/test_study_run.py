"""What a study must be to begin: it fits its data, and its storage and name make sense."""

import numpy as np
import pytest

from common.data import open_data
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images
from common.errors import ConfigError
from common.spaces import SPACES
from common.studies import Study, StudyConfig
from common.studies.catalog import list_studies
from common.studies.fit import check_study, for_the_data
from common.training import TrainConfig

_SMALL = ("--space", "AnyNetXA-small", "--space", "AnyNetXE-small", "--networks", 2)


def _files(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--space", "MLP", "--image-size", 32), "image_size must be that of the mlp, 28x28"),
        (("--space", "colour.yaml"), "give its template in_channels 1 and num_classes 10"),
        (("--space", "limited.yaml"), "its limits must be counted at the image size, 28x28; got"),
        ((*_SMALL, "--batch-size", 6001), "batch_size: must be at most the 6,000 training images"),
        ((*_SMALL, "--data", "nowhere"), "nowhere', which does not exist"),
        ((*_SMALL, "--flops", "1:2"), "must leave one of 10,000 candidates"),
        ((*_SMALL, "--precise-bn", 3), "precise_bn: must be 0, or a batch of 128 at least"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(map(str, value[-2:])),
)
@pytest.mark.parametrize("storage", ["new/studies.db", "journal:new/studies.log"])
def test_a_study_that_cannot_begin_leaves_nothing(run, tmp_path, arguments, message, storage):
    (tmp_path / "colour.yaml").write_text("{name: mine, base: AnyNetXE}")
    (tmp_path / "limited.yaml").write_text(
        "{name: mine, base: AnyNetXE-small, limits: {flops: [0, 1.0e+9], image_size: 224}}"
    )
    before = _files(tmp_path)
    result = run("study", "create", "first", *arguments, "--storage", storage)
    assert result.exit_code == 1
    assert message in result.output
    assert _files(tmp_path) == before


@pytest.mark.parametrize("storage", ["new/deep/studies.db", "journal:new/studies.log"])
def test_a_study_that_is_not_created_to_its_end_leaves_nothing(run, tmp_path, monkeypatch, storage):
    def fails(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("common.studies.study.waiting_trials", fails)
    result = run("study", "create", "first", *_SMALL, "--storage", storage)
    assert "No space left on device" in result.output
    assert _files(tmp_path) == []


def test_a_study_that_is_not_created_to_its_end_leaves_the_others(run, journal, monkeypatch):
    run("study", "create", "first", *_SMALL)
    monkeypatch.setattr("common.studies.study.waiting_trials", lambda *_: 1 / 0)
    run("study", "create", "second", *_SMALL)
    assert [one.name for one in list_studies(journal)] == ["first"]


def test_a_ready_space_is_given_the_channels_and_classes_of_the_data(run, journal):
    assert run("study", "create", "first", "--space", "AnyNetXA", "--networks", 1).exit_code == 0
    spec = Study.open("first", journal).results()[0].network.spec
    assert (spec.in_channels, spec.num_classes) == (1, 10)


def _check(name, side):
    training = TrainConfig("torch", spec=None, data="sample", resize=(side, side))
    data = open_data("sample", training.batch_size, training.resize)
    check_study(StudyConfig((for_the_data(SPACES[name], data),), training=training))


@pytest.mark.parametrize("name", sorted(SPACES))
def test_every_ready_space_fits_the_data(name):
    _check(name, 224 if SPACES[name].limits.depends_on_size else 28)


def test_the_paper_s_limits_are_those_of_its_image_size():
    with pytest.raises(ConfigError, match="RegNetX-C: its limits must be counted at the image si"):
        _check("RegNetX-C", 28)


def _own_data(kind, photos, folder):
    """The same twenty photos of two classes in another form."""
    if kind == "shards":
        prepare_shards(find_images(photos), folder / kind, 8)
    elif kind == "arrays.npz":
        np.savez(folder / kind, images=np.zeros((20, 3, 8, 12), np.uint8), labels=np.arange(20) % 2)
    return photos if kind == "photos" else folder / kind


@pytest.mark.parametrize("kind", ["photos", "shards", "arrays.npz"])
def test_a_study_takes_own_data_and_keeps_how_it_is_read(run, journal, photos, tmp_path, kind):
    data = _own_data(kind, photos, tmp_path)
    settings = (
        "--data", data, "--batch-size", 4, "--image-size", 28, "--augment", "crop", "--val-share",
        0.3, "--split-seed", 5,
    )  # fmt: skip
    result = run("study", "create", "first", "--space", "AnyNetXA-small", "--networks", 1,
                 *settings)  # fmt: skip
    assert result.exit_code == 0, result.output
    study = Study.open("first", journal)
    spec, options = study.results()[0].network.spec, study.config.training.data_options
    assert (spec.in_channels, spec.num_classes) == (3, 2)
    assert (options.augmentation.crop, options.val_share) == ("random_resized", 0.3)
    assert (options.split_seed, options.preprocessing.size) == (5, (28, 28))
    assert study.config.training.data == str(data)
    assert StudyConfig.from_dict(study.config.to_dict()) == study.config
    check_study(study.config)


def test_a_study_of_grey_photos_has_networks_with_one_channel(run, journal, photos):
    result = run("study", "create", "first", "--space", "AnyNetXA-small", "--networks", 1,
                 "--data", photos, "--channels", 1, "--batch-size", 4)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert Study.open("first", journal).results()[0].network.spec.in_channels == 1


def test_limits_are_added_to_those_of_the_space(run, journal, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "{name: mine, base: AnyNetXE-small, limits: {params: [0, 50000]}}"
    )
    run("study", "create", "first", "--space", "mine.yaml", "--networks", 1, "--flops", "1e6:2e6")
    limits = Study.open("first", journal).config.spaces[0].limits
    assert (limits.params, limits.flops, limits.image_size) == ((0, 50000), (1e6, 2e6), 28)


@pytest.mark.parametrize("name", [".hidden", "-dash", "a/b", "two words", "a" * 101, "ä", "a\n"])
def test_a_bad_name_is_refused(run, tmp_path, name):
    result = run("study", "create", *_SMALL, "--", name)
    assert "study: its name must be letters, digits, '.', '_' and '-', at most 100" in result.output
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("mysql://x", "storage: must be FILE, sqlite:///FILE, postgresql://"),
        ("postgres://", "write postgresql://"),
        ("postgresql:/x", "storage: must be FILE"),
        ("mysql://root:secret@localhost/x", "storage: must be FILE"),
        ("sqlite:/x", "storage: must be FILE"),
        ("sqlite://x", "storage: must be FILE"),
        ("sqlite:///", "storage: must be FILE"),
        ("sqlite:///a.db?mode=ro", "takes no options"),
        ("http://localhost/x", "storage: must be FILE"),
        ("redis://localhost", "storage: must be FILE"),
        ("a:b.db", "for a file of that name write ./a:b.db"),
        (":memory:", "storage: must be FILE"),
        (".", "must be a file; got a directory"),
        ("journal:", "storage: must be FILE"),
        ("a.txt/x.db", "File exists: 'a.txt'"),
        ("postgresql://me:secret@localhost:port/x", "with a numeric port"),
        ("postgresql://me:secret@localhost:99999/x", "its port must be below 65536"),
        ("postgresql://me:secret@127.0.0.1:9/x", "must be reachable and writable"),
        ("postgresql://127.0.0.1:9/x?password=secret", "must be reachable and writable"),
    ],
)
def test_a_storage_that_makes_no_sense_is_one_line(run, tmp_path, storage, message):
    (tmp_path / "a.txt").write_text("")
    result = run("study", "create", "first", *_SMALL, "--networks", 1, "--storage", storage)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert message in result.stderr
    assert "secret" not in result.stderr
    assert _files(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("file", ["a b.db", "50%.db", "ä {x}.db", "a#b.db", "two\nlines.db"])
def test_a_storage_may_be_called_anything(run, file):
    run("study", "create", "first", *_SMALL, "--networks", 1, "--storage", file)
    assert [one.name for one in list_studies(file)] == ["first"]


def test_suggested_commands_are_quoted(run):
    result = run("study", "create", "first", *_SMALL, "--storage", "a b.db")
    assert "anynet study work first --storage 'a b.db'\n" in result.output


def test_suggested_commands_leave_out_what_need_not_be_said(run):
    assert "anynet study work first\n" in run("study", "create", "first", *_SMALL).output


def test_a_run_without_its_framework_makes_nothing(run, tmp_path, monkeypatch):
    missing = property(lambda self: ["torch"])
    monkeypatch.setattr("common.backends.Framework.missing", missing)
    result = run("study", "run", "first", *_SMALL)
    assert "backend torch: needs torch; got no torch" in result.output
    assert _files(tmp_path) == []
