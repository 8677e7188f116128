"""The tables of docs/frameworks.md are those of the records, and its networks the same in all."""

import numpy as np
import pytest

from docs.repeats import (
    BEGIN,
    END,
    PAGE,
    errors_of,
    folder_of,
    frameworks,
    mean_of,
    pairs_of,
    results_of,
    seeds,
    spaces_of,
    spread_of,
    tables,
    trainings,
)
from tests.common.published.claims import left_over, missing, percent
from tests.published import config_of


def _networks(training):
    """The networks that all have trained, and their costs."""
    return [(one.network, one.params, one.flops, one.activations) for one in results_of(training)]


def test_the_page_has_the_tables_of_the_records():
    assert PAGE.read_text().split(BEGIN)[1].split(END)[0].strip() == tables()


@pytest.mark.parametrize("training", trainings())
def test_all_studies_have_the_same_networks(training):
    assert _networks(training) == _networks("PyTorch")
    assert len(_networks(training)) == 48


@pytest.mark.parametrize("training", trainings())
def test_all_studies_are_the_same_but_for_framework_and_seed(training):
    first, other = (config_of(folder_of(one)).to_dict() for one in ("PyTorch", training))
    assert set(_changed(first, other)) <= {"backend", "seed", "networks"}


def _changed(first, other):
    """Names of settings that differ, at any depth."""
    for key in first.keys() | other.keys():
        a, b = first.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            yield from _changed(a, b)
        elif a != b:
            yield key


@pytest.mark.parametrize("training", trainings())
def test_no_training_diverged(training):
    errors = errors_of(training)
    assert np.isfinite(errors).all()
    assert (errors < 0.9).all()


def _range(values, digits=2):
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def _claims():
    for group, words in (
        (frameworks(), "four frameworks lie between {} and {},"),
        (seeds(), "those of three seeds between {} and {}:"),
    ):
        means = [100 * errors_of(name)[:, -1].mean() for name in group]
        yield words.format(f"{min(means):.2f}", f"{max(means):.2f} %")
    pairs = [pairs_of(group) for group in (frameworks(), seeds())]
    assert all(pair.chance > 0.05 for own in pairs for pair in own)
    spreads = [percent(spread_of(group)[-1]) for group in (frameworks(), seeds())]
    yield f"two frameworks is {spreads[0]}, between two seeds {spreads[1]} (root mean squares"
    ranks = [_range([pair.rank for pair in own]) for own in pairs]
    yield f"rank correlations are {ranks[0]} against {ranks[1]}"
    shared = [_range([pair.shared for pair in own], 0) for own in pairs]
    yield f"best quarter, {shared[0]} of 12 networks are the same against {shared[1]}."
    assert len({int(errors_of(name)[:, -1].argmin()) for name in trainings()}) == 6
    for name in trainings():
        means = {space: mean_of(name, space) for space in spaces_of(name)}
        assert max(means, key=means.get) == "AnyNetXC-small"
        assert min(means, key=means.get) in ("AnyNetXD-small", "AnyNetXE-small")
        spread = spread_of([name, "PyTorch"]) if name != "PyTorch" else [1, 0]
        assert spread[-1] < spread[0]


def test_the_page_says_what_the_records_say():
    assert missing(PAGE.name, _claims()) == []


def test_every_number_of_the_page_is_recomputed():
    settings = {"48", "1,000", "0"}
    assert left_over(PAGE.name, _claims(), "What it shows") - settings == set()
