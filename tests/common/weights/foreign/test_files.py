"""The formats that checkpoints come in."""

import sys

import numpy as np
import pytest

from common.errors import WeightsError
from common.weights.foreign import export_weights, import_weights
from common.weights.foreign.files import read_file, write_file
from tests.foreign import SMALL_X, random_arrays


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.safetensors", None, "must be a weight file; got no such file"),
        ("net.h5", b"", r"must end in one of .safetensors, .npz, .pth, .*; got '.h5'"),
        ("net.safetensors", b"\x00" * 20, "must be a safetensors file"),
        ("net.npz", b"PK\x03\x04", "must be an npz file of arrays"),
        ("net.npz", b"", "must be an npz file of arrays"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"{name}: {message}"):
        import_weights(tmp_path / name)


def test_python_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "net.npz", weights=np.array([{}], dtype=object))
    with pytest.raises(WeightsError, match="Object arrays cannot be loaded"):
        import_weights(tmp_path / "net.npz")


def test_bfloat16_is_read_as_float32(tmp_path):
    # 1, -2 and 3.140625: the upper halves of their float32.
    halves = np.array([0x3F80, 0xC000, 0x4049], np.uint16)
    path = tmp_path / "net.safetensors"
    path.write_bytes(_bfloat16_file(halves))
    stored = read_file(path)["x"]
    assert stored.dtype == "bfloat16"
    np.testing.assert_array_equal(stored.read(), np.array([1, -2, 3.140625], np.float32))


def _bfloat16_file(halves):
    header = b'{"x":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}'
    return len(header).to_bytes(8, "little") + header + halves.tobytes()


def test_misaligned_arrays_are_read(tmp_path):
    path = tmp_path / "net.safetensors"
    header = (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
              b'"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}')  # fmt: skip
    values = np.array([1, 2], np.float32)
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x00" + values.tobytes())
    read = read_file(path)["x"].read()
    np.testing.assert_array_equal(read, values)
    assert read.flags.aligned


_WITHOUT_TORCH = pytest.raises(
    WeightsError, match=r"net.pth: needs PyTorch; .*pip install 'anynet\[torch"
)


def test_reading_a_file_of_pytorch_without_it_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "net.pth").write_bytes(b"")
    with _WITHOUT_TORCH:
        import_weights(tmp_path / "net.pth")


def test_writing_a_file_of_pytorch_without_it_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with _WITHOUT_TORCH:
        export_weights(tmp_path / "net.pth", SMALL_X, random_arrays(SMALL_X), "timm")
    assert list(tmp_path.iterdir()) == []


def test_writing_in_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="net.h5: must end in one of"):
        write_file(tmp_path / "net.h5", {})
    assert list(tmp_path.iterdir()) == []
