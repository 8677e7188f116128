"""Learning curves: drawn, compared, and redrawn in a notebook."""

import sys
import types

import pytest

from common.errors import ConfigError
from common.plotting import LiveFigure, draw_comparison, draw_curves, save_curves
from tests.common.training.fakes import Data, FakeTrainer, Model


@pytest.fixture(scope="module")
def rows():
    trainer = FakeTrainer(3)
    return trainer.fit(Model(), Data())


@pytest.mark.parametrize(("panel", "value"), [(0, "loss"), (1, "accuracy")])
def test_loss_and_accuracy_have_a_panel_each(rows, panel, value):
    axes = draw_curves(rows).axes[panel]
    training, validation = axes.lines
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    assert list(training.get_ydata()) == [row[value] for row in rows if row["kind"] == "interval"]
    assert list(validation.get_xdata()) == [1, 2, 3]
    assert list(validation.get_ydata()) == [
        row[f"val_{value}"] for row in rows if row["kind"] == "epoch"
    ]


def test_runs_differ_in_colour_and_in_dashes(rows):
    losses, _ = draw_comparison({str(number): rows for number in range(4)}).axes
    assert len({line.get_color() for line in losses.lines}) == 4
    assert len({str(line._dash_pattern) for line in losses.lines}) == 4


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


def _fails(*_):
    raise ValueError("no such backend\nat all")


def test_a_figure_in_a_notebook_that_fails_does_not_stop_training(monkeypatch, rows, caplog):
    monkeypatch.setattr("common.plotting.curves.draw_curves", _fails)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(Image=0, display=0))
    figure = LiveFigure()
    for row in rows:
        figure.on_log(row)
    assert caplog.text.count("the curves could not be drawn") == 1
