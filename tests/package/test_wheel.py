"""What users get: `nox -s package` builds the wheel that `$ANYNET_WHEEL` names."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environments import COMMON, EXTRAS, PAGES

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("common", "anynet_torch", "anynet_mx", "anynet_tf", "anynet_jax")


@pytest.fixture(scope="module")
def wheel():
    """The wheel as an archive."""
    path = os.environ.get("ANYNET_WHEEL")
    if not path:
        pytest.skip("no wheel was built")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture
def about(wheel):
    """Names and contents of the files that describe the distribution."""
    return {
        name.partition("/")[2]: wheel.read(name).decode()
        for name in wheel.namelist()
        if ".dist-info/" in name
    }


def _tracked(*folders):
    listing = subprocess.run(
        ["git", "ls-files", "--", *folders], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    return set(listing.stdout.split())


def test_it_holds_every_file_of_the_packages_and_nothing_else(wheel):
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert files == _tracked(*_PACKAGES) - {"common/entry.py"} | {"anynet_start.py"}


@pytest.mark.parametrize("package", _PACKAGES)
def test_its_packages_are_typed(wheel, package):
    assert f"{package}/py.typed" in wheel.namelist()


@pytest.mark.parametrize("part", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_it_holds_the_sample_data(wheel, part):
    assert any(f"data/sample/{part}" in name for name in wheel.namelist())


def test_it_holds_the_licence_of_everything_in_it(about):
    licences = {name for name in about if name.startswith("licenses/")}
    assert licences == {
        "licenses/LICENSE",
        "licenses/common/data/imagenet/LICENSE",
        "licenses/common/data/sample/LICENSE",
    }


def test_it_makes_the_command(about):
    assert about["entry_points.txt"].split("\n")[:2] == [
        "[console_scripts]",
        "anynet = anynet_start:main",
    ]


def test_it_requires_no_framework_without_an_extra(about):
    required = Parser().parsestr(about["METADATA"]).get_all("Requires-Dist")
    plain = {line.split(">")[0].split("<")[0] for line in required if "extra ==" not in line}
    assert plain & {"torch", "mxnet", "tensorflow", "jax", "flax"} == set()


_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
_EXTRAS = _PROJECT["optional-dependencies"]


def _of_extra(extra):
    """The requirements of an extra, and of those that it names."""
    for requirement in map(Requirement, _EXTRAS[extra]):
        if requirement.name == _PROJECT["name"]:
            for other in requirement.extras:
                yield from _of_extra(other)
        else:
            yield requirement


def _told(extra, requirement):
    return (extra, canonicalize_name(requirement.name), str(requirement.specifier),
            *sorted(requirement.extras))  # fmt: skip


def test_it_requires_what_the_project_does(about):
    expected = {
        _told("", requirement) for requirement in map(Requirement, _PROJECT["dependencies"])
    }
    for extra in _EXTRAS:
        expected |= {_told(extra, requirement) for requirement in _of_extra(extra)}
    metadata, found = Parser().parsestr(about["METADATA"]), set()
    for requirement in map(Requirement, metadata.get_all("Requires-Dist")):
        named = re.search(r"extra == ['\"]([\w-]+)", str(requirement.marker))
        found.add(_told(named[1] if named else "", requirement))
    assert found == expected
    assert set(metadata.get_all("Provides-Extra")) == _EXTRAS.keys()


_TRIED = ["tf"]
"""The extras that no session installs; those for CUDA are tried in the full session."""


def _installed():
    """The extras with which sessions install this project."""
    return set(",".join([*EXTRAS.values(), COMMON, PAGES, "jax,study"]).split(","))


def test_every_extra_is_installed_or_tried(about):
    extras = set(Parser().parsestr(about["METADATA"]).get_all("Provides-Extra"))
    assert _installed() | set(_TRIED) | {"jax-cuda", "tf-cuda"} == extras


@pytest.mark.parametrize("extra", _TRIED)
def test_an_extra_that_no_session_installs_can_be_installed(wheel, extra):
    wanted = f"{Path(wheel.filename).resolve()}[{extra}]"
    constraints = _ROOT / f".constraints/{extra}.txt"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
         wanted, "-c", constraints],
        check=True,
    )  # fmt: skip


def test_it_is_small_enough_to_send(wheel):
    assert sum(item.compress_size for item in wheel.infolist()) < 10e6
