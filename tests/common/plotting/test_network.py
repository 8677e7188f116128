"""The picture of a network, read back from what is drawn."""

import numpy as np
import pytest

from common import REGNETX32, AnyNetSpec, regnet
from common.arch import REGNETS
from common.errors import SpecError
from common.plotting import draw_network


def _lines(axes):
    """Drawn curves by the first word of their label."""
    return {line.get_label().split(" ")[0].rstrip(":,"): line for line in axes.lines}


def _texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_regnet_stands_beside_its_line_and_quantisation():
    widths, _ = draw_network(regnet("regnetx_400mf"), 224).axes
    lines, parameters = _lines(widths), REGNETS["regnetx_400mf"]
    assert lines["linear"].get_ydata() == pytest.approx([24 + 24.48 * j for j in range(22)])
    assert tuple(lines["quantised"].get_ydata()) == parameters.quantised_widths


def test_the_line_is_found_for_other_classes_and_channels():
    widths, _ = draw_network(regnet("regnetx_400mf", num_classes=10, in_channels=1), 96).axes
    assert "linear" in _lines(widths)


def test_another_network_shows_its_widths_alone():
    widths, _ = draw_network(REGNETX32, 96).axes
    drawn = [line.get_ydata() for line in widths.lines]
    assert np.concatenate(drawn).tolist() == [32] * 4 + [80] * 6
    assert _texts(widths) == ["4 x 32", "6 x 80"]


def test_the_diagram_shows_channels_and_resolutions():
    _, diagram = draw_network(regnet("regnety_400mf"), 224).axes
    texts = _texts(diagram)
    assert "images\n3 channels\n224 x 224" in texts
    assert "stem\n32 channels\n112 x 112" in texts
    assert "stage 4\n440 channels\n7 x 7" in texts
    assert "head\n1000 classes" in texts
    assert "6 blocks, stride 2\n55 groups of 8\nsqueeze-excitation" in texts


@pytest.mark.parametrize("block", ["resnet", "vanilla", "v", "vr"])
def test_the_diagram_names_other_blocks(block):
    _, diagram = draw_network(REGNETX32.with_block(block), 96).axes
    assert f"4 blocks, stride 2\n{block} blocks" in _texts(diagram)


def test_the_diagram_of_an_mlp_shows_units():
    spec = AnyNetSpec.from_arch(((2, 24), (1, 16)), 32, block="mlp", image_size=28)
    widths, diagram = draw_network(spec, 28).axes
    texts = _texts(diagram)
    assert widths.get_ylabel() == "width in units"
    assert {"images\n1 channel\n28 x 28", "stem\n32 units", "stage 2\n16 units"} <= set(texts)
    assert texts.count("2 linear layers") == 1
    assert texts.count("1 linear layer") == 3  # stem, stage 2 and head


def test_the_diagram_shows_bottlenecks():
    _, diagram = draw_network(AnyNetSpec.from_arch(((1, 16, 8, 0.5, 1),), 8), 1).axes
    assert "1 block, stride 1\nbottleneck 8" in _texts(diagram)


def test_a_box_is_higher_the_larger_its_images():
    _, diagram = draw_network(REGNETX32, 96).axes
    heights = [box.get_height() for box in diagram.patches if hasattr(box, "get_height")]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 5


def test_an_image_size_below_one_is_refused():
    with pytest.raises(SpecError, match="image_size must be at least 1 pixel"):
        draw_network(REGNETX32, 0)
