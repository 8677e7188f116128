"""Runs in the process of the tests, which write an empty figure in place of their curves."""

import pytest

from common.plotting.figure import new_figure, save_figure

DRAWN_BY = "common.training.run.save_curves"


@pytest.fixture(autouse=True, scope="session")
def empty_curves():
    """Drawing curves takes most of the time of a run of a few steps; `DRAWN_BY` draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRAWN_BY, _save_an_empty_figure)
        yield


def _save_an_empty_figure(rows, path, title=""):
    save_figure(new_figure(figsize=(1, 1)), path)
