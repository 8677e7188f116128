"""Statistics of populations of trained networks (RegNet paper, section 3.1; chapter 8.8.2).

Errors are shares of wrong predictions, from 0 to 1.
"""

from common.statistics.comparison import MARGIN, Comparison, compare, holm, nowhere_behind
from common.statistics.distributions import (
    LEVEL,
    ConfidenceInterval,
    band,
    best_of,
    distribution,
    good_range,
    mean_difference,
    mean_error,
)
from common.statistics.importance import importance_chances, importances
from common.statistics.ranking import Agreement, agreements

__all__ = [
    "LEVEL",
    "MARGIN",
    "Agreement",
    "Comparison",
    "ConfidenceInterval",
    "agreements",
    "band",
    "best_of",
    "compare",
    "distribution",
    "good_range",
    "holm",
    "importance_chances",
    "importances",
    "mean_difference",
    "mean_error",
    "nowhere_behind",
]
