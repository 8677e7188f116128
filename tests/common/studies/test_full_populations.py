"""Intervals of samples against the truth of full populations: a synthetic one, and a real one.

The real one is NAS-Bench-Macro (https://github.com/xiusu/NAS-Bench-Macro), if the variable
ANYNET_NAS_BENCH_MACRO names its file nas-bench-macro_cifar10.json.
"""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from common.statistics import coverage, cubic_baseline
from common.studies import import_study


def _synthetic():
    """Errors of all 6,561 networks of eight layers with three operations each, skewed."""
    stream = np.random.default_rng(0)
    layers = np.array(list(itertools.product(range(3), repeat=8)))
    worth = layers @ np.linspace(1, 0.2, 8)
    return 0.07 + 0.2 * np.exp(-worth / 2) + stream.normal(0, 0.0015, len(layers))


@pytest.mark.full
@pytest.mark.parametrize("networks", [64, 128])
def test_intervals_cover_the_truth_of_a_synthetic_full_population(networks):
    mean, curve = coverage(_synthetic(), networks, 400)
    assert 0.9 <= mean <= 0.98
    assert 0.91 <= curve <= 0.98


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The results of NAS-Bench-Macro, imported."""
    path = os.environ.get("ANYNET_NAS_BENCH_MACRO")
    if not path:
        pytest.skip("$ANYNET_NAS_BENCH_MACRO names no file")
    url = f"journal:{tmp_path_factory.mktemp('macro') / 'studies.log'}"
    return import_study("macro", url, Path(path)).results()


@pytest.mark.full
def test_nas_bench_macro_is_imported_whole(real):
    assert len(real) == 6561
    assert {len(result.trainings) for result in real} == {3}
    assert real[0].network.label == "02012100"
    assert np.mean([result.error for result in real]) == pytest.approx(0.097534, abs=1e-6)


@pytest.mark.full
def test_intervals_cover_the_truth_of_nas_bench_macro(real):
    mean, curve = coverage([result.error for result in real], 128, 300)
    assert 0.9 <= mean <= 0.98
    assert 0.91 <= curve <= 0.98


@pytest.mark.full
def test_parameters_alone_tell_a_fifth_of_nas_bench_macro(real):
    fit = cubic_baseline([r.params for r in real], [r.error for r in real])
    assert (round(fit.r2, 3), round(fit.held_out, 3)) == (0.202, 0.198)
