"""What populations say about their spaces (RegNet paper, section 3.1; chapter 8.8.2)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
"""Of bands and ranges; one less it is the level of the tests."""

# SciPy's `bootstrap` gives the same ranges (a test compares them) but refuses a single network and
# draws of a quarter, and `ecdf` needs SciPy 1.11: both would replace some ten lines.


def distribution(errors: ArrayLike, grid: ArrayLike) -> Floats:
    """The empirical distribution function F(e): the share of networks with at most error e."""
    ordered = np.sort(np.asarray(errors, np.float64))
    return np.searchsorted(ordered, np.asarray(grid), side="right") / len(ordered)


def band(
    errors: ArrayLike, grid: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Pointwise bootstrap band of the distribution function at the errors of `grid`."""
    errors = np.asarray(errors, np.float64)
    stream = np.random.default_rng(seed)
    drawn = errors[stream.integers(len(errors), size=(resamples, len(errors)))]
    functions = np.stack([distribution(sample, grid) for sample in drawn])
    low, high = np.quantile(functions, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def best_of(errors: ArrayLike, k: int) -> float:
    """Mean of the least error of `k` networks, drawn with replacement, exactly."""
    ordered = np.sort(np.asarray(errors, np.float64))
    above = 1 - np.arange(len(ordered) + 1) / len(ordered)
    return float(np.sum(ordered * (above[:-1] ** k - above[1:] ** k)))


@dataclass(frozen=True)
class ConfidenceInterval:
    """A range and what is in its middle."""

    low: float
    middle: float
    high: float


def mean_error(errors: ArrayLike, resamples: int = 10_000, seed: int = 0) -> ConfidenceInterval:
    """The mean, with its bootstrap range."""
    errors = np.asarray(errors, np.float64)
    means = _resampled_means(errors, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(errors.mean()), float(high))


def _resampled_means(errors: ArrayLike, resamples: int, stream: np.random.Generator) -> Floats:
    """Means of as many draws with replacement."""
    errors = np.asarray(errors, np.float64)
    drawn = errors[stream.integers(len(errors), size=(resamples, len(errors)))]
    return np.asarray(drawn.mean(1))


def good_range(
    values: ArrayLike, errors: ArrayLike, resamples: int = 10_000, seed: int = 0
) -> ConfidenceInterval:
    """Where a parameter of good networks lies: the paper's empirical bootstrap.

    A quarter of the networks is drawn with replacement and the value of the best one is kept;
    the range holds 95 % of what many draws keep, and the middle is their median.
    """
    values, errors = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    stream = np.random.default_rng(seed)
    drawn = stream.integers(len(errors), size=(resamples, max(1, len(errors) // 4)))
    best = values[drawn[np.arange(resamples), errors[drawn].argmin(1)]]
    low, middle, high = np.quantile(best, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(middle), float(high))


MARGIN: Final = 0.1
"""How far the curve of a space that majorises may be below: a tenth of the networks."""


@dataclass(frozen=True)
class Comparison:
    """Whether the networks of `second` are better than those of `first`.

    `ahead` is the most by which the distribution function of `second` is above that of `first`,
    `behind` the most by which it is below; `p_ahead` and `p_behind` are the probabilities of at
    least that if it were nowhere above, or below (one-sided Kolmogorov-Smirnov tests, exact,
    corrected by Holm for all tests of a table). `p_within` is the probability of curves that stay
    so far above if that of the space that is further ahead were somewhere below the other by
    `MARGIN` or more (`nowhere_behind`, corrected by Holm for all pairs of a table).
    `mean_difference` is of the errors, second less first, with its bootstrap range.
    """

    first: str
    second: str
    ahead: float
    p_ahead: float
    behind: float
    p_behind: float
    p_within: float
    mean_difference: ConfidenceInterval

    @property
    def verdict(self) -> str:
        """What the tests show, in words."""
        better, worse = self.p_ahead < 1 - LEVEL, self.p_behind < 1 - LEVEL
        if better and worse:
            return "the curves cross"
        if not better and not worse:
            return "no difference shown"
        one, other = (self.second, self.first) if better else (self.first, self.second)
        leads = (self.ahead >= self.behind) == better
        if leads and self.p_within < 1 - LEVEL:
            return f"{one} majorises {other} to within {MARGIN:g}"
        return f"{one} is ahead of {other} somewhere; behind elsewhere is not excluded"


def compare(
    errors: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], seed: int = 0
) -> list[Comparison]:
    """Compare spaces by the errors of their networks; all tests count as one family."""
    from scipy.stats import ks_2samp

    found, p_values, within = [], [], []
    for first, second in pairs:
        a, b = np.asarray(errors[first]), np.asarray(errors[second])
        ahead = ks_2samp(b, a, alternative="greater", method="exact")
        behind = ks_2samp(b, a, alternative="less", method="exact")
        found.append((float(ahead.statistic), float(behind.statistic)))
        p_values += [float(ahead.pvalue), float(behind.pvalue)]
        within.append(nowhere_behind(*((b, a) if ahead.statistic >= behind.statistic else (a, b))))
    corrected, within = holm(p_values), holm(within)
    return [
        Comparison(
            first,
            second,
            ahead,
            corrected[2 * number],
            behind,
            corrected[2 * number + 1],
            within[number],
            _difference(errors[first], errors[second], seed),
        )
        for number, ((first, second), (ahead, behind)) in enumerate(zip(pairs, found, strict=True))
    ]


def nowhere_behind(better: ArrayLike, worse: ArrayLike, margin: float = MARGIN) -> float:
    """The p-value of "somewhere, `better`'s distribution function is lower by `margin` or more".

    At every error, shares of networks are compared by the score test of non-inferiority of two
    proportions (Farrington and Manning, 1990). The largest of its p-values is one for all errors
    together, without correction (an intersection-union test; Berger, 1982).
    """
    from scipy.stats import norm

    grid = np.unique(np.concatenate([np.asarray(better), np.asarray(worse), [-np.inf]]))
    shares, others = distribution(better, grid), distribution(worse, grid)
    count, other_count = np.size(better), np.size(worse)
    # The likeliest shares that differ by the margin: a root of their likelihood's cubic.
    ratio, gap = other_count / count, -margin
    a = 1 + ratio
    b = -(1 + ratio + shares + ratio * others + gap * (ratio + 2))
    c = gap**2 + gap * (2 * shares + ratio + 1) + shares + ratio * others
    d = -shares * gap * (1 + gap)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.copysign(np.sqrt(np.maximum(b**2 / (3 * a) ** 2 - c / (3 * a), 0)), v)
    cosine = np.divide(v, u**3, out=np.ones_like(v), where=u != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    likely = np.clip(2 * u * np.cos(angle) - b / (3 * a), 0, 1 - margin)
    apart = likely + margin
    deviation = np.sqrt(likely * (1 - likely) / count + apart * (1 - apart) / other_count)
    return float(norm.sf((shares - others + margin) / deviation).max())


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method."""
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.tolist()


def _difference(first: Sequence[float], second: Sequence[float], seed: int) -> ConfidenceInterval:
    stream = np.random.default_rng(seed)
    before, after = (_resampled_means(errors, 10_000, stream) for errors in (first, second))
    low, high = np.quantile(after - before, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return ConfidenceInterval(float(low), float(np.mean(second) - np.mean(first)), float(high))


def importances(
    designs: Sequence[Mapping[str, float]], errors: Sequence[float]
) -> dict[str, float]:
    """How much each number of the networks' designs has to do with being good; they sum to 1.

    PED-ANOVA (Watanabe et al., 2023), by Optuna: how different the distribution of a parameter is
    among the best networks. Parameters that are the same for all networks are left out. Shares sum
    to 1 even where nothing matters: `importance_chances` says which are more than that.
    """
    found = _importances(designs, errors, normalize=True)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def importance_chances(
    designs: Sequence[Mapping[str, float]],
    errors: Sequence[float],
    shuffles: int = 99,
    seed: int = 0,
) -> dict[str, float]:
    """How likely each importance is where nothing matters: p-values of a permutation test.

    The share of `shuffles` of the errors, and of the errors as they are, in which the importance
    that is not yet divided by the sum of all is at least as large.
    """
    found = _importances(designs, errors, normalize=False)
    stream = np.random.default_rng(seed)
    reached = dict.fromkeys(found, 1)
    for _ in range(shuffles):
        shuffled = _importances(designs, stream.permutation(errors).tolist(), normalize=False)
        for name, value in shuffled.items():
            reached[name] += value >= found[name]
    return {name: times / (shuffles + 1) for name, times in reached.items()}


def _importances(
    designs: Sequence[Mapping[str, float]], errors: Sequence[float], normalize: bool
) -> dict[str, float]:
    import optuna
    from optuna.distributions import FloatDistribution

    names = [name for name in designs[0] if len({design[name] for design in designs}) > 1]
    if not names:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    distributions = {
        name: FloatDistribution(min(values), max(values))
        for name in names
        for values in [[design[name] for design in designs]]
    }
    study.add_trials(
        optuna.create_trial(
            value=error,
            params={name: design[name] for name in names},
            distributions=dict(distributions),
        )
        for design, error in zip(designs, errors, strict=True)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(
            study, evaluator=evaluator, normalize=normalize
        )


@dataclass(frozen=True)
class Agreement:
    """How well the ranking of networks after `epoch` is that after the last one.

    `spearman` and `kendall` are rank correlations; `kept` is the share of the best quarter at the
    end that is in the better half after `epoch`, where successive halving would keep it.
    """

    epoch: int
    spearman: float
    kendall: float
    kept: float


def agreements(curves: Sequence[Sequence[float]]) -> list[Agreement]:
    """The agreement after each epoch but the last, from the errors of networks after each."""
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
