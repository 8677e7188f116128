"""Studies whose networks a Python function evaluates."""

from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import ConfigError, StudyError
from common.studies import Objective, Study, work
from common.studies.fit import OWN_DATA
from common.studies.table import rows
from tests.common.studies.conftest import CONFIG

_SOURCE = """
from common.errors import TrainingError


def depth(spec, seed, config, report):
    assert config.spec == spec and config.seed == seed
    return sum(stage.depth for stage in spec.stages) / 100


def measured(spec, seed, config, report):
    report(1, 0.5)
    return {"errors": [0.5, 0.3, 0.4], "metrics": {"latency": 12.5, "bytes": 7}}


def reported(spec, seed, config, report):
    for epoch, error in enumerate((0.5, 0.25), 1):
        report(epoch, error)
    return 0.25


def fails(spec, seed, config, report):
    raise ValueError("two\\nlines")


def leaves(spec, seed, config, report):
    raise SystemExit(3)


def diverges(spec, seed, config, report):
    raise TrainingError("the loss must stay finite; got nan")


def reports_wrongly(spec, seed, config, report):
    report(0, 0.5)


def two(spec, seed):
    return 0.5


NUMBER = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(_SOURCE)
    return path


@pytest.fixture
def begin(tmp_path, file):
    """Creates a study that the named function of `file` evaluates; returns both."""

    def call(function, **changed):
        objective = Objective.load(f"{file}:{function}")
        training = replace(CONFIG.training, data=OWN_DATA, seed=7)
        config = replace(CONFIG, training=training, objective=objective.name, **changed)
        return Study.create("own", f"journal:{tmp_path / 'own.log'}", config), objective

    return call


def _first(study):
    return study.results()[0]


def _worked(study, objective, networks=None):
    return work(study, lambda _: None, networks, objective=objective)


def test_a_function_evaluates_every_network_without_a_framework_or_data(begin):
    study, objective = begin("depth")
    assert _worked(study, objective) == 6
    assert {
        r.error == sum(s.depth for s in r.network.spec.stages) / 100 for r in study.results()
    } == {True}


@pytest.mark.parametrize(("error_of", "error"), [("last", 0.4), ("least", 0.3)])
def test_errors_after_epochs_and_own_metrics_are_kept(begin, error_of, error):
    study, objective = begin("measured", error_of=error_of)
    _worked(study, objective, 1)
    result = _first(study)
    assert (result.error, result.errors) == (error, (0.5, 0.3, 0.4))
    assert result.metrics == {"latency": 12.5, "bytes": 7}
    row = rows([result])[0]
    assert (row["metric_latency"], row["error_2"]) == (12.5, 0.3)


def test_reported_errors_are_kept(begin):
    study, objective = begin("reported")
    _worked(study, objective, 1)
    assert (_first(study).error, _first(study).errors) == (0.25, (0.5, 0.25))


def test_the_pruner_stops_a_function_that_reports(begin):
    study, objective = begin("reported", pruner="halving")
    _worked(study, objective)
    assert {r.state for r in study.results()} <= {"complete", "pruned"}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("fails", "own.py:fails, line 22: ValueError: two lines"),
        ("leaves", "own.py:leaves, line 26: SystemExit: 3"),
        ("reports_wrongly", "own.py:reports_wrongly, line 34: ConfigError: report: "
         "epoch must be at least 1; got 0"),
    ],
)  # fmt: skip
def test_what_a_function_raises_is_one_message_of_its_network(begin, function, message):
    study, objective = begin(function)
    with pytest.raises(StudyError, match="got 3 consecutive failures"):
        _worked(study, objective)
    failed = [r for r in study.results() if r.state == "failed"]
    assert {r.message for r in failed} == {message}
    assert len(failed) == 3


def test_a_function_that_diverges_counts_with_error_1(begin):
    study, objective = begin("diverges")
    assert _worked(study, objective) == 6
    assert (_first(study).error, _first(study).state) == (1.0, "complete")
    assert "the loss must stay finite" in _first(study).message


def _answers(value):
    def function(spec, seed, config, report):
        return value

    return replace(Objective.of(_module_level), function=function)


def _module_level(spec, seed, config, report):
    return 0.5


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must return an error; it must be a number from 0 to 1; got None"),
        (float("nan"), "must return an error; it must be a number from 0 to 1; got nan"),
        (1.5, "must return an error; it must be a number from 0 to 1; got 1.5"),
        (True, "must return an error; it must be a number from 0 to 1; got True"),
        ("0.5", "must return an error; it must be a number from 0 to 1; got 0.5"),
        ({}, "must return an error or errors; got neither"),
        ({"loss": 1}, "must return error, errors, metrics alone; got 'loss'"),
        ({"errors": [0.5, -1]}, "errors: that after epoch 2 must be a number from 0 to 1; got -1"),
        ({"errors": 0.5}, "errors must be a sequence of numbers, one for each epoch; got 0.5"),
        ({"error": 0.5, "metrics": 3}, "metrics must be a mapping of at most 100 names"),
        ({"error": 0.5, "metrics": {"a b": 3}}, "metrics: names must be letters, digits and '_'"),
        ({"error": 0.5, "metrics": {"a": float("inf")}}, "metrics: a must be a finite number; got"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_one_message(begin, value, message):
    study, _ = begin("depth")
    objective = replace(_answers(value), name=study.config.objective)
    with pytest.raises(StudyError, match="3 consecutive failures"):
        _worked(study, objective)
    assert message in _first(study).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("own.py", "objective: must be FILE.py:function; got 'own.py'"),
        ("own:depth", "objective: must be FILE.py:function; got 'own:depth'"),
        ("none.py:depth", "none.py: must be a Python file with an objective; got"),
        ("own.py:nothing", "own.py must have a function nothing; got no such name"),
        ("own.py:NUMBER", "own.py must have a function NUMBER; got 3"),
        ("own.py:two", r"two must take \(spec, seed, config, report\); got two\(spec, seed\)"),
        ("broken.py:f", "broken.py must run when it is imported; got ZeroDivisionError: division"),
        ("syntax.py:f", "syntax.py must run when it is imported; got SyntaxError"),
    ],
)
def test_what_is_no_function_is_one_error(file, text, message, monkeypatch):
    monkeypatch.chdir(file.parent)
    Path("broken.py").write_text("1 / 0")
    Path("syntax.py").write_text("def f(:")
    with pytest.raises(ConfigError, match=message):
        Objective.load(text)


def test_a_worker_without_the_study_s_function_is_refused(begin):
    study, _ = begin("depth")
    with pytest.raises(StudyError, match=r"got none; add --objective own.py:depth$"):
        work(study)


def test_a_worker_with_another_function_is_refused(begin, file):
    study, _ = begin("depth")
    with pytest.raises(StudyError, match=r"by the objective own.py:depth .*; got own.py:measured"):
        work(study, objective=Objective.load(f"{file}:measured"))


def test_a_worker_with_a_changed_file_is_refused(begin, file):
    study, _ = begin("depth")
    file.write_text(f"{_SOURCE}\n")
    with pytest.raises(StudyError, match="whose file differs; restore it"):
        work(study, objective=Objective.load(f"{file}:depth"))


def test_a_worker_with_a_function_for_a_study_without_one_is_refused(study):
    with pytest.raises(StudyError, match="by the built-in training; got the objective"):
        work(study, objective=Objective.of(_module_level))


def test_the_same_function_is_found_in_its_file_and_as_an_object():
    assert Objective.of(_module_level).name == Objective.load(f"{__file__}:_module_level").name


def test_opening_a_study_imports_nothing(begin, file):
    study, _ = begin("depth")
    file.unlink()
    assert Study.open("own", study.url).config.objective.file == "own.py"


def test_a_function_within_another_is_no_objective():
    with pytest.raises(ConfigError, match="must be a function of a module"):
        Objective.of(lambda spec, seed, config, report: 0.5)
