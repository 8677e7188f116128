"""Sections whose measurements each run in a process of their own."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Subject
from benchmarks.cases import BUILT_CASES, COMPILED_CASE, FLAGSHIPS, LOOP_CASE, Case
from benchmarks.processes import WorkerError, at_once, settings
from common.backends import FRAMEWORKS
from common.processes import run_python

_TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def memory(bench: Bench) -> None:
    """Peak memory of training above the imports, each in processes of its own, two at once."""
    bench.team.rest()
    rounds = 1 if bench.quick else 3
    for case in map(bench.sized, FLAGSHIPS):
        bench.tell(case.name)
        subjects = bench.subjects("ours", "plain")
        calls = [partial(_peaks, bench, case, subject) for subject in subjects] * rounds
        pairs = zip(calls[::2], calls[1::2], strict=True)
        answers = [answer for pair in pairs for answer in at_once(pair)]
        for index, subject in enumerate(subjects):
            peaks = answers[index :: len(subjects)]
            if errors := [peak for peak in peaks if isinstance(peak, WorkerError)]:
                bench.note(f"memory, {case.name}, {subject[1]}: not measured; {errors[0]}")
                continue
            for when, values in zip(
                ("first step", "later step"), zip(*peaks, strict=True), strict=True
            ):
                bench.add("memory", f"{case.name}, {when}", subject, "bytes", list(values))


def _peaks(bench: Bench, case: Case, subject: Subject) -> tuple[int, int]:
    """Peak bytes of building and the first steps, and of a later step."""
    backend, form = subject
    process = bench.team.fresh(backend, form)
    try:
        before = process.ask("reset")["bytes"]
        options = {"case": case.to_dict()}
        request = {"key": form, "task": "training", "form": form, "options": options}
        process.ask("prepare", **request)
        first = process.ask("peak")["bytes"]
        process.ask("reset")
        process.ask("time", key=form)
        return first - before, process.ask("peak")["bytes"] - before
    finally:
        process.close()


def compilation(bench: Bench) -> None:
    """The first step of a large network, without and with building it, in new processes."""
    bench.team.rest()
    case = bench.sized(COMPILED_CASE)
    subjects = [(b, form) for b in ("jax", "tf") if b in bench.team.backends
                for form in ("ours", "plain")]  # fmt: skip
    values: dict[tuple[str, Subject], list[float]] = {}
    for number in range(bench.repeats(2)):
        for backend, form in subjects:
            bench.tell(f"{case.name}: {backend}, {form}, {number + 1}")
            process = bench.team.fresh(backend, form)
            try:
                options = {"case": case.to_dict()}
                request = {"key": form, "task": "training", "form": form, "options": options}
                answer = process.ask("prepare", **request)
                built_too = f"{case.name}, building included"
                values.setdefault((case.name, (backend, form)), []).append(answer["first"])
                values.setdefault((built_too, (backend, form)), []).append(
                    answer["building"] + answer["first"]
                )
            except WorkerError as error:
                bench.note(f"compilation, {case.name}, {form}: not measured; {error}")
            finally:
                process.close()
    for (name, subject), taken in values.items():
        bench.add("compilation", name, subject, "seconds", taken)


def loop(bench: Bench) -> None:
    """A step inside `Trainer.fit` against the bare step."""
    bench.team.rest()
    case = bench.sized(LOOP_CASE)
    block = 200 if bench.quick else 5
    options = {"case": case.to_dict(), "block": block}
    for backend in bench.team.backends:
        bench.tell(f"{case.name}: {backend}")
        values = by_itself(bench, "loop", case.name, backend, options)
        for form, taken in values.items():
            bench.add("loop", case.name, (backend, form), "seconds", taken)


def loading(bench: Bench) -> None:
    """Seconds and peak memory of loading weight files of every format."""
    bench.team.rest()
    case = bench.sized(BUILT_CASES[-1])
    for backend in bench.team.backends:
        with tempfile.TemporaryDirectory() as folder:
            options = {"case": case.to_dict(), "folder": folder}
            bench.tell(f"{case.name}: writing files for {backend}")
            for name, (size,) in by_itself(bench, "writing", case.name, backend, options).items():
                bench.tell(f"{case.name}: {backend}, {name}")
                bench.add("loading", name, (backend, "file"), "bytes", [size])
                values = by_itself(bench, "loading", name, backend, {**options, "name": name})
                for quantity, taken in values.items():
                    bench.add("loading", name, (backend, "ours"), quantity, taken)


def by_itself(
    bench: Bench, task: str, case: str, backend: str, options: dict[str, Any]
) -> dict[str, list[float]]:
    """What a new worker measures by itself; nothing, and a note, when it fails."""
    process = bench.team.fresh(backend)
    try:
        values: dict[str, list[float]] = process.ask("measure", task=task, options=options)[
            "values"
        ]
    except WorkerError as error:
        bench.note(f"{task}, {case}: not measured; {error}")
        return {}
    finally:
        process.close()
    return values


def imports(bench: Bench) -> None:
    """Each package against its framework alone, in new interpreters."""
    bench.team.rest()
    for backend, python in bench.team.pythons.items():
        framework = FRAMEWORKS[backend]
        forms = {
            "common": "common",
            "framework": ", ".join(framework.distributions),
            "ours": framework.package,
        }
        values: dict[str, list[float]] = {form: [] for form in forms}
        bench.tell(framework.title)
        for _ in range(bench.repeats(5)):
            for form, modules in forms.items():
                values[form].append(import_seconds(python, modules))
        for form, taken in values.items():
            bench.add("imports", "import", (backend, form), "seconds", taken)


def import_seconds(python: Path, modules: str) -> float:
    """Wall time of importing `modules` in a new interpreter."""
    # Bytecode is kept between the repeats, as it is where a package was installed.
    kept = {**settings(), "PYTHONDONTWRITEBYTECODE": ""}
    done = run_python("-c", _TIMED.format(modules), python=python, variables=kept)
    done.check_returncode()
    return float(done.stdout.split()[-1])
