"""`anynet backends` tells what is missing, broken or unused, and outlives it."""

import json
import sys

import pytest

from common.cli import probe
from common.errors import BackendError


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Makes a PyTorch that runs `code` when it is imported."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def make(code):
        (tmp_path / "site/torch").mkdir(parents=True)
        (tmp_path / "site/torch/__init__.py").write_text(code)

    return make


@pytest.fixture
def alone(monkeypatch):
    """PyTorch is the one framework, and sees no GPU."""
    missing = property(lambda self: [] if self.title == "PyTorch" else ["it"])
    monkeypatch.setattr("common.frameworks.Framework.missing", missing)
    monkeypatch.setattr("common.cli.backends.find_devices", lambda name: ["cpu"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise OSError('libcudart.so.13: cannot open\\nshared object file')",
         "PyTorch is installed but cannot be imported; got libcudart.so.13: cannot open shared"),
        ("raise ValueError('numpy.dtype size changed')", "got numpy.dtype size changed"),
        ("import os; os.abort()", "must start; got its process ended by SIGABRT"),
        ("import sys; print('no licence', file=sys.stderr); sys.exit(3)",
         "got its process ended by exit code 3, after: no licence"),
    ],
)  # fmt: skip
def test_a_framework_that_cannot_start_is_one_line(broken, run, code, told):
    broken(code)
    result = run("backends")
    assert result.exit_code == 0
    (line,) = (line for line in result.output.splitlines() if line.startswith("backend torch: "))
    assert told in line


def test_a_framework_that_never_starts_is_given_up(broken, monkeypatch):
    broken("import time; time.sleep(100)")
    monkeypatch.setattr(probe, "_PATIENCE", 0.2)
    with pytest.raises(BackendError, match="must start within .* seconds; got no answer"):
        probe.find_devices("torch")


def test_a_gpu_that_the_framework_does_not_see_is_told_of(alone, run, monkeypatch):
    monkeypatch.setattr("common.cli.backends.find_nvidia", lambda: "NVIDIA H100")
    found = json.loads(run("backends", "--json").output)["torch"]
    assert found["devices"] == "cpu"
    assert found["note"].startswith("this machine has an NVIDIA device (NVIDIA H100), but PyTorch")


def test_a_framework_on_a_machine_without_a_gpu_needs_no_note(alone, run, monkeypatch):
    monkeypatch.setattr("common.cli.backends.find_nvidia", lambda: None)
    assert json.loads(run("backends", "--json").output)["torch"]["note"] == ""


def test_what_is_missing_is_told_with_its_remedy(alone, run):
    assert "backend jax: needs it; pip install '.[jax]' in a checkout" in run("backends").output
