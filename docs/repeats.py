"""The same networks trained in four frameworks and with three seeds: the tables of a page.

`python -m docs.repeats` writes them into docs/frameworks.md. The records of PyTorch with seed 0 are
the first networks of docs/studies/paper; all others are in docs/studies/frameworks.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr, ttest_rel

from common.frameworks import FRAMEWORKS
from common.plotting.figure import new_figure
from common.plotting.palette import GREY, points
from common.statistics import holm, mean_error
from common.studies import Result
from docs.reports import STUDIES, read_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE: Final = Path(__file__).with_name("frameworks.md")
BEGIN, END = "<!-- written by docs.repeats -->", "<!-- end -->"

_FIRST: Final = "PyTorch"
_FOLDERS: Final = {
    **{one.title: f"frameworks/{name}" for name, one in FRAMEWORKS.items()},
    **{f"PyTorch, seed {seed}": f"frameworks/torch-seed{seed}" for seed in (1, 2)},
    _FIRST: "paper",
}
"""The studies of the same networks; those without a seed in their name have seed 0."""

NETWORKS: Final = 8
"""Number of networks of each space that all have trained."""

Errors = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """How two trainings of the same networks differ.

    - `difference`: mean error of `second` minus that of `first`: low, middle and high of its range
    - `chance`: p of a paired t-test, corrected by Holm
    - `deviation`: standard deviation of the difference of a network's two errors
    - `rank`: rank correlation; `shared`: networks that are in both best quarters
    """

    first: str
    second: str
    difference: tuple[float, float, float]
    chance: float
    deviation: float
    rank: float
    shared: int


def folder_of(training: str) -> Path:
    """The published study of a training."""
    return STUDIES / _FOLDERS[training]


def trainings() -> list[str]:
    """All trainings of the networks."""
    return list(_FOLDERS)


def spaces_of(training: str) -> list[str]:
    """The spaces of all networks in one training, in the order of `errors_of`."""
    return [result.network.space for result in results_of(training)]


@cache
def errors_of(training: str) -> Errors:
    """Validation errors (networks, epochs) of all networks in one training, in a fixed order."""
    return np.array([result.errors for result in results_of(training)])


@cache
def results_of(training: str) -> list[Result]:
    """The networks that all have trained, by space and index."""
    _, results = read_study(folder_of(training))
    chosen = [result for result in results if result.network.index < NETWORKS]
    return sorted(chosen, key=lambda result: (result.network.space, result.network.index))


def frameworks() -> list[str]:
    """The trainings with seed 0, one in each framework."""
    return [name for name in _FOLDERS if "seed" not in name]


def seeds() -> list[str]:
    """The trainings in PyTorch, one with each seed."""
    return [name for name in _FOLDERS if name.startswith(_FIRST)]


def pairs_of(group: list[str]) -> list[Pair]:
    """The pairs of a group of trainings; p-values are corrected for those of both groups."""
    everything = [pair for own in (frameworks(), seeds()) for pair in combinations(own, 2)]
    last = {name: errors_of(name)[:, -1] for name in _FOLDERS}
    chances = holm([ttest_rel(last[a], last[b]).pvalue for a, b in everything])
    corrected = dict(zip(everything, chances, strict=True))
    return [_paired(pair, corrected[pair]) for pair in combinations(group, 2)]


def _paired(names: tuple[str, str], chance: float) -> Pair:
    first, second = (errors_of(name)[:, -1] for name in names)
    found = mean_error(second - first)
    return Pair(
        *names,
        (found.low, found.middle, found.high),
        chance,
        float((second - first).std(ddof=1)),
        float(spearmanr(first, second)[0]),
        len(_best(first) & _best(second)),
    )


def spread_of(group: list[str]) -> Errors:
    """Standard deviations (epochs,) of the difference of two trainings: the root mean square."""
    spread = [(errors_of(b) - errors_of(a)).std(0, ddof=1) for a, b in combinations(group, 2)]
    return np.sqrt(np.mean(np.square(spread), axis=0))


def mean_of(training: str, space: str) -> float:
    """The mean error of a space's networks after the last epoch."""
    own = [name == space for name in spaces_of(training)]
    return round(float(errors_of(training)[own, -1].mean()), 9)  # the same digits on every machine


def tables() -> str:
    """The tables in Markdown."""
    return "\n\n".join([_of_trainings(), _of_pairs(), _of_epochs(), _of_spaces()])


def draw() -> "Figure":
    """Errors in PyTorch against those in other frameworks, and with other seeds."""
    panels = {
        "the same seed in other frameworks": frameworks()[1:],
        "other seeds in PyTorch": seeds()[1:],
    }
    figure = new_figure(figsize=(9.2, 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True)
    first = 100 * errors_of(_FIRST)[:, -1]
    for panel, (title, others) in zip(axes, panels.items(), strict=True):
        panel.axline((first.min(), first.min()), slope=1, color=GREY, lw=1, ls=":")
        for number, name in enumerate(others):
            last = 100 * errors_of(name)[:, -1]
            panel.scatter(first, last, s=22, alpha=0.75, lw=0, label=_short(name), **points(number))
        panel.set(title=title, xlabel="error in percent, PyTorch, seed 0")
        panel.legend(loc="upper left", fontsize=8)
    axes[0].set_ylabel("error in percent, other training")
    return figure


def _of_trainings() -> str:
    lines = ["| training | networks | mean error | least | greatest |", "|---|---:|---:|---:|---:|"]
    for name in _FOLDERS:
        last = 100 * errors_of(name)[:, -1]
        lines.append(
            f"| {name} | {len(last)} | {last.mean():.2f} % | {last.min():.1f} % "
            f"| {last.max():.1f} % |"
        )
    return "\n".join(lines)


def _of_pairs() -> str:
    lines = [
        "| pair | mean difference (95 % interval) | p | standard deviation of a difference "
        "| rank correlation | in both best quarters |",
        "|---|---|---:|---:|---:|---:|",
    ]
    quarter = len(errors_of(_FIRST)) // 4
    for pair in (*pairs_of(frameworks()), *pairs_of(seeds())):
        low, middle, high = (100 * end for end in pair.difference)
        lines.append(
            f"| {_short(pair.second)} minus {_short(pair.first)} | {middle:+.2f} % ({low:.2f} to "
            f"{high:.2f}) | {pair.chance:.2g} | {100 * pair.deviation:.2f} % | {pair.rank:.2f} "
            f"| {pair.shared} of {quarter} |"
        )
    return "\n".join(lines)


def _best(errors: Errors) -> set[int]:
    """The best quarter of the networks."""
    return set(np.argsort(errors, kind="stable")[: len(errors) // 4].tolist())


def _of_epochs() -> str:
    epochs = errors_of(_FIRST).shape[1]
    head = " | ".join(f"epoch {number + 1}" for number in range(epochs))
    lines = [f"| standard deviation of a difference | {head} |", "|---" * (epochs + 1) + "|"]
    for title, group in (("between frameworks", frameworks()), ("between seeds", seeds())):
        cells = " | ".join(f"{100 * value:.2f} %" for value in spread_of(group))
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines)


def _of_spaces() -> str:
    names = list(dict.fromkeys(spaces_of(_FIRST)))
    lines = [f"| mean error | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    for training in _FOLDERS:
        cells = " | ".join(f"{100 * mean_of(training, name):.2f} %" for name in names)
        lines.append(f"| {training} | {cells} |")
    return "\n".join(lines)


def _short(name: str) -> str:
    return name.removeprefix("PyTorch, ") if "seed" in name else name


def main() -> None:
    """Write the tables into the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}")


if __name__ == "__main__":
    main()
