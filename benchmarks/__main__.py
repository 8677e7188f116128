"""`python -m benchmarks`: measure, and write `bench.json`, `bench.md` and pictures."""

import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.processes import Process, WorkerError, find_pythons
from benchmarks.report import REPORT_FILES, print_targets, write_report
from benchmarks.results import Section, read_results, write_results
from benchmarks.sections import SECTIONS
from common.backends import FRAMEWORKS
from common.cli.options import overwrite_option
from common.errors import ConfigError
from common.marks import check_targets
from common.processes import ROOT, usable_cores


def _names(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    """Sections, or backends, from a list with commas."""
    known = list(SECTIONS if option.name == "only" else FRAMEWORKS)
    wanted = known if value is None else [name.strip() for name in value.split(",")]
    if unknown := [name for name in wanted if name not in known]:
        raise click.BadParameter(f"must be among {', '.join(known)}; got {', '.join(unknown)}")
    return [name for name in known if name in wanted]


@click.command()
@click.option("--only", callback=_names, help="Sections, with commas between them.")
@click.option("--backends", callback=_names, help="Backends, with commas between them.")
@click.option("--quick", is_flag=True, help="Tiny networks and batches: a check, no measurement.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="build/bench, if not given. Sections of a bench.json there are kept or replaced.",
)
@click.option(
    "--environments",
    type=click.Path(path_type=Path),
    default=ROOT / ".nox",
    help="A folder with an environment per backend; what lacks one is sought beside this command.",
)
@overwrite_option
def main(
    only: list[str],
    backends: list[str],
    quick: bool,
    out: Path | None,
    environments: Path,
    overwrite: bool,
) -> None:
    """Measure all four frameworks side by side; the sections in turn."""
    out = out or Path("build", "bench-quick" if quick else "bench")
    file = out / "bench.json"
    try:
        check_targets([out / name for name in REPORT_FILES], overwrite)
        results = read_results(file) if file.exists() and not overwrite else {}
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    pythons, logs = find_pythons(environments, backends), out / "log"
    for backend in backends:
        if backend not in pythons:
            click.echo(f"left out: {backend} is not installed", err=True)
    facts = _machine() | {"versions": _versions(pythons, logs), "quick": quick}
    with Console(stderr=True).status("") as status:
        for name in only:
            now = datetime.now(UTC).isoformat(timespec="minutes")
            section, began = Section({**facts, "time": now}), time.perf_counter()
            bench = Bench(pythons, logs, section, quick, status.update)
            with bench.noting(name):
                SECTIONS[name](bench)
            section.facts["seconds"] = round(time.perf_counter() - began)
            if section.measurements or name not in results:
                results[name] = section
            write_results(file, results)  # so that a run that is broken off leaves what it has
    write_report(results, out)
    print_targets(results)
    click.echo(f"{out / 'bench.md'}, {file}")


def _versions(pythons: dict[str, Path], logs: Path) -> dict[str, str]:
    """Versions of the frameworks; those that do not start are taken out of `pythons`."""
    versions: dict[str, str] = {}
    for backend, python in list(pythons.items()):
        try:
            with Process(python, backend, "ours", logs / f"{backend}.txt") as worker:
                versions |= worker.ask("facts")["versions"]
        except WorkerError as error:
            click.echo(f"left out: {error}", err=True)
            pythons.pop(backend)
    if not pythons:
        raise click.ClickException("backends: must be installed; got none; run nox -s bench")
    return versions


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(usable_cores()),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
    }


if __name__ == "__main__":
    main()
