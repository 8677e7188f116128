"""Weight files broken in every way: an error of our own, or a network that fits its plan."""

import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from common import AnyNetSpec
from common.errors import WeightsError
from common.weights import expected_shapes, initial_weights, load_weights, save_weights

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 4)
_PARTS = 8
_BYTES = np.frombuffer(b'0123456789{}[]",:.-eE truefalsn\\\x00\xff', np.uint8)


@pytest.fixture
def path():
    # In memory where the system has such a place: the test writes a million files.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder) / "net.safetensors"


@pytest.fixture
def whole(path):
    save_weights(path, _SPEC, initial_weights(_SPEC))
    return path.read_bytes()


@pytest.fixture
def without_digests(path):
    """A file as version 0.1 wrote it: no digest refuses a change before its rule does."""
    header = json.dumps({"version": 1, "spec": _SPEC.to_dict()})
    save_file(initial_weights(_SPEC), path, {"anynet": header})
    return path.read_bytes()


def _is_refused(path, data):
    path.write_bytes(data)
    try:
        spec, arrays = load_weights(path)
    except WeightsError:
        return True
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(spec)
    assert all(array.dtype == np.float32 for array in arrays.values())
    return False


def test_every_truncation_is_refused(path, whole):
    assert all(_is_refused(path, whole[:length]) for length in range(0, len(whole), 7))


def test_trailing_bytes_are_refused(path, whole):
    assert _is_refused(path, whole + b"\x00")


@pytest.mark.parametrize("depth", [2, 10**9, 10**400])
def test_a_spec_of_more_blocks_than_arrays_is_refused_at_once(path, without_digests, depth):
    assert _is_refused(
        path, _with_header(without_digests, b'\\"depth\\": 1', f'\\"depth\\": {depth}'.encode())
    )


def test_a_width_beyond_numbers_is_refused(path, without_digests):
    assert _is_refused(
        path, _with_header(without_digests, b'channels\\": 8', b'channels\\": 8' + b"0" * 400)
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "number",
    [20_000, pytest.param(1_000_000, marks=[pytest.mark.full, pytest.mark.timeout(7200)])],
    ids="{:,}".format,
)
def test_random_changes_of_the_header_are_refused(path, without_digests, number):
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        paths = [path.with_name(f"{part}.safetensors") for part in range(_PARTS)]
        refused = pool.map(
            _refused, paths, repeat(without_digests), range(_PARTS), repeat(number // _PARTS)
        )
        assert sum(refused) > 0.8 * number


def _refused(path, whole, seed, number):
    """How many of a number of randomly changed files are refused."""
    stream = np.random.default_rng(seed)
    start = int.from_bytes(whole[:8], "little") + 8
    places = stream.integers(0, start, (number, 3))
    letters = stream.choice(_BYTES, (number, 3))
    kinds = stream.integers(0, 4, number)
    lengths = stream.integers(1, 9, number)
    refused = 0
    for place, letter, kind, length in zip(places, letters, kinds, lengths, strict=True):
        data, at = bytearray(whole), int(place[0])
        if kind == 0:  # one to three other bytes
            for where, value in zip(
                place[: 1 + length % 3].tolist(), letter.tolist(), strict=False
            ):
                data[where] = value
        elif kind == 1:  # one flipped bit
            data[at] ^= 1 << int(length - 1)
        elif kind == 2:  # bytes put in, the length told
            data[at:at] = letter[: 1 + length % 3].tobytes()
        else:  # bytes taken out
            del data[at : at + int(length)]
        if kind >= 2 and at >= 8:
            data[:8] = (start - 8 + len(data) - len(whole)).to_bytes(8, "little")
        refused += _is_refused(path, bytes(data))
    return refused


def _with_header(whole, old, new):
    length = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + length]
    assert old in header
    header = header.replace(old, new)
    return len(header).to_bytes(8, "little") + header + whole[8 + length :]
