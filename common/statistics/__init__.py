"""Statistics of populations of trained networks (RegNet paper, section 3.1; chapter 8.8.2).

Errors are shares of wrong predictions, from 0 to 1.
"""

from common.statistics.baseline import Baseline, cubic_baseline
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
from common.statistics.inference import (
    Inference,
    complexity_weights,
    dominance,
    infer,
    location_test,
    mean_test,
    weighted_distribution,
)
from common.statistics.power import Calibration, Needed, calibrate, coverage, networks_needed
from common.statistics.ranking import Agreement, agreements

__all__ = [
    "LEVEL",
    "MARGIN",
    "Agreement",
    "Baseline",
    "Calibration",
    "Comparison",
    "ConfidenceInterval",
    "Inference",
    "Needed",
    "agreements",
    "band",
    "best_of",
    "calibrate",
    "compare",
    "complexity_weights",
    "coverage",
    "cubic_baseline",
    "distribution",
    "dominance",
    "good_range",
    "holm",
    "importance_chances",
    "importances",
    "infer",
    "location_test",
    "mean_difference",
    "mean_error",
    "mean_test",
    "networks_needed",
    "nowhere_behind",
    "weighted_distribution",
]
