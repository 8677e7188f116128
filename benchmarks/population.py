"""`python -m benchmarks.population`: rebuild the bundled population and the tables of its page.

From the records in docs/studies and docs/runs, to common/studies/population.parquet and
docs/population.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from common.errors import ConfigError
from common.files import write_text
from common.processes import ROOT
from common.statistics import cubic_baseline
from common.studies.columns import Table
from common.studies.population import POPULATION, collect_population, save_population

FOLDERS = (ROOT / "docs" / "studies", ROOT / "docs" / "runs")
"""Where the records are."""

PAGE = ROOT / "docs" / "population.md"
_SECTION = re.compile(r"(?<=<!-- written by benchmarks.population -->\n).*?(?=<!-- end -->)", re.S)


def section(table: Table) -> str:
    """The page's table: every study, its size and its baseline."""
    head = (
        "study", "backend", "networks", "trainings", "epochs", "mean error", "least",
        "R^2 of the cubic", "held out",
    )  # fmt: skip
    rows = [head, ("---", "---", *["---:"] * (len(head) - 2)), *_studies(table)]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    total = f"{len(set(table['spec'])):,} networks in {len(table):,} trainings."
    return "\n" + "\n".join(lines) + f"\n\n{total}\n\n"


def _studies(table: Table) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys(table["study"]):
        own = table.where(study=name)
        errors = own["error"]
        try:
            fit = cubic_baseline(own["params"], errors)
            shares = (f"{fit.r2:.1%}", f"{fit.held_out:.1%}")
        except ConfigError:
            shares = ("", "")
        epochs = sorted({len(one) for one in own["errors"]})
        yield (
            name,
            ", ".join(sorted(set(own["backend"]))),
            f"{len(set(own['spec'])):,}",
            f"{len(own):,}",
            f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}",
            *(
                share.replace("%", " %")
                for share in (f"{sum(errors) / len(errors):.2%}", f"{min(errors):.2%}", *shares)
            ),
        )


def written(page: str, table: Table) -> str:
    """The page with the section of this table."""
    return _SECTION.sub(lambda _: section(table), page)


def main(folders: tuple[Path, ...] = FOLDERS) -> None:
    """Rebuild the file and the page."""
    table = collect_population(folders)
    save_population(table, POPULATION)
    write_text(PAGE, written(PAGE.read_text(), table))
    size = POPULATION.stat().st_size / 1e6
    print(f"{len(table):,} trainings written to {POPULATION.relative_to(ROOT)}, {size:.2f} MB")


if __name__ == "__main__":
    main()
