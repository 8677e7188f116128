"""The tables of docs/frameworks.md are those of the records, and its networks the same in all."""

import numpy as np
import pytest

from docs.repeats import BEGIN, END, NETWORKS, PAGE, errors_of, folder_of, tables, trainings
from tests.published import config_of, results_of


def _networks(training):
    """The networks that all have trained, and their costs."""
    return [
        (one.network, one.params, one.flops, one.activations)
        for one in results_of(folder_of(training))
        if one.network.index < NETWORKS
    ]


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
