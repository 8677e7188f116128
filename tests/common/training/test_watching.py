"""What people look at during and after a run."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from common.cli import main
from common.errors import DataError
from common.training import ProgressBar
from common.training.compare import distance
from common.training.records import RecordFile
from common.weights import load_spec
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model


@pytest.fixture
def rows():
    trainer = FakeTrainer(3)
    return trainer.fit(Model(), Data())


def test_a_distance_is_relative_and_over_common_steps(rows):
    other = [{**row, "loss": 1.1 * row["loss"]} for row in rows if row["kind"] == "interval"]
    found = distance(other[1:], rows)
    assert (found.mean, found.largest) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.intervals == len(other) - 1


def test_runs_without_common_steps_have_no_distance(rows):
    with pytest.raises(DataError, match="intervals that end at the same steps"):
        distance(rows, rows[:1])


def test_the_progress_bar_leaves_a_line_per_epoch(rows, capsys):
    bar = ProgressBar()
    for row in rows:
        bar.on_log(row)
    bar.close()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]


def _fails(*_):
    raise ValueError("no such backend\nat all")


def test_a_picture_that_fails_does_not_lose_the_run(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("common.training.run.save_curves", _fails)
    trainer = FakeTrainer(1, out=tmp_path)
    trainer.fit(Model(), Data())
    assert (tmp_path / "model.safetensors").exists()
    assert trainer.history[-1]["kind"] == "end"
    assert f"{tmp_path / 'curves.png'} could not be drawn: no such backend at all" in caplog.text


def test_the_network_is_saved_before_the_last_row_is_written(tmp_path, monkeypatch):
    write = RecordFile.write

    def full(self, row):
        if row["kind"] == "end":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, row)

    monkeypatch.setattr(RecordFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        FakeTrainer(1, out=tmp_path).fit(Model(), Data())
    assert load_spec(tmp_path / "model.safetensors") == SPEC


@pytest.mark.parametrize("backend", ["nonsense", "QtAgg"])
def test_pictures_need_no_backend(tmp_path, backend):
    FakeTrainer(1, out=tmp_path / "run").fit(Model(), Data())
    command = (
        sys.executable,
        "-m",
        "common",
        "curves",
        tmp_path / "run",
        "--out",
        tmp_path / "a.png",
    )
    environment = {**os.environ, "MPLBACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name", ["50% of it", "two\nlines", "$x^$", "ärger", "a.png", "x.JSON", "'"]
)
def test_a_run_may_be_called_anything(tmp_path, name, caplog):
    FakeTrainer(1, out=tmp_path / name).fit(Model(), Data())
    assert not caplog.text
    assert (tmp_path / name / "curves.png").exists()
    result = CliRunner().invoke(
        main, ["curves", str(tmp_path / name), "--out", str(tmp_path / "a.svg")]
    )
    assert result.exit_code == 0, result.output
