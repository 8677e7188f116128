"""`anynet parity`: check that the backends compute the same network."""

from dataclasses import replace
from pathlib import Path

import click

from common.backends import FRAMEWORKS
from common.cli import completion
from common.cli.groups import Group
from common.cli.options import overwrite_option
from common.cli.tables import print_table
from common.errors import shortened
from common.marks import check_target, check_targets
from common.parity import (
    CASES,
    REFERENCE,
    Case,
    Finding,
    Quantity,
    check_expected,
    read_records,
    summarise,
    write_record,
    write_report,
)
from common.parity import compare as compare_records
from common.parity.report import REPORT_FILES
from common.training import Precision


def _backends(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """The backends in comma-separated lists; all of them by default."""
    names = tuple(name.strip() for value in values for name in value.split(","))
    for name in names:
        if name not in FRAMEWORKS:
            raise click.BadParameter(
                f"must be among {', '.join(FRAMEWORKS)}; got {shortened(repr(name))}"
            )
    return names or tuple(FRAMEWORKS)


def _cases(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[Case, ...]:
    """The named cases; all of them by default."""
    return tuple(case for case in CASES if not values or case.name in values)


_case_option = click.option(
    "--case",
    "cases",
    multiple=True,
    type=click.Choice([case.name for case in CASES]),
    callback=_cases,
    help="Name of a case; repeatable; default: all cases.",
)


@click.group(cls=Group)
def parity() -> None:
    """Compare all backends on the same cases.

    These are compared: logits, losses, statistics and weights. No environment can hold all four
    frameworks, so each backend writes a record, and the records are compared. `nox -s parity` does
    all of this.
    """


@parity.command()
@click.argument("backend", type=click.Choice([REFERENCE, *FRAMEWORKS]))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/parity",
    show_default=True,
    help="Folder for the records of all backends.",
)
@_case_option
@click.option(
    "--steps",
    type=click.IntRange(2),
    help="Training steps of each run, the same for all records of a folder; default: 20.",
)
@overwrite_option
def record(
    backend: str, out: Path, cases: tuple[Case, ...], steps: int | None, overwrite: bool
) -> None:
    """Run all cases in one BACKEND or in the NumPy reference.

    Writes OUT/BACKEND.safetensors.
    """
    path = out / f"{backend}.safetensors"
    check_target(path, overwrite)
    if steps:
        cases = tuple(replace(case, steps=steps) for case in cases)
    write_record(backend, path, cases)
    click.echo(f"written to {path}")


@parity.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="BACKEND[,BACKEND...]",
    shell_complete=completion.backends,
    callback=_backends,
    help=f"Backends whose records are required; repeatable; default: {', '.join(FRAMEWORKS)}.",
)
@_case_option
@overwrite_option
def compare(
    directory: Path, expected: tuple[str, ...], cases: tuple[Case, ...], overwrite: bool
) -> None:
    """Compare the records in DIRECTORY.

    The exit code is 1 if any record disagrees or is missing.
    Every backend is compared with the reference and with every other backend. Writes
    report.html, report.png, free_runs.png, report.json and junit.xml to DIRECTORY.
    """
    check_targets([directory / name for name in REPORT_FILES], overwrite)
    records = read_records(directory)
    check_expected(records, expected, directory, cases)
    findings = summarise(compare_records(records, cases))
    pairs = list(dict.fromkeys(item.pair for item in findings))
    names = [name for name, other in pairs if other == REFERENCE]
    groups = dict.fromkeys((item.key.precision, item.key.quantity) for item in findings)
    rows = [
        (precision, quantity.name,
         *(_largest(findings, (precision, quantity), name) for name in names))
        for precision, quantity in groups
    ]  # fmt: skip
    print_table(
        "largest error against the reference, in units of the tolerance",
        ("precision", "quantity", *names),
        rows,
    )
    write_report(findings, records, directory)
    click.echo(f"written to {directory / 'report.html'}")
    outside = [item for item in findings if not item.within]
    if outside:
        causes = "\nlikely causes of the first: " + "; ".join(outside[0].causes or ("unknown",))
        more = f"\nand {len(outside) - 10} more" if len(outside) > 10 else ""
        raise click.ClickException("\n".join(map(str, outside[:10])) + more + causes)
    compared = len({item.key.case for item in findings})
    agree = "1 pair agrees" if len(pairs) == 1 else f"{len(pairs)} pairs agree"
    click.echo(f"{agree} on every array of {compared} case{'s' * (compared != 1)}")


def _largest(findings: list[Finding], group: tuple[Precision, Quantity], backend: str) -> str:
    ratios = (
        item.ratio
        for item in findings
        if item.pair == (backend, REFERENCE) and (item.key.precision, item.key.quantity) == group
    )
    return f"{max(ratios, default=0.0):.2g}"
