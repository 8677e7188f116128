"""All tests of a report, corrected together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from common.statistics.comparison import (
    P_VALUES,
    Comparison,
    p_values,
    uncorrected,
    with_p_values,
)
from common.statistics.correction import holm
from common.statistics.importance import SHUFFLES, Designs, Importance, importance_tests
from common.statistics.inference import INTEREST


@dataclass(frozen=True)
class Findings:
    """What the tests of a report show; p-values are corrected by Holm for all `tests` of them.

    - `comparisons`: of the pairs of spaces, with their verdicts.
    - `importances`: by space and design parameter, from `shuffles` permutations; so none has a
      p-value below 1 / (`shuffles` + 1), even before the correction.
    """

    comparisons: list[Comparison]
    importances: dict[str, dict[str, Importance]]
    tests: int
    shuffles: int


def find(
    errors: Mapping[str, Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    designs: Mapping[str, Designs],
    interest: float = INTEREST,
    shuffles: int = SHUFFLES,
) -> Findings:
    """Compare pairs of spaces, and test which design parameters matter in each space.

    - `errors`: of the networks of each space
    - `designs`: the design parameters of the same networks
    - `interest`: the smallest difference of mean errors of interest
    """
    comparisons = uncorrected(errors, pairs, 0, interest)
    importances = {
        space: importance_tests(own, errors[space], shuffles) for space, own in designs.items()
    }
    chances = [one.p_value for own in importances.values() for one in own.values()]
    corrected = holm([*p_values(comparisons), *chances])
    pairs_tests = len(comparisons) * len(P_VALUES)
    rest = iter(corrected[pairs_tests:])
    return Findings(
        with_p_values(comparisons, corrected[:pairs_tests]),
        {
            space: {name: replace(one, p_value=next(rest)) for name, one in own.items()}
            for space, own in importances.items()
        },
        len(corrected),
        shuffles,
    )
