"""What is installed, and how texts tell to install this project."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from common import installs
from common.errors import BackendError
from common.frameworks import FRAMEWORKS, check_installed
from common.installs import how_to_install, installed_version

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
_EXTRAS = _PROJECT["optional-dependencies"]

_TAKEN = re.compile(
    r"(?:\b(?:install|add|download)|--with)\s+(?:-\S+\s+)*['\"]?anynet(?:-design-spaces)?\b(?![\w-])"
    r"|\banynet\[|\banynet(?:-design-spaces)? ?@ |\banynet(?:-design-spaces)?[=>~]="
)
"""What would bring a distribution of that name from a package index."""


def _texts(*suffixes):
    """The texts of all files of the project, or of those that end in a suffix, by path."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    paths = [path for path in listing.stdout.split("\0") if path.endswith(suffixes or "")]
    return {path: (_ROOT / path).read_text(errors="replace") for path in paths if path}


_CODE = {
    path: text
    for path, text in _texts(".py", ".j2").items()
    if path.startswith(("common/", "anynet_"))
}


def test_no_text_installs_the_project_that_has_the_name_of_the_command():
    found = {
        f"{path}: {match[0]}"
        for path, text in _texts().items()
        if path not in ("pyproject.toml", "tests/common/test_installs.py")
        for match in _TAKEN.finditer(text)
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    ["pip install anynet", "pip install -U anynet", "pip install 'anynet[jax]'", "uv add anynet",
     "anynet[study]", "anynet @ file:///a.whl", "anynet==0.1.0", "anynet>=0.1",
     "pip install anynet-design-spaces"],
)  # fmt: skip
def test_what_installs_it_is_known(line):
    assert _TAKEN.search(line)


@pytest.mark.parametrize(
    "line", ["pip install '.[jax]'", "pip uninstall anynet", "anynet = 1", "install anynet_jax"]
)
def test_what_does_not_install_it_is_left_alone(line):
    assert not _TAKEN.search(line)


def test_extras_of_the_project_name_the_project():
    own = {line for lines in _EXTRAS.values() for line in lines if line.startswith("anynet")}
    assert {line.partition("[")[0] for line in own} == {_PROJECT["name"]}


def test_one_function_says_how_to_install():
    assert [path for path in _CODE if "pip install" in _CODE[path]] == ["common/installs.py"]


def test_every_extra_that_a_message_names_exists():
    calls = (re.findall(r"how_to_install\([\"']([^\"']+)", text) for text in _CODE.values())
    named = {extra for extras in calls for extra in extras}
    named |= {framework.extra for framework in FRAMEWORKS.values() if framework.extra}
    assert named >= {"torch", "study", "postgresql", "onnx", "ray", "jax-cuda", "tf-cuda"}
    assert named | FRAMEWORKS.keys() <= _EXTRAS.keys()


def test_how_to_install_starts_from_a_checkout():
    assert how_to_install("jax", "study") == (
        "pip install '.[jax,study]' in a checkout of this project"
    )


def test_mxnet_is_installed_with_the_python_that_it_has_builds_for():
    assert (
        how_to_install("mx") == "pip install '.[mx]' with Python 3.11 in a checkout of this project"
    )


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes a distribution that owns a module, with the lines of its metadata."""
    monkeypatch.syspath_prepend(str(tmp_path))
    installs._installed.cache_clear()

    def install(folder, module, metadata):
        about = tmp_path / f"{folder}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(metadata)
        (about / "top_level.txt").write_text(f"{module}\n")

    yield install
    installs._installed.cache_clear()


def test_a_version_is_that_of_the_distribution_with_the_module(installed):
    installed("frame_work_cpu-2.1", "framework", "Name: frame-work-cpu\nVersion: 2.1\n")
    assert installed_version("framework") == ("frame-work-cpu", "2.1")


@pytest.mark.parametrize("metadata", ["", "Name: framework\n"])
def test_a_half_removed_distribution_has_no_version(installed, metadata):
    installed("framework-2.1", "framework", metadata)
    assert installed_version("framework") is None


def test_a_module_without_a_distribution_has_no_version():
    assert installed_version("built_from_source") is None


def test_a_missing_framework_is_installed_from_a_checkout(monkeypatch):
    monkeypatch.setattr("common.frameworks.Framework.missing", ["jax"])
    with pytest.raises(BackendError, match=r"got no jax; pip install '\.\[jax\]' in a checkout"):
        check_installed("jax")


def test_a_folder_that_a_removal_has_left_is_no_framework(tmp_path, monkeypatch):
    (tmp_path / "mxnet" / "lib").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # without MXNet's own, which may be there
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    assert FRAMEWORKS["mx"].missing == ["mxnet"]
