"""The command in an empty folder, and a storage for it."""

from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from common.cli import main
from tests.common.cli import fakes


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def journal(monkeypatch):
    """A storage that is made faster than an SQLite file, for tests that do not need one."""
    monkeypatch.setenv("ANYNET_STORAGE", "journal:studies.log")
    return "journal:studies.log"


@pytest.fixture
def framework(monkeypatch):
    """The commands that need a framework get that of `fakes`."""
    for command in ("train", "evaluate", "predict"):
        monkeypatch.setattr(
            import_module(f"common.cli.{command}"), "start_backend", lambda name, flops=0: fakes
        )


@pytest.fixture
def photos(run, tmp_path):
    """A folder of ten colour images of 12 x 8 pixels in each of two classes."""
    for colour, rgb in (("blue", (0, 0, 200)), ("red", (200, 0, 0))):
        folder = tmp_path / "photos" / colour
        folder.mkdir(parents=True)
        for index in range(10):
            pixels = np.full((8, 12, 3), rgb, np.uint8) + np.uint8(index)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def train(run, framework, photos):
    """Runs `anynet train`; returns what it printed to the standard error stream."""

    def call(*options, code=0):
        result = run("train", *options)
        assert result.exit_code == code, result.output
        return result.stderr

    return call
