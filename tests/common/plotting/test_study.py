"""The figures of populations, read back from what is drawn."""

import numpy as np
import pytest

from common.plotting.palette import COLOURS, GREY
from common.plotting.study import (
    TrainedNetwork,
    by_number,
    draw_edf,
    draw_extremes,
    draw_profiles,
    draw_scatter,
)


def _network(error, widths=(8, 16), depth=2.0):
    return TrainedNetwork(error, (error + 0.1, error), widths, {"depth": depth, "params": 1000})


@pytest.fixture
def spaces():
    """Eight networks of a space, the worst of them first, and one of another space."""
    return {"A": [_network((9 - n) / 10, depth=n) for n in range(8)], "B": [_network(0.5)]}


def test_the_edf_rises_to_one_at_the_largest_error_in_percent():
    (axes,) = draw_edf({"A": [0.2, 0.1, 0.1, 0.4]}).axes
    (line,) = axes.lines
    assert line.get_xdata()[1:].tolist() == [10, 20, 40]
    assert line.get_ydata().tolist() == [0, 0.5, 0.75, 1]
    assert line.get_label() == "A, 4 networks, mean 20.0%"


_ERRORS = [0.1, 0.2, 0.3]


def test_few_distributions_have_bands_in_one_panel():
    (axes,) = draw_edf({f"space {n}": _ERRORS for n in range(4)}).axes
    assert len(axes.collections) == 4


def test_more_distributions_have_a_panel_each_in_front_of_all_others():
    panels = draw_edf({f"space {n}": [error + n / 10 for error in _ERRORS] for n in range(5)}).axes
    assert [panel.get_title() for panel in panels] == [
        f"space {n}, mean {20 + 10 * n}.0%" for n in range(5)
    ]
    for number, panel in enumerate(panels):
        *behind, own = panel.lines
        assert {line.get_color() for line in behind} == {GREY}
        assert own.get_xdata()[1:] == pytest.approx([10 * (number + n) for n in (1, 2, 3)])
        assert len(panel.collections) == 1


def test_the_best_three_and_the_worst_three_differ_in_colour_and_dashes(spaces):
    panel, _ = draw_extremes(spaces).axes
    drawn = [
        (line.get_color(), line.get_linestyle(), round(line.get_ydata()[-1]))
        for line in panel.lines
    ]
    best, worst = (COLOURS[0], "-"), (COLOURS[1], "--")
    assert drawn == [(*best, e) for e in (20, 30, 40)] + [(*worst, e) for e in (70, 80, 90)]


def test_a_profile_shows_the_width_of_every_block(spaces):
    _, panel = draw_profiles({**spaces, "B": [_network(0.5, widths=(8, 8, 24))]}).axes
    values, edges, _ = panel.patches[0].get_data()
    assert (values.tolist(), edges.tolist()) == ([8, 8, 24], [0, 1, 2, 3])


def test_every_number_of_the_networks_has_a_panel(spaces):
    assert by_number(spaces)["depth"] == {"A": [*range(8)], "B": [2.0]}
    depth, params = draw_scatter(spaces).axes
    assert (depth.get_xlabel(), params.get_xlabel()) == ("depth", "params")
    points = np.concatenate([dots.get_offsets() for dots in depth.collections])
    assert (7, pytest.approx(20)) in [tuple(point) for point in points]
