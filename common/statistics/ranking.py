"""How early the ranking of networks is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """How well the ranking of networks after `epoch` predicts the final ranking.

    `spearman` and `kendall` are rank correlations. `kept` is the share of the finally best quarter
    that is in the better half after `epoch`, and that successive halving would keep.
    """

    epoch: int
    spearman: float
    kendall: float
    kept: float


def agreements(curves: Sequence[Sequence[float]]) -> list[Agreement]:
    """The agreement after each epoch but the last.

    `curves` (networks, epochs) are errors. Empty for fewer than three networks, or if all end
    alike.
    """
    from scipy.stats import kendalltau, spearmanr

    table = np.asarray(curves, np.float64)
    if len(table) < 3 or (table[:, -1] == table[0, -1]).all():
        return []
    found = []
    final = table[:, -1]
    good = np.argsort(final, kind="stable")[: max(1, len(final) // 4)]
    for epoch, errors in enumerate(table.T[:-1], 1):
        half = np.argsort(errors, kind="stable")[: (len(errors) + 1) // 2]
        found.append(
            Agreement(
                epoch,
                float(spearmanr(errors, final).statistic),
                float(kendalltau(errors, final).statistic),
                float(np.isin(good, half).mean()),
            )
        )
    return found
