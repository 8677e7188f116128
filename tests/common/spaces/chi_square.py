"""Pearson's chi-square test of counts."""

import numpy as np


def fits(seen, expected):
    """Whether counts come from the expectation; says no to one of a million that do.

    Cells in which fewer than ten are expected are one cell. The quantile is that of Wilson and
    Hilferty (1931): (chi-square / k)^(1/3) is nearly normal with mean 1 - 2 / (9 k) and variance
    2 / (9 k).
    """
    seen, expected = (np.ravel(counts).astype(float) for counts in (seen, expected))
    assert np.isclose(seen.sum(), expected.sum())
    rare = expected < 10
    seen, expected = (np.append(c[~rare], c[rare].sum()) for c in (seen, expected))
    impossible = expected == 0
    if seen[impossible].any():
        return False
    seen, expected = seen[~impossible], expected[~impossible]
    freedom = len(seen) - 1
    if not freedom:
        return True
    variance = 2 / (9 * freedom)
    quantile = freedom * (1 - variance + 4.7534 * variance**0.5) ** 3
    return ((seen - expected) ** 2 / expected).sum() < quantile
