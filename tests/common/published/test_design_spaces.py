"""Every number of docs/design-spaces.md is recomputed from docs/studies/spaces."""

from itertools import pairwise

import numpy as np
import pytest

from common.spaces import ANYNETX_A, ANYNETX_C, fit_line, small
from common.statistics import agreements, networks_needed
from docs.repeats import errors_of, spaces_of
from tests.common.published.claims import (
    FOLDERS,
    comparison,
    cubic_residuals,
    difference,
    left_over,
    missing,
    networks,
    p_value,
    percent,
    rank,
    residual,
    signed,
    verdict,
)
from tests.published import config_of, numbers_of

PAGE = "design-spaces.md"
STUDY = "spaces"
PAPER = "paper"
"""The chain with the paper's distributions."""
STEPS = ("A", "B", "C", "D", "E", "RegNetX")
NAMES = {**{f"AnyNetX{letter}_small": letter for letter in "ABCDE"}, "RegNetX_small": "RegNetX"}


def _space(short):
    return f"{'AnyNetX' if len(short) == 1 else ''}{short}-small"


def _step(first, second, constraint, study=STUDY):
    one = comparison(study, _space(first), _space(second))
    shown = verdict(one, **NAMES)
    return (
        f"| {first} to {second} | {constraint} "
        f"| {signed(difference(study, _space(first), _space(second)))} | {p_value(one['p_mean'])} "
        f"| {p_value(one['p_dominance'])} | {shown} |"
    )


def _steps(study=STUDY):
    constraints = (
        "one bottleneck ratio", "one group width", "widths never decrease",
        "depths never decrease", "widths on a line",
    )  # fmt: skip
    for first, second, constraint in zip(STEPS, STEPS[1:], constraints, strict=False):
        yield _step(first, second, constraint, study)


def _violation(letter, principle):
    space = f"VioNet-{letter}-small"
    one = comparison(STUDY, space, "AnyNetXE-small")
    low, middle, high = (-end for end in difference(STUDY, space, "AnyNetXE-small"))
    words = verdict(one, **NAMES, **{space.replace("-", "_"): f"`VioNet-{letter}`"})
    return (
        f"| `VioNet-{letter}` | {principle} | {percent(networks(STUDY, space).errors.mean())} "
        f"| {percent(middle)} ({100 * high:.2f} to {100 * low:.2f}) | {p_value(one['p_mean'])} "
        f"| {p_value(one['p_dominance'])} | {words} |"
    )


def _mean_loss(letter):
    return percent(-difference(STUDY, f"VioNet-{letter}-small", "AnyNetXE-small")[1], 1)


def _width(space):
    """The importance of the width in a space, and its range by chance."""
    numbers = numbers_of(FOLDERS[STUDY])
    share = numbers["importances"][space]["width"]
    low, high = numbers["importance_ranges"][space]["width"]
    return f"{share:.2f} (by chance {low:.2f} to {high:.2f})"


def _fits(space):
    """Medians of e_fit of the best and worst quarter, its rank correlation, its median."""
    own = networks(STUDY, space)
    fits = np.array([fit_line(one.network.spec).error for one in own.results])
    order, quarter = np.argsort(own.errors), len(fits) // 4
    best, worst = np.median(fits[order[:quarter]]), np.median(fits[order[-quarter:]])
    return best, worst, rank(fits, own.errors), np.median(fits)


