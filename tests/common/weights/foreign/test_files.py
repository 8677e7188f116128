"""The formats that checkpoints come in."""

import json
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from common.errors import WeightsError
from common.weights import load_weights
from common.weights.foreign import export_weights, import_weights
from common.weights.foreign.files import read_file, write_file
from tests.foreign import SMALL_X, random_arrays, state


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.safetensors", None, "must be a weight file; got no such file"),
        ("net.h5", b"", "must be a safetensors, npz or PyTorch file; got none of them"),
        ("net", b"\x89HDF\r\n\x1a\n", "must be a safetensors, npz or PyTorch file"),
        ("net.ckpt", b"PK\x03\x04", "must be a safetensors, npz or PyTorch file"),
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
    stored = read_file(path).arrays["x"]
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
    read = read_file(path).arrays["x"].read()
    np.testing.assert_array_equal(read, values)
    assert read.flags.aligned


_WITHOUT_TORCH = pytest.raises(
    WeightsError, match=r"net.pth: needs PyTorch; .*pip install '\.\[torch"
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


_STATE = state("huggingface", SMALL_X, random_arrays(SMALL_X))


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("name", ["model", "model.bin", "model.pth.tar", "model.npz", "x.ckpt"])
def test_a_file_is_known_by_its_content(tmp_path, suffix, name):
    written = tmp_path / f"written{suffix}"
    export_weights(written, SMALL_X, random_arrays(SMALL_X), "timm")
    written.rename(tmp_path / name)
    assert import_weights(tmp_path / name)[0] == SMALL_X


@pytest.fixture
def pieces(tmp_path):
    """A model of transformers in two files, and its index."""
    names = list(_STATE)
    files = {"model-1-of-2.safetensors": names[::2], "model-2-of-2.safetensors": names[1::2]}
    for file, part in files.items():
        save_file({name: _STATE[name] for name in part}, tmp_path / file)
    weight_map = {name: file for file, part in files.items() for name in part}
    return _write_index(tmp_path, weight_map), weight_map


def _write_index(folder, weight_map):
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return path


@pytest.mark.parametrize("given", ["index", "folder"])
def test_a_model_in_several_files_is_read(pieces, given):
    path = pieces[0] if given == "index" else pieces[0].parent
    spec, arrays = import_weights(path)
    wanted = random_arrays(SMALL_X)
    assert spec == SMALL_X
    assert [name for name in wanted if not np.array_equal(arrays[name], wanted[name])] == []


@pytest.mark.parametrize(
    "file",
    ["../model-1-of-2.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "C:x", ["x"]],
)
def test_pieces_outside_of_the_folder_are_refused(pieces, file):
    index, weight_map = pieces
    _write_index(index.parent, {**weight_map, next(iter(weight_map)): file})
    with pytest.raises(WeightsError, match="index.json: pieces must be files beside their index"):
        import_weights(index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": "model-1-of-2.safetensors"}, "the arrays that it names; missing x"),
        ({"x": "model-3.safetensors"}, "model-3.safetensors: must be a weight file; got no such"),
        ({"x": "model.safetensors.index.json"}, "index.json: must be a safetensors, npz or"),
    ],
)
def test_an_index_that_does_not_fit_its_pieces_is_refused(pieces, change, message):
    index, weight_map = pieces
    _write_index(index.parent, weight_map | change)
    with pytest.raises(WeightsError, match=message):
        import_weights(index)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', "[" * 100000])
def test_an_index_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)
    with pytest.raises(WeightsError, match="index.json: must be an index of a model's pieces"):
        import_weights(path)


@pytest.mark.parametrize("length", [0x80, 0x8002, 0x4B50])
def test_a_header_whose_length_looks_like_another_format_is_read(tmp_path, length):
    header = b'{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'.ljust(length)
    (tmp_path / "net").write_bytes(len(header).to_bytes(8, "little") + header)
    assert read_file(tmp_path / "net").arrays["x"].shape == (0,)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_loading_a_foreign_file_as_ones_own_names_the_command(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    export_weights(path, SMALL_X, random_arrays(SMALL_X), "timm")
    with pytest.raises(WeightsError, match="; anynet convert reads files of other libraries"):
        load_weights(path)
