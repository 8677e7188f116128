"""What people look at during and after a run."""

import sys
import types

import pytest

from common.training import ProgressBar
from common.training.curves import LiveFigure, draw_comparison, draw_curves, save_curves
from tests.common.training.fakes import Data, FakeTrainer, Model


@pytest.fixture
def rows():
    trainer = FakeTrainer(3)
    return trainer.fit(Model(), Data())


def test_the_curves_are_the_chapters(rows):
    (axes,) = draw_curves(rows).axes
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["train loss", "validation loss", "validation accuracy"]
    assert axes.lines[1].get_xdata().tolist() == [1, 2, 3]


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_ending_says_the_format(rows, tmp_path, ending, start):
    save_curves(rows, tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)


def test_a_comparison_names_every_run(rows):
    losses, _ = draw_comparison({"one": rows, "two": rows}).axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["one", "two"]


def test_the_figure_in_a_notebook_is_redrawn_in_place(rows, monkeypatch):
    shown = []
    handle = types.SimpleNamespace(update=lambda figure: shown.append("update"))
    module = types.ModuleType("IPython.display")
    module.display = lambda figure, display_id: shown.append("display") or handle
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    figure = LiveFigure()
    for row in rows:
        figure.record(row)
    assert shown == ["display"] + ["update"] * 5


def test_the_progress_bar_leaves_a_line_per_epoch(rows, capsys):
    bar = ProgressBar()
    for row in rows:
        bar.record(row)
    bar.close()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
