"""Commands replace what this project wrote, and leave every other file bit for bit as it is."""

import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save

from benchmarks.report import main as write_benchmarks
from common.cli import main
from common.spaces import SPACES
from common.studies import Study, StudyConfig
from common.training import TrainConfig
from common.weights import initial_weights, save_weights
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model

_FOREIGN = b"not ours\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A weight file, a run, a study whose networks are trained, and parity records."""
    folder = tmp_path_factory.mktemp("made")
    save_weights(folder / "net.safetensors", SPEC, initial_weights(SPEC))
    FakeTrainer(1, out=folder / "run").fit(Model(), Data())
    spaces = (SPACES["AnyNetXA-small"], SPACES["AnyNetXE-small"])
    training = TrainConfig("torch", spec=None, data="sample", epochs=1, resize=(28, 28))
    study = Study.create(
        "first", f"journal:{folder / 'study.log'}", StudyConfig(spaces, 3, 0, training)
    )
    for number in range(6):
        claim = study.claim("me")
        study.report(claim, 1, 0.1 * number)
        study.finish(claim, 0.1 * number, [], 1.0)
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """Runs a command in an empty folder; `{}` in it is the folder with what was made."""
    monkeypatch.chdir(tmp_path)
    return lambda command, more=(): CliRunner().invoke(
        main, [word.format(made) for word in (*command.split(), *more)]
    )


_STUDY = "first --storage journal:{}/study.log --out"
_TARGETS = {
    "init-weights regnetx32 net.safetensors": ["net.safetensors"],
    "plot regnetx32 --out net.png": ["net.png"],
    "plot regnetx32 --out net.svg": ["net.svg"],
    "plot regnetx32 --out net.pdf": ["net.pdf"],
    "plot regnetx32 --out net.jpg": ["net.jpg"],
    "curves {}/run --out runs.png": ["runs.png"],
    "convert {}/net.safetensors net.safetensors": ["net.safetensors"],
    "export {}/net.safetensors --format onnx --out net.onnx": ["net.onnx"],
    f"study export {_STUDY} all.csv": ["all.csv"],
    f"study export {_STUDY} all.parquet": ["all.parquet"],
    f"study report {_STUDY} report": [
        "report/index.html", "report/study.json", "report/results.json", "report/edf.png",
        "report/edf.svg", "report/records/AnyNetXE-small-0002.jsonl",
    ],
}  # fmt: skip
"""Commands, and files that they write."""

_UNMARKED = {
    "convert {}/net.safetensors net.npz": "net.npz",
    "convert {}/net.safetensors timm.safetensors --to anynet_torch": "timm.safetensors",
    "plot regnetx32 --out net.webp": "net.webp",
}
"""Commands whose files carry no mark, since their format or their readers have no place for it."""

_CASES = [(command, file) for command, files in _TARGETS.items() for file in files]


