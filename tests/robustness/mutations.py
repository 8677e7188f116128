"""Files changed at random: flipped bits, cuts, splices, numbers and headers that lie."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from random import Random

Mutation = Callable[[bytes, Random], bytes]
Inside = Callable[[bytes, Callable[[bytes], bytes]], bytes]
"""Changes what is inside of a container, whose lengths and check sums then fit again."""

_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_VALUES = (
    b"0", b"-1", b"1.5", b"1e999", b"-1e999", b"NaN", b"null", b"true", b'""', b"[]", b"{}",
    b"[[]]", b"1000000000000", b"9223372036854775808", b"1" + b"0" * 400, b"9" * 5000,
    b'"' + b"x" * 5000 + b'"', b"[" * 3000, b'{"a":' * 3000, b"\xff", b"\x00", b"*a", b"&a",
)  # fmt: skip
_WORDS = (0, 1, 0x7F, 0xFF, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


def _flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _flip_header(data: bytes, random: Random) -> bytes:
    return _flip(data[:128], random) + data[128:]


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def _insert(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + random.randbytes(random.randint(1, 64)) + data[at:]


def _delete(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.randint(1, 64) :]


def _repeat(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    end = random.randint(start, len(data))
    return data[:end] + data[start:end] * random.randint(1, 20) + data[end:]


def _shuffle(data: bytes, random: Random) -> bytes:
    """Two pieces of the file change places."""
    a, b, c = sorted(random.randrange(len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _number(data: bytes, random: Random) -> bytes:
    """A number in text becomes another value."""
    found = list(_NUMBER.finditer(data[:20_000]))
    if not found:
        return _word(data, random)
    chosen = random.choice(found)
    return data[: chosen.start()] + random.choice(_VALUES) + data[chosen.end() :]


def _word(data: bytes, random: Random) -> bytes:
    """A binary number, mostly in the header, becomes an extreme one."""
    size = random.choice((1, 2, 4, 8))
    word = random.choice(_WORDS) % 2 ** (8 * size)
    at = random.randrange(min(len(data), random.choice((64, 512, len(data)))))
    return data[:at] + word.to_bytes(size, random.choice(("little", "big"))) + data[at + size :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip, _flip_header, _truncate, _insert, _delete, _repeat, _shuffle, _number, _number, _word,
)  # fmt: skip


def mutants(samples: list[bytes], inside: Inside | None, number: int, seed: int) -> Iterator[bytes]:
    """So many changed files, one in ten of the ends of one sample and the beginning of another."""
    random = Random(seed)
    for _ in range(number):
        sample = random.choice(samples)
        if random.random() < 0.1:
            other = random.choice(samples)
            yield sample[: random.randrange(len(sample))] + other[random.randrange(len(other)) :]
            continue

        def change(data: bytes) -> bytes:
            for _ in range(random.choice((1, 1, 2, 3))):
                data = random.choice(MUTATIONS)(data, random) if data else data
            return data

        wrapped = inside is not None and random.random() < 0.7
        yield inside(sample, change) if wrapped else change(sample)


def inside_gzip(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The unpacked content is changed."""
    packed = data[:2] == b"\x1f\x8b"
    return gzip.compress(change(gzip.decompress(data)), 1) if packed else change(data)


def inside_zip(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The smallest member, which describes the others, or the first is changed."""
    target = io.BytesIO()
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return change(data)
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        names = old.namelist()
        chosen = next((name for name in names if name.endswith("data.pkl")), names[0])
        for name in names:
            content = old.read(name)
            new.writestr(name, change(content) if name == chosen else content)
    return target.getvalue()


def inside_safetensors(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The JSON header is changed and its length is told."""
    length = int.from_bytes(data[:8], "little")
    header = change(data[8 : 8 + length])
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def inside_png(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A chunk of a PNG is changed and its check sum fits."""
    if data[:4] != b"\x89PNG":
        return change(data)
    parts, at = [data[:8]], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = change(data[at + 8 : at + 8 + length]) if kind != b"IEND" else b""
        check = zlib.crc32(kind + content)
        parts.append(struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", check))
        at += 12 + length
    return b"".join(parts)
