"""The quantised line that describes the widths of a network best."""

import json
from dataclasses import replace
from math import log

import numpy as np
import pytest
from click.testing import CliRunner

from common import AnyNetSpec, MLPSpec, RegNetSpec
from common.arch import compatible_stage
from common.arch.regnet import REGNETS
from common.cli import main
from common.errors import SpecError
from common.spaces import ANYNETX_A, REGNETX, SPACES, fit_line, small


def _widths(spec):
    return [stage.channels for stage in spec.stages for _ in range(stage.depth)]


_QUICK = ("regnetx_200mf", "regnety_400mf", "regnety_600mf")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in _QUICK else pytest.mark.full) for name in REGNETS],
)
def test_the_published_regnets_are_on_their_line(name):
    spec = REGNETS[name].network()
    found = fit_line(spec)
    assert found.error == 0
    assert list(found.widths) == _widths(spec)


@pytest.mark.parametrize(
    ("space", "count"),
    [
        (REGNETX, 2),
        (small(REGNETX), 10),
        pytest.param(REGNETX, 300, marks=pytest.mark.full),
        pytest.param(SPACES["RegNetX-uniform"], 100, marks=pytest.mark.full),
        pytest.param(small(REGNETX), 1000, marks=pytest.mark.full),
    ],
    ids=["full", "small", "many", "uniform", "many small"],
)
def test_regnets_are_on_their_line(space, count):
    errors = [fit_line(spec).error for spec in space.sample(count, seed=3)]
    assert errors == [0.0] * count


def _line_widths(line, spec):
    """The widths of a line, by the definition of a RegNet, for the groups of a network."""
    depth = sum(stage.depth for stage in spec.stages)
    regnet = RegNetSpec(depth, line.w_0, line.w_a, line.w_m, 1)
    stages = [stage for stage in spec.stages for _ in range(stage.depth)]
    return [
        compatible_stage(1, width, stage.group_width, stage.bottleneck_multiplier).channels
        for width, stage in zip(regnet.quantised_widths, stages, strict=True)
    ]


@pytest.fixture(scope="module")
def free():
    return [(spec, fit_line(spec)) for spec in small(ANYNETX_A).sample(12, seed=0)]


def test_the_error_is_the_mean_logarithm_of_predicted_to_observed_widths(free):
    for spec, line in free:
        assert list(line.widths) == _line_widths(line, spec)
        logs = [abs(log(a / b)) for a, b in zip(line.widths, _widths(spec), strict=True)]
        assert line.error == pytest.approx(sum(logs) / len(logs))


def test_no_other_line_is_better_for_free_widths(free):
    stream = np.random.default_rng(0)
    for spec, line in free[:4]:
        for _ in range(300):
            other = replace(
                line,
                w_0=8 * int(stream.integers(1, 17)),
                w_a=float(np.exp(stream.uniform(0, 5))),
                w_m=round(float(stream.uniform(1.5, 3)), 3),
            )
            logs = np.log(np.array(_line_widths(other, spec)) / _widths(spec))
            assert line.error <= np.abs(logs).mean() + 1e-12


def test_free_widths_are_further_from_a_line_than_rising_ones(free):
    rising = [fit_line(spec).error for spec in SPACES["AnyNetXE-small"].sample(12, seed=0)]
    assert np.median(rising) < np.median([line.error for _, line in free])


@pytest.mark.parametrize(
    ("stages", "error"),
    [(((3, 64),), 0), (((1, 24),), 0), (((2, 64), (2, 8)), log(64 / 8) / 2), (((1, 4),), log(2))],
    ids=["constant", "one block", "falling", "narrower than any line"],
)
def test_simple_widths_have_the_error_that_they_must(stages, error):
    spec = AnyNetSpec.from_arch(stages, 16, block="resnet")
    assert fit_line(spec).error == pytest.approx(error)


def test_an_mlp_has_no_line():
    with pytest.raises(SpecError, match="fit: must be a network of convolutions; got an MLP"):
        fit_line(MLPSpec(6, 64, 48, 2).network())


def test_the_command_prints_the_line_and_its_error():
    done = CliRunner().invoke(main, ["fit", "regnetx_400mf", "regnetx32"])
    assert done.exit_code == 0, done.output
    assert [line.split()[-1] for line in done.stdout.splitlines() if "regnetx" in line] == [
        "0.0000"
    ] * 2
    found = json.loads(CliRunner().invoke(main, ["fit", "regnetx_400mf", "--json"]).stdout)
    assert found["regnetx_400mf"]["error"] == 0
