"""What users get: `nox -s package` builds the wheel that `$ANYNET_WHEEL` names."""

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("extra", "pins"),
    [(extra, extra) for extra in ("torch", "mx", "tf", "jax", "docs")]
    + [("study", "jax"), ("postgresql", "common"), ("onnx", "common"), ("test", "common"),
       ("lint", "common"), ("notebook", "jax"), ("huggingface", "torch"), ("ray", "torch"),
       ("tf-cpu", "tf")],
)  # fmt: skip
def test_an_extra_can_be_installed(wheel, extra, pins):
    if extra in ("torch", "mx") and sys.version_info >= (3, 12):
        pytest.skip("PyTorch's builds for CPUs and MXNet are pinned for Python 3.11")
    wanted = f"{Path(wheel.filename).resolve()}[{extra}]"
    constraints = _ROOT / f".constraints/{pins}.txt"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
         wanted, "-c", constraints],
        check=True,
    )  # fmt: skip


def test_every_extra_is_tried(about):
    extras = Parser().parsestr(about["METADATA"]).get_all("Provides-Extra")
    (tried,) = test_an_extra_can_be_installed.pytestmark
    with_cuda = {"jax-cuda", "tf-cuda"}  # by tests/backends/test_extras.py in the full session
    assert {extra for extra, _ in tried.args[1]} | with_cuda == set(extras)


def test_it_is_small_enough_to_send(wheel):
    assert sum(item.compress_size for item in wheel.infolist()) < 10e6
