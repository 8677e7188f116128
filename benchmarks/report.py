"""The report of a run; `python -m benchmarks.report` writes it anew without measuring."""

from pathlib import Path

import click

from benchmarks.charts import CHARTS, draw
from benchmarks.results import Results, read_results
from benchmarks.tables import tables
from benchmarks.targets import targets
from common.cli.options import overwrite_option
from common.cli.tables import print_table
from common.files import PRODUCER, write_text
from common.marks import check_targets
from common.plotting import save_figure

REPORT_FILES = ("bench.json", "bench.md", *(f"{name}.png" for name in CHARTS))
"""What a run of the benchmarks writes."""


def write_report(results: Results, out: Path, page: Path | None = None) -> None:
    """Draw the pictures into `out`, and fill the tables of `page`, or of a new `out/bench.md`."""
    figures = draw(results)
    for name, figure in figures.items():
        save_figure(figure, out / f"{name}.png")
    if page:
        write_text(page, fill(page.read_text(), results))
        return
    text = f"<!-- {PRODUCER} -->\n\n# Benchmarks\n"
    for name in tables(results):
        picture = f"\n![{name}]({name}.png)\n" if name in figures else ""
        text += f"\n## {name}\n\n<!-- bench: {name} -->\n<!-- end -->\n{picture}"
    notes = [f"- {note}\n" for section in results.values() for note in section.notes]
    text += "\n## Not measured\n\n" + "".join(notes) if notes else ""
    write_text(out / "bench.md", fill(text, results))


def fill(page: str, results: Results) -> str:
    """A page whose tables, between `<!-- bench: NAME -->` and `<!-- end -->`, are those of a run.

    A table that the run does not have stays as it is.
    """
    for name, table in tables(results).items():
        start, end = f"<!-- bench: {name} -->\n", "<!-- end -->"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if found and closed:
            page = f"{before}{start}{table}{end}{after}"
    return page


def print_targets(results: Results) -> None:
    """The promises on the terminal."""
    met = {True: "yes", False: "NO", None: "open"}
    rows = [(*row, met[kept]) for *row, kept in targets(results)]
    print_table("", ("promise", "ratio", "measured", "kept"), rows)


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--page", type=_FILE, help="A page whose marked tables are replaced; else bench.md.")
@overwrite_option
def main(file: Path, page: Path | None, overwrite: bool) -> None:
    """Write tables and pictures beside FILE, the `bench.json` of a run, without measuring."""
    check_targets([file.parent / name for name in REPORT_FILES[1:]], overwrite)
    results = read_results(file)
    write_report(results, file.parent, page)
    print_targets(results)


if __name__ == "__main__":
    main()