@pytest.mark.parametrize(("command", "file"), [*_CASES, *_UNMARKED.items()])
def test_a_foreign_file_stays_as_it_is(run, tmp_path, command, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(_FOREIGN)
    result = run(command)
    assert result.exit_code == 1, result.output
    assert f"{file}: must be a new file or one that anynet wrote; got another file" in result.output
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [_FOREIGN]


@pytest.mark.parametrize("command", [one for one in _TARGETS if "report" not in one])
def test_a_commands_own_files_are_replaced(run, command):
    assert [run(command).exit_code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(("command", "file"), [_CASES[0], *_UNMARKED.items()])
def test_a_foreign_file_is_replaced_where_it_is_told(run, tmp_path, command, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(_FOREIGN)
    result = run(command, ["--overwrite"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / file).read_bytes() != _FOREIGN


_RECORD, *_REPORTS = (
    ("parity record reference --out .", "reference.safetensors"),
    *((
        "parity compare .", file
    ) for file in ("report.html", "report.png", "report.json", "junit.xml")),
)  # fmt: skip


@pytest.mark.parametrize(("command", "file"), [_RECORD, *_REPORTS])
def test_foreign_files_beside_parity_records_stay_as_they_are(run, tmp_path, command, file):
    content = save({"a": np.zeros(1)}) if command == _RECORD[0] else _FOREIGN
    (tmp_path / file).write_bytes(content)
    result = run(command)
    assert "got another file; name another file or add --overwrite" in result.output
    assert (tmp_path / file).read_bytes() == content


@pytest.mark.parametrize("file", ["bench.md", "training.png", "memory.png"])
def test_foreign_files_beside_benchmarks_stay_as_they_are(tmp_path, file):
    (tmp_path / "bench.json").write_text("{}")
    (tmp_path / file).write_bytes(_FOREIGN)
    result = CliRunner().invoke(write_benchmarks, [str(tmp_path / "bench.json")])
    assert "must be a new file or one that anynet wrote" in str(result.exception)
    assert (tmp_path / file).read_bytes() == _FOREIGN


@pytest.mark.parametrize("command", [
    "train --data sample --out there",
    "export {}/net.safetensors --format native --backend tf --out there",
    "export {}/net.safetensors --format native --backend mx --out there",
])  # fmt: skip
def test_a_folder_that_holds_a_file_is_refused_and_kept(run, tmp_path, command):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_bytes(_FOREIGN)
    result = run(command)
    assert result.exit_code == 1
    assert "there: must be " in result.output
    assert "Traceback" not in result.output
    assert os.listdir(tmp_path / "there") == ["notes.txt"]
    assert (tmp_path / "there" / "notes.txt").read_bytes() == _FOREIGN


@pytest.mark.parametrize("kind", ["link", "link to nothing", "folder", "pipe", "file above"])
@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
def test_what_is_no_file_is_one_clear_error(run, tmp_path, kind, overwrite):
    target = tmp_path / "a.onnx"
    match kind:
        case "link":
            (tmp_path / "mine.onnx").write_bytes(_FOREIGN)
            target.symlink_to("mine.onnx")
        case "link to nothing":
            target.symlink_to("nothing")
        case "folder":
            target.mkdir()
        case "pipe":
            os.mkfifo(target)
        case "file above":
            target.write_bytes(_FOREIGN)
            target = target / "b.onnx"
    before = sorted(os.listdir(tmp_path))
    command = f"export {{}}/net.safetensors --format onnx --out {target.relative_to(tmp_path)}"
    result = run(command, overwrite)
    assert result.exit_code == 1
    assert ": must be " in result.output
    assert sorted(os.listdir(tmp_path)) == before
    assert all(path.read_bytes() == _FOREIGN for path in tmp_path.iterdir() if path.is_file())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_one_clear_error(run, tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    result = run("plot regnetx32 --out shut/a.png")
    assert "must be in a writable folder" in result.output


def _database(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table mine (number)")
        database.commit()


@pytest.mark.parametrize(("storage", "write"), [
    ("notes.txt", lambda path: path.write_bytes(_FOREIGN)),
    ("notes.db", _database),
    ("journal:notes.log", lambda path: path.write_bytes(_FOREIGN)),
    ("journal:notes.log", lambda path: path.write_text('{"a": 1}\n')),
])  # fmt: skip
def test_no_study_is_put_into_a_foreign_file(run, tmp_path, storage, write):
    path = tmp_path / storage.removeprefix("journal:")
    write(path)
    before = path.read_bytes()
    result = run(f"study create first --space AnyNetXA-small --networks 1 --storage {storage}")
    assert result.exit_code == 1
    assert f"storage {storage}: must be " in result.output
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == before


def test_workers_do_not_write_into_a_foreign_log(run, tmp_path):
    (tmp_path / "first-workers").mkdir()
    (tmp_path / "first-workers" / "worker-0.log").write_bytes(_FOREIGN)
    result = run("study run first --storage journal:{}/study.log")
    assert result.exit_code == 1
    assert "worker-0.log: must be a free name or a worker's log" in result.output
    assert (tmp_path / "first-workers" / "worker-0.log").read_bytes() == _FOREIGN
