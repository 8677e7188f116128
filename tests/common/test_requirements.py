"""The lowest version of each requirement is one that a session installs and tests with."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
_EXTRAS = _PROJECT["optional-dependencies"]

_TESTED_IN = {
    "": "lowest", "study": "lowest", "postgresql": "lowest", "onnx": "lowest", "test": "lowest",
    "torch": "torch", "hub": "torch", "huggingface": "torch", "ray": "torch", "notebook": "torch",
    "jax": "jax", "jax-cuda": "jax", "tf": "tf", "tf-cpu": "tf", "tf-cuda": "tf", "mx": "mx",
    "docs": "common", "lint": "common", "tensorboard": "common",
    "browser": "pages",
}  # fmt: skip
"""Whose constraints have the lowest versions of each extra, and of what is always there."""


def _pins(name):
    text = (_ROOT / f".constraints/{name}.txt").read_text()
    found = re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)
    pins = {canonicalize_name(module): Version(version) for module, version in found}
    if "tensorflow-cpu" in pins:
        pins["tensorflow"] = pins["tensorflow-cpu"]  # one project, built twice
    return pins


def _requirements():
    for extra, lines in {"": _PROJECT["dependencies"], **_EXTRAS}.items():
        for requirement in map(Requirement, lines):
            if canonicalize_name(requirement.name) != _PROJECT["name"]:
                yield pytest.param(extra, requirement, id=f"{extra}-{requirement.name}")


def _floor(requirement):
    (version,) = (one.version for one in requirement.specifier if one.operator == ">=")
    return Version(version)


def test_every_extra_is_tested_somewhere():
    assert _TESTED_IN.keys() - {""} == _EXTRAS.keys()


@pytest.mark.parametrize(("extra", "requirement"), [*_requirements()])
def test_the_lowest_version_is_one_that_is_tested(extra, requirement):
    pinned = _pins(_TESTED_IN[extra])[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned)
    if any(one.operator == ">=" for one in requirement.specifier):
        assert pinned == _floor(requirement)