def _claims():
    population, tests = networks(STUDY), numbers_of(FOLDERS[STUDY])["tests"]
    assert (population.errors < 1).all()
    yield from _steps()
    yield f"by Holm for all {tests} tests of the report"
    yield (
        f"makes the space {ANYNETX_A.size() // ANYNETX_C.size():,} times smaller at full size "
        f"({small(ANYNETX_A).size() // small(ANYNETX_C).size()} here)"
    )
    worst = [percent(networks(STUDY, f"AnyNetX{letter}-small").errors.max(), 1) for letter in "CD"]
    yield f"the worst network of C has {worst[0]} error, that of D {worst[1]}"
    yield f"its mean is {percent(difference(STUDY, 'AnyNetXE-small', 'RegNetX-small')[1])} higher"
    yield from (
        _violation(letter, principle)
        for letter, principle in {
            "b": "one bottleneck ratio",
            "g": "one group width",
            "w": "non-decreasing widths: they fall",
            "d": "non-decreasing depths: they fall",
            "all": "all of these",
        }.items()
    )
    yield (
        f"width an importance of {_width('AnyNetXA-small')} in A and {_width('AnyNetXC-small')} "
        f"in C, where widths are free, and {_width('AnyNetXE-small')} in E,"
    )
    chances = numbers_of(FOLDERS[STUDY])["importance_chances"]
    shown = {
        (space, name): p for space, own in chances.items() for name, p in own.items() if p < 0.05
    }
    assert list(shown) == [("AnyNetXC-small", "width")]
    yield f"the width in C is more than chance (p {p_value(*shown.values())})"
    explained = cubic_residuals(STUDY)[1]
    yield f"{100 * explained:.0f} % of the variance of the error over all {len(population.errors)}"
    yield (
        f"(a cubic; rank correlation {rank(population.params, population.errors):.2f}, with "
        f"multiply-adds only {rank(population.flops, population.errors):.2f})"
    )
    medians = [
        f"{np.median(networks(STUDY, space).params):,.0f}"
        for space in ("VioNet-w-small", "AnyNetXE-small")
    ]
    yield f"have fewer than {medians[0]} parameters, half of E's more than {medians[1]}"
    low, middle, high = residual(STUDY, "VioNet-w-small")
    yield (
        f"`VioNet-w` is {middle:.2f} % worse than its number of parameters predicts ({low:.2f} to "
        f"{high:.2f})"
    )
    low, middle, high = residual(STUDY, "VioNet-all-small")
    yield f"`VioNet-all` as predicted ({middle:.2f} %, {low:.2f} to {high:.2f})"
    low, middle, high = residual(STUDY, "AnyNetXE-small")
    yield f"E {-middle:.2f} % better ({-high:.2f} to {-low:.2f})"
    early = agreements([one.errors for one in population.results])
    yield (
        f"has a rank correlation of {early[0].spearman:.2f} with the final one; after two epochs "
        f"it is {early[1].spearman:.2f}, after three {early[2].spearman:.2f}"
    )
    yield (
        f"kept {100 * early[0].kept:.0f} % of the best quarter after one epoch, and "
        f"{100 * early[1].kept:.0f} % after two"
    )
    config = config_of(FOLDERS[STUDY])
    yield f"{len(population.errors)} networks, {config.networks} from each of eleven spaces"


def _claims_on_lines():
    fits = {letter: _fits(f"AnyNetX{letter}-small") for letter in "ACE"}
    yield (
        f"has a median of {fits['A'][0]:.3f} in A and {fits['C'][0]:.3f} in C, that of the worst "
        f"{fits['A'][1]:.3f} and {fits['C'][1]:.3f}; its rank correlation with the error is "
        f"{fits['A'][2]:.2f} in A and {fits['C'][2]:.2f} in C"
    )
    yield (
        f"it is {fits['E'][2]:.2f}, and most networks are on a line already (median "
        f"{fits['E'][3]:.3f})"
    )


def _claims_of_the_paper():
    yield from _steps(PAPER)
    config, tests = config_of(FOLDERS[PAPER]), numbers_of(FOLDERS[PAPER])["tests"]
    yield f"{config.networks} networks of each space, in PyTorch"
    deviation = networks(PAPER, "AnyNetXA-small").errors.std(ddof=1)
    needed = networks_needed(0.005, deviation, tests=tests)
    yield f"the {tests} tests of the report, at the standard deviation of A, {percent(deviation)},"
    power = "`anynet study power --difference 0.005`"
    yield f"{power} asks for {needed.mean:,} networks of each space"
    errors, other = errors_of("PyTorch")[:, -1], errors_of("PyTorch, seed 1")[:, -1]
    worst = int(errors.argmax())
    assert spaces_of("PyTorch")[worst] == _space("RegNetX")
    yield f"({percent(errors[worst], 1)}), which another seed trains to {percent(other[worst], 1)}."
    uniform = networks(STUDY, "AnyNetXA-small").errors.std(ddof=1)
    yield f"than with uniform distributions, whose A has {percent(uniform)}"
    low, middle, high = difference(PAPER, _space("C"), _space("D"))
    yield f"({signed((low, middle, high))}, before any correction)"
    steps = [difference(PAPER, _space(a), _space(b))[1] for a, b in pairwise(STEPS)]
    assert min(steps) == middle


SETTINGS = {
    "8.8.2", "8.8.3", "8", "95 %", "28 x 28", "6,000", "1,000", "128", "0.1", "0.9", "5e-5", "3",
    "64", "0.5 %", "2",
    "15 %", "1.1 %", "400",
}  # fmt: skip
"""Numbers that are no results: sections, settings, and sizes of data."""


@pytest.mark.parametrize("claims", [_claims, _claims_of_the_paper], ids=["spaces", "paper"])
def test_the_page_says_what_the_records_say(claims):
    assert missing(PAGE, claims()) == []


@pytest.mark.full
def test_the_page_says_how_far_networks_are_from_a_line():
    assert missing(PAGE, _claims_on_lines()) == []


@pytest.mark.full
def test_every_number_of_the_page_is_recomputed():
    claims = [*_claims(), *_claims_on_lines(), *_claims_of_the_paper()]
    assert left_over(PAGE, claims) - SETTINGS == set()
