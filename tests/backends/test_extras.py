"""Builds for CUDA can be installed: the package index is asked, and nothing is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.backends import FRAMEWORKS

_ROOT = Path(__file__).parents[2]


@pytest.mark.full
def test_its_extra_for_cuda_brings_the_libraries_of_nvidia(name, tmp_path):
    extra = FRAMEWORKS[name].extra
    if extra in (None, name):
        pytest.skip("no extra of its own: the usual one brings what the package index has")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
         "--report", str(tmp_path / "report.json"), f"{_ROOT}[{extra}]",
         "--constraint", str(_ROOT / f".constraints/{name}.txt")],
        check=True,
    )  # fmt: skip
    report = json.loads((tmp_path / "report.json").read_text())
    found = {item["metadata"]["name"].partition("-cu1")[0] for item in report["install"]}
    assert found >= {"nvidia-cudnn", "nvidia-nccl"}
