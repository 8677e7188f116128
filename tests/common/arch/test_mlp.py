"""MLPs by a rule."""

from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import MLPSpec, RegNetSpec
from common.errors import SpecError


@st.composite
def _specs(draw):
    return MLPSpec(
        depth=draw(st.integers(1, 24)),
        w_0=8 * draw(st.integers(1, 32)),
        w_a=draw(st.floats(0, 256)),
        w_m=draw(st.floats(1.5, 3)),
        stem_channels=draw(st.integers(1, 512)),
    )


@given(_specs())
def test_widths_fall_to_the_head(mlp):
    widths = [stage.channels for stage in mlp.network().stages]
    assert all(before > after for before, after in pairwise(widths))
    assert widths[-1] == mlp.w_0
    assert sum(stage.depth for stage in mlp.stages) == mlp.depth


@given(_specs())
def test_widths_are_those_of_a_regnet_read_backwards(mlp):
    line = RegNetSpec(mlp.depth, mlp.w_0, mlp.w_a, mlp.w_m, 8)
    widths = [stage.channels for stage in mlp.stages for _ in range(stage.depth)]
    assert widths[::-1] == list(line.quantised_widths)


def test_the_network_is_for_fashion_mnist_unless_told():
    spec = MLPSpec(4, 64, 64, 2).network()
    assert (spec.block, spec.image_size, spec.in_channels, spec.num_classes) == ("mlp", 28, 1, 10)
    assert (spec.stem_channels, spec.conv_bias) == (256, False)
    other = MLPSpec(4, 64, 64, 2, stem_channels=96).network(32, num_classes=5, in_channels=3)
    assert (other.image_size, other.in_channels, other.num_classes) == (32, 3, 5)
    assert other.stem_channels == 96


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 0}, "depth must be at least 1; got 0"),
        ({"w_0": 12}, "w_0 must be a multiple of 8; got 12"),
        ({"w_a": -1}, "w_a must be a number of at least 0; got -1"),
        ({"w_m": 1}, "w_m must be a number above 1; got 1"),
        ({"stem_channels": 0}, "stem_channels must be at least 1; got 0"),
    ],
)
def test_a_bad_parameter_says_which_rule(change, message):
    with pytest.raises(SpecError, match="^" + message):
        MLPSpec(**{**asdict(MLPSpec(4, 64, 64, 2)), **change})
