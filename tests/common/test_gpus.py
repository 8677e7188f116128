"""NVIDIA devices are found by what the driver shows, or told by its tool."""

import pytest

from common.gpus import find_nvidia


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Makes the only `nvidia-smi` that is there, from lines of shell."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(lines):
        path = folder / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)

    return make


@pytest.fixture
def root(tool, tmp_path):
    """An empty file system without the tool."""
    return tmp_path / "root"


def test_a_machine_without_the_driver_has_no_device(root):
    assert find_nvidia(root) is None


def test_the_driver_tells_the_model(root):
    about = root / "proc/driver/nvidia/gpus/0000:01:00.0/information"
    about.parent.mkdir(parents=True)
    about.write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 16\n")
    assert find_nvidia(root) == "NVIDIA H100 80GB HBM3"


def test_a_device_file_is_a_device(root):
    (root / "dev").mkdir(parents=True)
    (root / "dev/nvidia0").touch()
    assert find_nvidia(root) == "/dev/nvidia0"


def test_the_files_of_the_driver_alone_are_no_device(root):
    (root / "dev").mkdir(parents=True)
    for name in ("nvidiactl", "nvidia-uvm", "nvidia-caps"):
        (root / "dev" / name).touch()
    assert find_nvidia(root) is None


def test_the_tool_tells_the_model(tool, root):
    tool("echo 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c1e)'")
    assert find_nvidia(root) == "NVIDIA A100-SXM4-40GB"


@pytest.mark.parametrize("lines", ["echo 'No devices were found'", "echo failed; exit 9"])
def test_a_tool_that_finds_none_tells_of_none(tool, root, lines):
    tool(lines)
    assert find_nvidia(root) is None


@pytest.mark.parametrize("value", ["", "-1"])
def test_devices_that_a_user_hides_are_not_found(root, monkeypatch, value):
    (root / "dev").mkdir(parents=True)
    (root / "dev/nvidia0").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert find_nvidia(root) is None
