"""Files about the project say the same as the project."""

import re
import tomllib
from pathlib import Path

import pytest

from common.frameworks import FRAMEWORKS
from common.installs import VERSION
from common.parity import CASES
from tests.environments import PINNED
from tests.mutants import mutants

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]


def _text(path):
    return (_ROOT / path).read_text()


def _pin(constraints, name):
    (version,) = re.findall(rf"^{name}==(\S+)$", _text(constraints), re.MULTILINE)
    return version


def test_the_workflow_runs_the_sessions_of_a_bare_nox():
    (sessions,) = re.findall(r"nox.options.sessions = \[([^\]]+)\]", _text("noxfile.py"))
    (single,) = re.findall(r"^SINGLE = \(([^)]+)\)", _text("noxfile.py"), re.MULTILINE)
    (jobs,) = re.findall(r"session: \[([^\]]+)\]", _text(".github/workflows/ci.yml"))
    names = re.findall(r"\w+", sessions + single)
    assert sorted(["environments", "single", *jobs.split(", ")]) == sorted(names)


def test_the_cases_of_the_parity_session_exist():
    (cases,) = re.findall(r"^CASES = \(([^)]+)\)", _text("noxfile.py"), re.MULTILINE)
    assert set(re.findall(r'"([^"]+)"', cases)) <= {case.name for case in CASES}


def test_commits_are_checked_by_the_linter_of_the_lint_session():
    pinned = set(re.findall(r"ruff==([\d.]+)", _text(".pre-commit-config.yaml")))
    assert pinned == {_pin(".constraints/common.txt", "ruff")}


@pytest.mark.parametrize("constraints", ["torch", "jax", "tf", "package"])
def test_tools_of_all_environments_have_one_version(constraints):
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", _text(f".constraints/{constraints}.txt"), re.M))
    shared = pins.keys() & {"click", "numpy", "pytest", "ruff", "mypy", "pillow", "matplotlib"}
    common = ".constraints/common.txt"
    assert {name: pins[name] for name in shared} == {name: _pin(common, name) for name in shared}


@pytest.mark.parametrize("name", ["common", *FRAMEWORKS])
def test_every_fault_to_plant_has_one_place(name):
    """Where the source has changed, `tests/mutants.py` must follow."""
    assert [one.what for one in mutants(name) if _text(one.file).count(one.old) != 1] == []


def test_the_citation_is_of_this_version():
    assert f"\nversion: {VERSION}\n" in _text("CITATION.cff")


def test_the_changelog_tells_of_this_version():
    assert f"\n## {VERSION}" in _text("CHANGELOG.md")


def test_mxnet_is_for_the_python_of_its_session():
    assert PINNED == "3.11"
    sessions = re.findall(r"@nox.session\(python=PINNED\)\ndef (\w+)", _text("noxfile.py"))
    assert sessions == ["torch", "mx"]
    assert all(
        line.endswith("; python_version < '3.12'")
        for line in _PROJECT["optional-dependencies"]["mx"]
    )


def test_the_classifiers_name_the_pythons_that_are_tested():
    (others,) = re.findall(r"^PYTHONS = \(([^)]+)\)", _text("noxfile.py"), re.MULTILINE)
    told = [line.rpartition(" ")[2] for line in _PROJECT["classifiers"] if " 3." in line]
    assert told == ["3.11", *(version.strip(' "') for version in others.split(","))]


def test_the_workflow_has_jobs_on_the_newest_python():
    jobs = re.findall(r'- \{session: (\w+), python: "3.13"', _text(".github/workflows/ci.yml"))
    assert jobs == ["common", "torch", "jax", "tf"]
