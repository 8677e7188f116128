"""`python -m benchmarks`: measure, and write `bench.json`, `bench.md` and pictures."""

import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.bench import Bench
from benchmarks.processes import ROOT, Team, WorkerError, find_environments
from benchmarks.report import REPORT_FILES, print_targets, write_report
from benchmarks.results import Results
from benchmarks.sections import SECTIONS
from common.backends import FRAMEWORKS
from common.cli.options import overwrite_option
from common.errors import ConfigError
from common.files import write_text
from common.marks import check_targets
from common.processes import usable_cores


def _names(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    """Sections from a list with commas."""
    wanted = list(SECTIONS) if value is None else [name.strip() for name in value.split(",")]
    if unknown := [name for name in wanted if name not in SECTIONS]:
        raise click.BadParameter(f"must be among {', '.join(SECTIONS)}; got {', '.join(unknown)}")
    return [name for name in SECTIONS if name in wanted]


@click.command()
@click.option("--only", callback=_names, help="Sections, with commas between them.")
@click.option("--quick", is_flag=True, help="Tiny networks, images and batches: a check.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench"))
@click.option(
    "--environments",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT / ".nox",
    help="The folder that holds an environment per backend.",
)
@click.option("--backends", default=",".join(FRAMEWORKS), help="With commas between them.")
@overwrite_option
def main(
    only: list[str],
    quick: bool,
    out: Path,
    environments: Path,
    backends: str,
    overwrite: bool,
) -> None:
    """Measure all four frameworks side by side; the sections in turn."""
    try:
        check_targets([out / name for name in REPORT_FILES], overwrite)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    wanted = backends.split(",")
    pythons = find_environments(environments, wanted)
    if not pythons:
        raise click.ClickException(
            f"{environments}: must hold an environment per backend; got none; run nox -s bench"
        )
    results = Results({**_machine(), "command": _command(), "quick": quick, "sections": only})
    for backend in (name for name in wanted if name not in pythons):
        results.notes.append(f"{backend}: not measured; no environment in {environments}")
    with Team(pythons, out / "log") as team, _bar() as bar:
        task = bar.add_task("", total=len(only), section="", doing="")
        results.facts["frameworks"] = {name: _facts(team, name, results) for name in pythons}

        def tell(text: str) -> None:
            bar.update(task, doing=text)

        bench = Bench(team, results, quick, tell)
        for number, section in enumerate(only):
            bar.update(task, completed=number, section=section, doing="")
            began = time.perf_counter()
            try:
                SECTIONS[section](bench)
            except WorkerError as error:
                bench.note(f"{section}: broken off; {error}")
            results.seconds[section] = time.perf_counter() - began
            # After each section, so that a run that is broken off leaves what it has.
            write_text(out / "bench.json", json.dumps(results.to_dict(), indent=1) + "\n")
    write_report(results, out)
    print_targets(results)
    click.echo(f"{out / 'bench.md'}, {out / 'bench.json'}")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.fields[section]:12}"),
        BarColumn(20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
        console=Console(stderr=True),
        transient=True,
    )


def _facts(team: Team, backend: str, results: Results) -> dict[str, Any]:
    try:
        return team.ask(backend, "facts")
    except WorkerError as error:
        results.notes.append(f"{backend}: not measured; {error}")
        team.pythons.pop(backend)
        return {}


def _machine() -> dict[str, Any]:
    """The machine and the time."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": models[0] if models else platform.processor(),
        "cores": len(usable_cores()),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
    }


def _command() -> str:
    return " ".join(["python -m benchmarks", *sys.argv[1:]])


if __name__ == "__main__":
    main()
