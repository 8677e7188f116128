"""What a shell proposes when Tab is pressed; no shell is started."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from common.arch import NAMED_SPECS
from common.backends import FRAMEWORKS
from common.cli import main
from common.spaces import SPACES
from common.studies import Study, StudyConfig
from common.training import RECIPES, TrainConfig
from tests.common.spaces.tiny import TINY


def _proposed(line):
    """The values proposed for the last word of a command line, and the types of others."""
    *words, incomplete = line.split(" ")
    found = ShellComplete(main, {}, "anynet", "_ANYNET_COMPLETE").get_completions(words, incomplete)
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in found]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _make_runs(*names):
    for name in names:
        Path(name).mkdir(parents=True)
        Path(name, "config.json").touch()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tra", ["train"]),
        ("study wo", ["work"]),
        ("parity rec", ["record"]),
        ("train --ba", ["--batch-size", "--backend"]),
        ("train --backend ", [*FRAMEWORKS]),
        ("train --recipe ", [*RECIPES]),
        ("parity record j", ["jax"]),
        ("parity compare build --expect torch,", ["torch,mx", "torch,tf", "torch,jax"]),
        ("summary regnetx_40", ["<file>", "regnetx_400mf", "regnetx_400mf_tv"]),
        ("plot RegNetX_1", ["<file>", "regnetx_1.6gf", "regnetx_12gf", "regnetx_16gf"]),
        ("train --model regnetx3", ["<file>", "regnetx32"]),
        ("train --data c", ["<file>", "cifar10", "cifar100"]),
        ("spaces regnety-s", ["<file>", "RegNetY-small", "RegNetY-small-uniform"]),
        ("study run a --space AnyNetXE-sm", ["<file>", "AnyNetXE-small", "AnyNetXE-small-uniform"]),
    ],
)
def test_names_are_completed(line, expected):
    assert sorted(_proposed(line)) == sorted(expected)


@pytest.mark.parametrize(
    ("command", "names"), [("summary ", NAMED_SPECS), ("spaces ", SPACES), ("plot ", NAMED_SPECS)]
)
def test_every_name_is_proposed(command, names):
    assert _proposed(command) == ["<file>", *names]


@pytest.mark.parametrize(
    "command",
    ["evaluate", "predict", "export", "inspect", "convert", "summary", "train --weights",
     "train --config", "train --resume", "curves", "curves a --band"],
)  # fmt: skip
def test_runs_are_completed_where_a_command_takes_them(command):
    _make_runs("runs/first", "runs/second", "apart")
    assert [name for name in _proposed(f"{command} runs/f") if name != "<file>"] == ["runs/first"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["apart", "runs/first", "runs/second"]),
        ("r", ["runs/first", "runs/second"]),
        ("runs/", ["runs/first", "runs/second"]),
        ("./ru", ["./runs/first", "./runs/second"]),
        ("deep/", ["deep/er/run"]),
        ("missing/", []),
        ("runs/first/", []),
    ],
)
def test_runs_are_found_in_the_typed_folder_and_in_those_in_it(typed, expected):
    _make_runs("runs/first", "runs/second", "apart", "deep/er/run", ".hidden/run")
    assert _proposed(f"curves {typed}") == expected


def test_the_search_for_runs_ends_in_folders_of_very_many_files(folder, monkeypatch):
    monkeypatch.setattr("common.cli.completion._MAX_ENTRIES", 10)
    for number in range(30):
        (folder / f"photo{number}.jpg").touch()
        _make_runs(f"run{number}")
    assert len(_proposed("curves ")) <= 10


def test_studies_are_completed_from_their_file():
    sample = TrainConfig("torch", spec=None, data="sample")
    config = StudyConfig((TINY,), networks=1, training=sample)
    Study.create("first", "anynet-studies.db", config)
    assert _proposed("study report f") == ["first"]
    assert _proposed("study report --storage other.db f") == []


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_storage_that_cannot_be_read_has_no_names(folder, content):
    (folder / "anynet-studies.db").write_bytes(content)
    assert _proposed("study status f") == []
    assert (folder / "anynet-studies.db").read_bytes() == content


def test_an_empty_word_on_the_line_does_not_end_completion():
    assert _proposed("train --model  --ba") == ["--backend", "--batch-size"]
