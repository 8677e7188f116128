"""The driver and the report of the benchmarks, with workers and numbers that are made up."""

import json

import pytest

from benchmarks.bench import Bench
from benchmarks.cases import COMPILED_CASE, FLAGSHIPS, REGNETX32_CASE, SHAPES, shrunk
from benchmarks.processes import WorkerError
from benchmarks.report import describe, fill, write_report
from benchmarks.results import Measurement, Results
from benchmarks.sections import COPY, PRODUCT
from benchmarks.studies import TRAINED
from benchmarks.tables import tables
from benchmarks.targets import targets
from common.backends import FRAMEWORKS
from common.errors import ConfigError

_FACTS = {
    "processor": "made up", "cores": 2, "memory": 1e9, "system": "none", "command": "none",
    "time": "never", "frameworks": {"jax": {"versions": {"jax": "0"}}},
}  # fmt: skip


class FakeTeam:
    """Workers whose subjects take the seconds of their form; `broken` forms fail."""

    backends = ("torch", "jax")

    def __init__(self, seconds, broken=()):
        self.seconds, self.broken, self.asked = seconds, broken, []

    def ask(self, backend, do, **request):
        key = request["key"]
        if key in self.broken:
            raise WorkerError(f"{backend}: broken")
        self.asked.append((do, backend, key))
        return {"first": self.seconds[key], "seconds": self.seconds[key]}


def _bench(**team):
    return Bench(FakeTeam(**team), Results(_FACTS))


def _run(gain):
    """A whole run in which this project's code is `gain` times as fast and small as plain's."""
    results = Results(_FACTS, cases={PRODUCT: {"side": 100}, COPY: {"bytes": 100}})
    for case in (*FLAGSHIPS, *SHAPES, COMPILED_CASE):
        results.cases[case.name] = case.describe()

    def add(section, case, backend, form, quantity, value):
        values = (value, value, value)
        results.measurements.append(Measurement(section, case, backend, form, quantity, values))

    add("ceiling", PRODUCT, "torch", "machine", "seconds", 1e-5)
    add("ceiling", COPY, "torch", "machine", "seconds", 1e-5)
    add("studies", TRAINED, "torch", "worker", "seconds", 1.0)
    add("studies", TRAINED, "torch", "bare", "seconds", min(gain, 1.0))
    add("studies", TRAINED, "torch", "2 at once", "seconds", 1.0)
    add("studies", TRAINED, "torch", "1 at once", "seconds", gain)
    for backend in FRAMEWORKS:
        for section, cases in (
            ("training", FLAGSHIPS),
            ("inference", FLAGSHIPS),
            ("shapes", SHAPES),
        ):
            for case in cases:
                forms = {"ours": 1.5, "plain": gain * 1.0}
                if section == "inference":
                    forms["folded"] = 1.0
                for form, value in forms.items():
                    add(section, case.name, backend, form, "seconds", value)
        for case in FLAGSHIPS:
            for when in ("first step", "later step"):
                add("memory", f"{case.name}, {when}", backend, "ours", "bytes", 1e9)
                add("memory", f"{case.name}, {when}", backend, "plain", "bytes", gain * 1e9)
        add("loop", REGNETX32_CASE.name, backend, "fit", "seconds", 1.0)
        add("loop", REGNETX32_CASE.name, backend, "bare", "seconds", min(gain, 1.0))
        add("compilation", COMPILED_CASE.name, backend, "ours", "seconds", 1.0)
        add("compilation", COMPILED_CASE.name, backend, "plain", "seconds", gain)
    return results


def test_subjects_take_turns_after_a_round_that_is_not_counted():
    bench = _bench(seconds={"ours": 0.1, "plain": 0.2})
    bench.in_turn("training", "case", "training", bench.subjects("ours", "plain"), {}, 2)
    timed = [(backend, key) for do, backend, key in bench.team.asked if do == "time"]
    assert timed == [
        (b, key) for _ in range(3) for b in ("torch", "jax") for key in ("ours", "plain")
    ]
    assert {len(item.values) for item in bench.results.measurements} == {2}


def test_slow_subjects_take_part_in_some_rounds_only():
    bench = _bench(seconds={"ours": 0.1, "plain": 10.0})
    bench.in_turn("training", "case", "training", bench.subjects("ours", "plain"), {}, 5, 2)
    plain = bench.results.one("training", backend="jax", form="plain")
    assert plain.values == (10.0, None, 10.0, None, 10.0)


