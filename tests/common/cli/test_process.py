"""Commands set up their process for training before a framework starts."""

import types

import pytest

from common import REGNETX32
from common.errors import BackendError
from common.weights import initial_weights, save_weights


def _kept():
    raise BackendError("freed memory is kept")


@pytest.mark.parametrize(
    "words",
    [
        "train --out run",
        "evaluate net.safetensors",
        "predict net.safetensors image.png",
        "export net.safetensors --format native --out net.pt2",
        "study work first --storage journal:first.log",
    ],
)
def test_a_command_that_runs_networks_keeps_freed_memory(run, monkeypatch, tmp_path, words):
    save_weights(tmp_path / "net.safetensors", REGNETX32, initial_weights(REGNETX32))
    run("study", "create", "first", "--space", "AnyNetXA-small", "--networks", 1,
        "--storage", "journal:first.log")  # fmt: skip
    backend = types.SimpleNamespace(keep_freed_memory=_kept)
    monkeypatch.setattr("common.backends.load_backend", lambda name: backend)
    result = run(*words.split())
    assert (result.exit_code, result.stderr) == (1, "Error: freed memory is kept\n")
