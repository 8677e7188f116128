"""Reading idx files, whole and broken."""

import contextlib
import gzip
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.idx import decode_idx, encode_idx, read_idx
from common.errors import DataError

_ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
_PLAIN = encode_idx(_ARRAY)
_PACKED = gzip.compress(_PLAIN, mtime=0)  # the same bytes in every process of a session


@pytest.mark.parametrize("data", [_PLAIN, _PACKED], ids=["plain", "gzip"])
def test_what_was_written_is_read(tmp_path, data):
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_idx(path), _ARRAY)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "must begin with 00 00 08; got nothing"),
        (b"\0\0\x0d\1" + bytes(8), "must begin with 00 00 08; got 00 00 0d 01"),
        (b"\0\0\x08\0", "header of 1 to 4 sizes; got 0"),
        (b"\0\0\x08\3" + bytes(8), "header of 1 to 4 sizes; got 3 in 12 bytes"),
        (_PLAIN[:-1], "must hold 24 elements of shape .2, 3, 4.; got 23 bytes"),
        (_PLAIN + b"x", "got 25 bytes"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), "got 0 bytes"),
        (_PACKED[:-9], "must be a whole file"),
        (
            _PACKED[:20] + b"\xff\xff\xff" + _PACKED[23:],
            "elements of shape .* at most 57,776 bytes",
        ),
        (_PACKED[:-8] + b"\xff" + _PACKED[-7:], "must be a whole file.*CRC"),
    ],
)
def test_a_broken_file_names_itself_and_the_rule(tmp_path, data, rule):
    path = tmp_path / "broken-idx3-ubyte.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"broken-idx3-ubyte.gz: .*{rule}"):
        read_idx(path)


def test_a_file_that_unpacks_to_a_gibibyte_is_refused_by_its_header(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(_bomb(2**20))
    with pytest.raises(DataError, match="bomb.gz: must hold at most 268,435,456 bytes; got 1,073"):
        read_idx(tmp_path / "bomb.gz")


def _bomb(images):
    """A gzipped idx file of black images of 32 x 32 pixels, made from one packed mebibyte."""
    header = b"\0\0\x08\3" + struct.pack(">3I", images, 32, 32)
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(header), packer.flush(zlib.Z_FULL_FLUSH)]
    part = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"".join([*parts, *[part] * (images // 2**10)])


def test_a_missing_file_names_itself(tmp_path):
    with pytest.raises(
        DataError, match="none.gz: must be a whole file, gzipped or plain; got .*No such file"
    ):
        read_idx(tmp_path / "none.gz")


@given(st.binary(max_size=40))
def test_random_bytes_are_an_array_or_a_data_error(data):
    with contextlib.suppress(DataError):
        assert decode_idx(data, "here").size <= len(data)
