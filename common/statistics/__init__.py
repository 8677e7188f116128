"""Statistics of populations of trained networks (RegNet paper, section 3.1; chapter 8.8.2).

Errors are shares of wrong predictions, from 0 to 1.
"""

from common.statistics.baseline import Baseline, cubic_baseline
from common.statistics.comparison import Comparison, compare
from common.statistics.correction import holm
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
from common.statistics.findings import Findings, find
from common.statistics.importance import Importance, importance_tests, importances
from common.statistics.inference import (
    INTEREST,
    dominance,
    equivalence,
    location_test,
    mean_test,
)
from common.statistics.normalised import (
    Normalised,
    complexity_weights,
    normalise,
    weighted_distribution,
)
from common.statistics.power import Calibration, Needed, calibrate, coverage, networks_needed
from common.statistics.ranking import Agreement, agreements
from common.statistics.seeds import SeedSpread, seed_spread

__all__ = [
    "INTEREST",
    "LEVEL",
    "Agreement",
    "Baseline",
    "Calibration",
    "Comparison",
    "ConfidenceInterval",
    "Findings",
    "Importance",
    "Needed",
    "Normalised",
    "SeedSpread",
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
    "equivalence",
    "find",
    "good_range",
    "holm",
    "importance_tests",
    "importances",
    "location_test",
    "mean_difference",
    "mean_error",
    "mean_test",
    "networks_needed",
    "normalise",
    "seed_spread",
    "weighted_distribution",
]
