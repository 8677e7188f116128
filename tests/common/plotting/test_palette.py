"""The palette: series that readers with any eye can tell apart, on light and on dark pages."""

import re
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from common.plotting import colour_scheme, draw_network
from common.plotting.figure import _PAPER, new_figure
from common.plotting.palette import COLOURS, GREY, area, line, points
from tests.documents import ROOT

# Machado, Oliveira and Fernandes (2009): complete lack of one kind of cones, in linear RGB.
_EYES = {
    "full": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def _linear(colour):
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    """CIELAB of linear sRGB, for white of D65."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / to_xyz.sum(1), 0.0089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", _EYES)
def test_any_two_colours_differ_for_every_eye(eye):
    seen = [_lab(np.clip(_EYES[eye] @ _linear(colour), 0, 1)) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10


@pytest.mark.parametrize("scheme", _PAPER)
@pytest.mark.parametrize("colour", [*COLOURS, GREY])
def test_a_colour_stands_out_from_the_page(colour, scheme):
    """At least 2.1 on white, where orange and sky blue are the palest, and 3 on dark pages."""
    lighter, darker = sorted(
        (float(_LUMINANCE @ _linear(one)) for one in (colour, _PAPER[scheme])), reverse=True
    )
    assert (lighter + 0.05) / (darker + 0.05) > {"light": 2.1, "dark": 3.0}[scheme]


@pytest.mark.parametrize(("style", "count"), [(line, 24), (points, 42), (area, 6)])
def test_the_first_series_all_differ(style, count):
    assert len({tuple(style(number).values()) for number in range(count)}) == count


@pytest.mark.parametrize("style", [line, points, area])
def test_neighbouring_series_differ_in_colour_and_in_form(style):
    for number in range(30):
        one, other = style(number).values(), style(number + 1).values()
        assert not set(one) & set(other)


@pytest.mark.parametrize("scheme", _PAPER)
def test_a_figure_has_the_background_of_its_page(scheme):
    with colour_scheme(scheme):
        figure = new_figure()
        axes = figure.subplots()
    assert axes.get_facecolor() == (*to_rgb(_PAPER[scheme]), 1)


def test_text_on_a_dark_page_is_light():
    from common import REGNETX32

    with colour_scheme("dark"):
        figure = draw_network(REGNETX32, 96, "title")
    texts = [text for axes in figure.axes for text in axes.texts] + [figure.texts[0]]
    assert min(_linear(text.get_color()) @ _LUMINANCE for text in texts) > 0.5


def test_a_scheme_ends_with_its_block():
    before = new_figure().get_facecolor()
    with colour_scheme("dark"):
        pass
    assert new_figure().get_facecolor() == before


_DRAWING = [
    path
    for folder in ("common/plotting", "common/reports", "common/parity", "benchmarks", "docs")
    for path in sorted((ROOT / folder).glob("*.py"))
    if path.name not in ("palette.py", "figure.py")
]


@pytest.mark.parametrize("path", _DRAWING, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_has_colours_of_its_own(path):
    own = re.findall(r"""["'](?:C\d|#[0-9a-fA-F]{6}|tab:\w+|0\.\d+)["']""", path.read_text())
    assert own == []