def test_a_subject_that_fails_is_noted_and_the_others_are_measured():
    bench = _bench(seconds={"ours": 0.1}, broken=("plain",))
    bench.in_turn("training", "case", "training", bench.subjects("ours", "plain"), {}, 1)
    assert {item.form for item in bench.results.measurements} == {"ours"}
    assert len(bench.results.notes) == 2


def test_what_fails_for_one_reason_is_noted_once():
    bench = _bench(seconds={})
    for case in ("small", "large"):
        bench.note(f"peers, {case}: not measured; torch: timm is missing")
    assert bench.results.notes == ["peers, small: not measured; torch: timm is missing"]


def test_ratios_are_medians_over_common_rounds():
    plain = Measurement("s", "c", "jax", "plain", "seconds", (8.0, None, 30.0))
    ours = Measurement("s", "c", "jax", "ours", "seconds", (2.0, 100.0, 3.0))
    assert plain.over(ours) == 7.0


def test_every_target_is_met_by_a_run_that_is_fast_enough():
    assert {target.text: target.met for target in targets(_run(gain=100))} == {
        target.text: True for target in targets(Results(_FACTS))
    }


def test_targets_on_the_plain_formulation_are_missed_by_a_slow_run():
    missed = [target.text for target in targets(_run(gain=0.9)) if target.met is False]
    # All but the three on frameworks and forms against each other, and those of inference.
    assert len(missed) == len(targets(Results(_FACTS))) - 4


def test_targets_are_open_in_a_run_that_measured_nothing():
    assert {(t.measured, t.met) for t in targets(Results(_FACTS))} == {
        ("not measured in this run", None)
    }


def test_a_quick_run_meets_no_target():
    quick = Results(_FACTS)
    quick.measurements = [
        Measurement("training", shrunk(REGNETX32_CASE).name, "jax", form, "seconds", (1.0,))
        for form in ("ours", "plain")
    ]
    assert {target.met for target in targets(quick)} == {None}


def test_a_row_has_a_cell_for_every_column():
    made = tables(_run(gain=2))
    assert {table.name for table in made} >= {"targets", "ceiling", "training", "memory", "loop"}
    assert all(len(row) == len(table.head) for table in made for row in table.rows)


def _of_sections(facts=_FACTS, **values):
    measurements = [Measurement(name, "case", "jax", "ours", "seconds", (value,))
                    for name, value in values.items()]  # fmt: skip
    return Results(facts, measurements=measurements, seconds=dict.fromkeys(values, 60.0))


def test_a_later_run_adds_and_replaces_sections():
    joined = _of_sections(training=1.0, loop=2.0).joined(_of_sections(loop=3.0, studies=4.0))
    medians = {item.section: item.median for item in joined.measurements}
    assert medians == {"training": 1.0, "loop": 3.0, "studies": 4.0}
    told = describe(joined).splitlines()
    assert ["1 minutes" in told[1], "2 minutes" in told[2]] == [True, True]


def test_what_is_read_together_is_of_one_machine():
    other = {**_FACTS, "cores": 64}
    _of_sections(training=1.0).joined(_of_sections(other, loop=1.0))
    with pytest.raises(ConfigError, match="cores: must be those of the first run, 2; got 64"):
        _of_sections(loop=1.0).joined(_of_sections(other, training=1.0))


def test_a_report_is_written_anew_from_its_file(tmp_path):
    results = _run(gain=2)
    again = Results.from_dict(json.loads(json.dumps(results.to_dict())))
    for name, run in (("first", results), ("second", again)):
        write_report(run, tmp_path / name)
    pages = [(tmp_path / name / "bench.md").read_text() for name in ("first", "second")]
    assert pages[0] == pages[1]
    assert {path.name for path in (tmp_path / "second").glob("*.png")} == {
        "training.png", "inference.png", "memory.png", "shapes.png",
    }  # fmt: skip


@pytest.mark.parametrize("old", ["", "old\n"])
def test_a_page_is_filled_between_its_marks(old):
    page = f"before\n<!-- bench: loop -->\n{old}<!-- end -->\nafter\n"
    filled = fill(page, _run(gain=2))
    assert filled.startswith("before\n<!-- bench: loop -->\n| case |")
    assert filled.endswith("|\n<!-- end -->\nafter\n")
