"""What people look at during and after a run."""

import errno
import os
import subprocess
import sys
import types

import pytest
from click.testing import CliRunner

from common.cli import main
from common.errors import ConfigError, DataError
from common.plotting import LiveFigure, draw_comparison, draw_curves, save_curves
from common.training import ProgressBar
from common.training.compare import distance
from common.training.records import RecordFile
from common.weights import load_spec
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model


@pytest.fixture
def rows():
    trainer = FakeTrainer(3)
    return trainer.fit(Model(), Data())


def test_the_curves_are_the_chapters(rows):
    (axes,) = draw_curves(rows).axes
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["train loss", "validation loss", "validation accuracy"]
    assert axes.lines[1].get_xdata().tolist() == [1, 2, 3]


@pytest.mark.parametrize("ending", ["pgf", "xyz", ""])
def test_an_ending_that_needs_latex_or_has_no_format_is_refused(rows, tmp_path, ending):
    with pytest.raises(ConfigError, match="must end in one of .*png"):
        save_curves(rows, tmp_path / f"a.{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_ending_says_the_format(rows, tmp_path, ending, start):
    save_curves(rows, tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)


def test_a_comparison_names_every_run(rows):
    losses, _ = draw_comparison({"one": rows, "two": rows}).axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["one", "two"]


def test_short_runs_are_compared_by_their_losses_alone(rows):
    short = [row for row in rows if row.get("epoch", 0) <= 1]
    assert len(draw_comparison({"one": short}).axes) == 1


def test_a_band_is_as_wide_as_the_reruns_are_far(rows):
    further = [{**row, "loss": 1.2 * row["loss"]} if "loss" in row else row for row in rows]
    nearer = [{**row, "loss": 0.9 * row["loss"]} if "loss" in row else row for row in rows]
    losses, _ = draw_comparison({"one": rows}, [further, nearer]).axes
    (shade,) = losses.collections
    heights = shade.get_paths()[0].vertices[:, 1]
    first = [row["loss"] for row in rows if row["kind"] == "interval"]
    assert heights.min() == pytest.approx(0.8 * min(first))
    assert heights.max() == pytest.approx(1.2 * max(first))


def test_a_distance_is_relative_and_over_common_steps(rows):
    other = [{**row, "loss": 1.1 * row["loss"]} for row in rows if row["kind"] == "interval"]
    found = distance(other[1:], rows)
    assert (found.mean, found.largest) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.intervals == len(other) - 1


def test_runs_without_common_steps_have_no_distance(rows):
    with pytest.raises(DataError, match="intervals that end at the same steps"):
        distance(rows, rows[:1])


def test_the_figure_in_a_notebook_is_redrawn_in_place(rows, monkeypatch):
    shown = []
    handle = types.SimpleNamespace(update=lambda picture: shown.append("update"))
    module = types.ModuleType("IPython.display")
    module.display = lambda picture, display_id: shown.append("display") or handle
    module.Image = lambda content: content[1:4] == b"PNG" or pytest.fail("must be a picture")
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    figure = LiveFigure()
    for row in rows:
        figure.on_log(row)
    assert shown == ["display"] + ["update"] * 5


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


def test_a_figure_in_a_notebook_that_fails_does_not_stop_training(monkeypatch, rows, caplog):
    monkeypatch.setattr("common.plotting.curves.draw_curves", _fails)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(Image=0, display=0))
    figure = LiveFigure()
    for row in rows:
        figure.on_log(row)
    assert caplog.text.count("the curves could not be drawn") == 1


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
