"""The statistics that the scripts of a report compute are those of `common.statistics`."""

from pathlib import Path

import numpy as np
import pytest

import common.pages
from common.statistics import band, good_range


def _source(name):
    """The text of a script of the page, to be run alone."""
    return (Path(common.pages.__file__).parent / name).read_text()


@pytest.mark.parametrize("n", [3, 64, 1000])
def test_the_bands_are_those_of_the_statistics(browser, n):
    """Those of Python are drawn, so both agree to within a network or the error of 2,000 draws."""
    errors = np.sort(np.random.default_rng(1).random(n))
    grid = errors[:: max(1, n // 20)]
    low, high = band(errors, grid)
    page = browser.new_page()
    code = _source("edf.js") + f"return ranges.map(p => binomialRange({n}, p));"
    shares = np.searchsorted(errors, grid, side="right") / n
    found = np.array(page.evaluate(f"ranges => {{ {code} }}", shares.tolist()))
    page.close()
    assert np.abs(found - np.stack([low, high], 1)).max() <= max(1 / n, 0.01)


def test_the_range_of_good_networks_is_that_of_the_statistics(browser):
    stream = np.random.default_rng(2)
    values, errors = stream.random(200), stream.random(200)
    page = browser.new_page()
    code = (
        "const networks = { error: errors };"
        + _source("scatter.js")
        + ("return goodRange({ values }, [...values.keys()]);")
    )
    low, middle, high = page.evaluate(
        f"([values, errors]) => {{ {code} }}", [values.tolist(), errors.tolist()]
    )
    page.close()
    drawn = good_range(values, errors)
    assert (low, middle, high) == pytest.approx((drawn.low, drawn.middle, drawn.high), abs=0.03)
