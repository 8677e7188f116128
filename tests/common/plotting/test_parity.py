"""The figures of the parity report, read back from what is drawn."""

import numpy as np

from common.plotting.parity import ErrorTable, FreeRun, draw_errors, draw_free_runs

_TABLE = ErrorTable(
    "small", ["stem", "head"], ["eval a", "eval b"], np.array([[1e-3, np.inf], [0, np.nan]])
)


def test_errors_are_logarithms_of_ratios_and_clipped():
    axes, _ = draw_errors(_TABLE).axes
    (image,) = axes.images
    shown = np.ma.filled(image.get_array(), np.nan)
    np.testing.assert_allclose(shown, [[-3, 6], [-6, np.nan]])


def test_the_rows_of_errors_are_layers():
    axes, _ = draw_errors(_TABLE).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["stem", "head"]
    assert axes.get_title() == "small: outputs against the reference"


def test_a_free_run_is_drawn_above_a_floor():
    run = FreeRun("small", np.full(3, 1e-9), {"a": np.array([0, 1e-12, 1e-10])})
    (axes,) = draw_free_runs([run, run]).axes[:1]
    (line,) = axes.lines
    assert line.get_ydata().tolist() == [1e-17, 1e-12, 1e-10]
    assert line.get_xdata().tolist() == [1, 2, 3]
