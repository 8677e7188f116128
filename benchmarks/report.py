"""The report of a run; `python -m benchmarks.report bench.json --out DIR` writes it anew."""

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.charts import draw
from benchmarks.results import Results
from benchmarks.tables import tables
from benchmarks.targets import targets
from common.cli.options import overwrite_option
from common.cli.tables import print_table
from common.files import PRODUCER, write_text
from common.marks import check_targets
from common.plotting import save_figure

_CHARTS = ("training", "inference", "memory", "shapes")
REPORT_FILES = (
    "bench.json",
    "bench.md",
    *(f"{name}.{ending}" for name in _CHARTS for ending in ("png", "svg")),
)
"""What a run of the benchmarks writes."""


def write_report(results: Results, out: Path) -> None:
    """Write `bench.md` and a picture per chart, in PNG and SVG."""
    figures = draw(results)
    for name, figure in figures.items():
        for ending in ("png", "svg"):
            save_figure(figure, out / f"{name}.{ending}")
    parts = [f"<!-- {PRODUCER} -->\n\n# Benchmarks\n\n{describe(results)}"]
    for table in tables(results):
        picture = f"\n![{table.title}]({table.name}.png)\n" if table.name in figures else ""
        parts.append(f"## {table.title}\n\n{table.markdown()}{picture}")
    if results.notes:
        parts.append("## Not measured\n\n" + "".join(f"- {note}\n" for note in results.notes))
    write_text(out / "bench.md", "\n".join(parts))


def describe(results: Results) -> str:
    """Versions, and the command and the machine of each run, as a list in Markdown."""
    facts: dict[str, Any] = results.facts
    versions = [
        f"{name} {version}"
        for found in facts.get("frameworks", {}).values()
        for name, version in found.get("versions", {}).items()
    ]
    lines = [", ".join(versions)]
    for run in ({**facts, "seconds": results.seconds}, *facts.get("joined", [])):
        memory, minutes = run["memory"] / 1e9, sum(run["seconds"].values()) / 60
        lines.append(
            f"`{run['command']}`, {run['time']}, {minutes:.0f} minutes, on {run['processor']}, "
            f"cores: {run['cores']}, memory: {memory:.0f} GB, {run['system']}"
        )
    return "".join(f"- {line}\n" for line in lines)


def print_targets(results: Results) -> None:
    """The promises on the terminal."""
    met = {True: "yes", False: "NO", None: "open"}
    rows = [(item.text, item.bound, item.measured, met[item.met]) for item in targets(results)]
    print_table("", ("target", "bound", "measured", "met"), rows)


def fill(page: str, results: Results) -> str:
    """A page whose tables, between `<!-- bench: NAME -->` and `<!-- end -->`, are those of a run.

    The name `machine` stands for machine, versions and command. A table that the run does not
    have stays as it is.
    """
    texts = {table.name: table.markdown() for table in tables(results)}
    texts["machine"] = describe(results)
    for name, text in texts.items():
        start, end = f"<!-- bench: {name} -->\n", "<!-- end -->"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if found and closed:
            page = f"{before}{start}{text}{end}{after}"
    return page


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--join", type=_FILE, help="A later run, whose sections replace those of FILE.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; beside FILE if not.")
@click.option("--page", type=_FILE, help="A Markdown page whose marked tables are to be replaced.")
@overwrite_option
def main(
    file: Path, join: Path | None, out: Path | None, page: Path | None, overwrite: bool
) -> None:
    """Write tables and pictures of FILE, the `bench.json` of a run, without measuring."""
    out = out or file.parent
    written = REPORT_FILES if join else REPORT_FILES[1:]
    check_targets([out / name for name in written], overwrite)
    results = _read(file)
    if join:
        results = results.joined(_read(join))
        write_text(out / "bench.json", json.dumps(results.to_dict(), indent=1) + "\n")
    write_report(results, out)
    print_targets(results)
    if page:
        write_text(page, fill(page.read_text(), results))


def _read(path: Path) -> Results:
    return Results.from_dict(json.loads(path.read_text()))


if __name__ == "__main__":
    main()
