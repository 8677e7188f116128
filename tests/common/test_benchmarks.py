"""The rounds and the report of the benchmarks, with workers and numbers that are made up."""

import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.bench import Bench
from benchmarks.cases import RegNetX32, shrunk
from benchmarks.processes import find_pythons
from benchmarks.report import fill, write_report
from benchmarks.results import Measurement, Section, read_results, write_results
from benchmarks.sections import SECTIONS
from benchmarks.tables import tables
from benchmarks.targets import PROMISES, targets
from common.errors import ConfigError
from common.frameworks import FRAMEWORKS
from tests.fake_workers import FACTS, make_bench


@pytest.fixture
def bench(monkeypatch):
    """Makes a bench whose forms take these seconds."""
    return partial(make_bench, monkeypatch)


def _run(gain):
    """A whole run in which this project's code is `gain` times as fast and small as plain's."""
    results = {name: Section(dict(FACTS)) for name in SECTIONS}
    for promise in PROMISES:
        section, other = results[promise.section], promise.other or "plain"
        for case in promise.cases:
            section.cases[case] = {"items": 1, "flops": 1}
            for backend in promise.backends:
                for form, value in ((promise.form, 1.0), (other, gain)):
                    if section.one(case=case, backend=backend, form=form) is None:
                        item = Measurement(case, backend, form, (value,) * 3)
                        section.measurements.append(item)
    product = Measurement("matrix product", "torch", "float32 product", (1.0,))
    results["training"].measurements.append(product)
    results["training"].cases["matrix product"] = {"items": 1, "flops": 10}
    return results


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Runs the command into a folder, with sections that measure some seconds, or nothing."""

    def run(**seconds):
        def section(name):
            def measure_it(bench):
                bench.section.cases[RegNetX32.name] = {"items": 1, "flops": 1}
                for value in filter(None, [seconds[name]]):
                    bench.add(RegNetX32.name, ("jax", "fit"), [value])

            return measure_it

        monkeypatch.setattr(command, "SECTIONS", {name: section(name) for name in seconds})
        monkeypatch.setattr(command, "_versions", lambda pythons, logs: {})
        done = CliRunner().invoke(command.main, ["--out", str(tmp_path), "--backends", "jax"])
        assert done.exit_code == 0, done.output
        results = read_results(tmp_path / "bench.json")
        return {name: [x.median for x in found.measurements] for name, found in results.items()}

    return run


def test_a_later_run_replaces_the_sections_that_it_measured(measure):
    assert measure(loop=1.0, gpu=2.0) == {"loop": [1.0], "gpu": [2.0]}
    assert measure(loop=3.0, memory=4.0) == {"loop": [3.0], "gpu": [2.0], "memory": [4.0]}


def test_a_section_that_measures_nothing_replaces_nothing(measure):
    assert measure(loop=1.0) == measure(loop=None)


def test_subjects_take_turns_after_a_round_that_is_not_counted(bench):
    made = bench(ours=0.1, plain=0.2)
    subjects = made.subjects("ours", "plain")
    made.in_turn("case", "training", subjects, {}, 2)
    assert [subject for do, *subject in made.asked if do == "time"] == [*map(list, subjects)] * 3
    assert [len(item.values) for item in made.section.measurements] == [2] * 4
    assert [do for do, *_ in made.asked[-4:]] == ["closed"] * 4


def test_slow_subjects_take_part_in_some_rounds_only(bench):
    made = bench(ours=0.1, plain=10.0)
    made.in_turn("case", "training", made.subjects("ours", "plain"), {}, 6)
    plain = made.section.one(backend="jax", form="plain")
    assert plain.values == (10.0, None, None, None, 10.0, None)


def test_a_subject_that_fails_is_noted_and_the_others_are_measured(bench):
    made = bench(ours=0.1, plain=None)
    made.in_turn("case", "training", made.subjects("ours", "plain"), {}, 1)
    assert {item.form for item in made.section.measurements} == {"ours"}
    assert made.section.notes == [
        f"case, plain: not measured; {backend}: broken" for backend in ("torch", "jax")
    ]


def test_a_backend_that_is_not_there_is_noted():
    made = Bench({}, Path(), Section(), False, lambda text: None)
    with made.noting("peers"):
        made.in_turn("case", "training", [("torch", "ours")], {}, 1)
    assert made.section.notes == ["peers: not measured; torch is not installed"]


def test_what_fails_for_one_reason_is_noted_once(bench):
    made = bench(plain=None)
    for case in ("small", "large"):
        made.in_turn(case, "training", [("torch", "plain")], {}, 1)
    assert made.section.notes == ["small, plain: not measured; torch: broken"]


def test_ratios_are_medians_over_common_rounds():
    plain = Measurement("c", "jax", "plain", (8.0, None, 30.0))
    ours = Measurement("c", "jax", "ours", (2.0, 100.0, 3.0))
    assert plain.over(ours) == 7.0


def test_without_common_rounds_a_ratio_is_of_medians():
    plain = Measurement("c", "jax", "plain", (8.0,))
    assert plain.over(Measurement("c", "jax", "ours", (1.0, 2.0, 3.0))) == 4.0


def test_every_promise_is_kept_by_a_run_that_is_fast_enough():
    assert {row[0]: row[-1] for row in targets(_run(gain=100))} == {
        promise.text: True for promise in PROMISES
    }


def test_promises_on_another_form_are_broken_by_a_slow_run():
    broken = {row[0] for row in targets(_run(gain=0.89)) if row[-1] is False}
    assert broken == {promise.text for promise in PROMISES if promise.other}


def test_promises_are_open_in_a_run_that_measured_nothing():
    assert {row[2:] for row in targets({})} == {("not measured", None)}


def test_a_promise_is_open_while_one_of_its_ratios_is_missing():
    results = _run(gain=100)
    results["loop"].measurements = results["loop"].of(backend="torch")
    (row,) = (row for row in targets(results) if row[0].startswith("`Trainer.fit`"))
    assert row[2:] == ("100 (PyTorch, RegNetX32, 96 px, batch 128); 3 of 4 not measured", None)


def test_a_quick_run_keeps_no_promise():
    quick = Section()
    quick.measurements = [Measurement(shrunk(RegNetX32).name, backend, form, (1.0,))
                          for form in ("ours", "plain") for backend in FRAMEWORKS]  # fmt: skip
    assert {row[-1] for row in targets({"training": quick})} == {None}


def test_a_row_has_a_cell_for_every_column():
    made = tables(_run(gain=2))
    assert made.keys() >= {"targets", "training", "inference", "memory", "first_step", "loop"}
    for name, text in made.items():
        if name != "machine":
            assert len({line.count(" | ") for line in text.splitlines()}) == 1, name


def test_the_machine_the_versions_and_the_time_of_every_section_are_told():
    results = _run(gain=2)
    results["gpu"].facts |= {"processor": "another", "time": "2026-02-02T13:00+00:00"}
    first, second = tables(results)["machine"].splitlines()
    assert first.startswith("- made up, 2 cores, 1 GB, jax 0: training 2026-01-01 12:00, ")
    assert second == "- another, 2 cores, 1 GB, jax 0: gpu 2026-02-02 13:00 (UTC)"


def test_a_report_is_written_anew_from_its_file(tmp_path):
    results = _run(gain=2)
    write_results(tmp_path / "bench.json", results)
    for name, run in (("first", results), ("second", read_results(tmp_path / "bench.json"))):
        write_report(run, tmp_path / name)
    pages = [(tmp_path / name / "bench.md").read_text() for name in ("first", "second")]
    assert pages[0] == pages[1]
    assert {path.name for path in (tmp_path / "second").glob("*.png")} == {
        "training.png", "inference.png", "memory.png",
    }  # fmt: skip


@pytest.mark.parametrize("form", [1, 3])
def test_results_of_another_format_are_refused_by_name(tmp_path, form):
    (tmp_path / "bench.json").write_text(f'{{"format": {form}}}')
    with pytest.raises(ConfigError, match=r"bench\.json: must be of format (1 to )?2; got"):
        read_results(tmp_path / "bench.json")


@pytest.mark.parametrize("old", ["", "old\n"])
def test_a_page_is_filled_between_its_marks(old):
    page = f"before\n<!-- bench: loop -->\n{old}<!-- end -->\nafter\n"
    filled = fill(page, _run(gain=2))
    assert filled.startswith("before\n<!-- bench: loop -->\n| network |")
    assert filled.endswith("|\n<!-- end -->\nafter\n")


def test_the_page_shows_the_measurements_that_lie_beside_it():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "speed.md").read_text()
    assert fill(page, read_results(docs / "speed" / "bench.json")) == page


def test_backends_without_an_environment_are_measured_by_this_python(tmp_path, monkeypatch):
    monkeypatch.setattr("common.frameworks.Framework.missing", [])
    python = tmp_path / "torch" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert find_pythons(tmp_path, ["torch", "jax"]) == {
        "torch": python, "jax": Path(sys.executable),
    }  # fmt: skip


def test_backends_that_are_nowhere_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("common.frameworks.Framework.missing", ["jax"])
    assert find_pythons(tmp_path, ["jax"]) == {}


def test_one_image_is_predicted_by_every_framework_and_onnx_runtime(bench):
    made = bench()
    SECTIONS["one_image"](made)
    found = {(item.case, item.backend, item.form) for item in made.section.measurements}
    assert found == {
        ("RegNetY-400MF, 224 px, batch 1", *subject)
        for subject in (("torch", "fused"), ("jax", "fused"), ("torch", "onnxruntime"))
    }


def test_bfloat16_is_measured_where_a_framework_has_it(bench):
    made = bench()
    made.pythons["mx"] = made.pythons["jax"]
    SECTIONS["bfloat16"](made)
    assert {(item.backend, item.form) for item in made.section.measurements} == {
        (backend, form) for backend in ("torch", "jax") for form in ("ours", "bfloat16")
    }
