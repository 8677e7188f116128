"""Reads files that were changed at random, under limits of memory and time, and prints a table.

`python -m tests.robustness --mutants 100000` is what `nox -s full` runs.
"""

import argparse
import json
import resource
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.memory import reset_peak, resident
from common.errors import MAX_REPEATED, AnyNetError
from tests.robustness.mutations import mutants
from tests.robustness.readers import Reader, readers

MAX_SECONDS = 20
"""Of a processor, for one file: another's load makes no reader slow."""

MAX_MEMORY = 1 << 30
"""That a reader may take for one file, beyond what the process has before."""

MAX_CHARACTERS = 8 * MAX_REPEATED
"""Of a message without the file's name: two lists of names and shapes, each three times as long as
what may be repeated of the file, that much of the file, and as many words of our own."""


class _LateError(BaseException):
    """Not an `Exception`, so that no reader takes it for a parser's."""


@dataclass
class Found:
    """What became of the mutants of one reader; `escaped` has what should not have happened."""

    reader: str
    mutants: int
    refused: int
    read: int
    slowest_seconds: float
    peak_mebibytes: float
    escaped: list[str]


def _late(*_: Any) -> NoReturn:
    raise _LateError(f"more than {MAX_SECONDS} seconds")


def _try(name: str, reader: Reader, number: int, seed: int, folder: Path) -> Found:
    inner = folder / name.replace(" ", "-")
    inner.mkdir()
    path = inner / (f"sample{reader.name}" if reader.name.startswith(".") else reader.name)
    samples = list(reader.samples(path))
    for sample in samples:  # all is imported now, and no sample is refused
        path.write_bytes(sample)
        reader.read(path)
    found = Found(name, number, 0, 0, 0.0, 0.0, [])
    before = reset_peak()
    for index, mutant in enumerate(mutants(samples, reader.inside, number, seed)):
        path.unlink(missing_ok=True)  # what is mapped into memory stays as it was
        path.write_bytes(mutant)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
        try:
            reader.read(path)
            found.read += 1
        except AnyNetError as error:
            found.refused += 1
            message = str(error).replace(str(path), "")
            if len(message) > MAX_CHARACTERS or "\n" in message or _repeats(message, mutant):
                found.escaped.append(f"mutant {index}: {len(message)} characters: {message!r:.300}")
        except (Exception, _LateError) as error:
            found.escaped.append(f"mutant {index}: {type(error).__name__}: {error!s:.300}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        found.slowest_seconds = max(found.slowest_seconds, time.process_time() - start)
    found.peak_mebibytes = (resident("VmHWM") - before) / 2**20
    return found


def _repeats(message: str, content: bytes) -> bool:
    """Whether a message repeats more of a file in one piece than it may."""
    text = message.encode(errors="surrogateescape")
    last = len(text) - MAX_REPEATED
    return any(text[start : start + MAX_REPEATED + 1] in content for start in range(last))


def _limit_memory() -> None:
    most = resident("VmSize") + MAX_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """Try all readers, or those that are named, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.robustness", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER")
    parser.add_argument("--mutants", type=int, default=2000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGPROF, _late)
    chosen = {n: r for n, r in readers().items() if not given.readers or n in given.readers}
    shares = sum(reader.share for reader in chosen.values())
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in chosen.items():
            number = max(1, round(given.mutants * reader.share / shares))
            if not found:
                _limit_memory()
            found.append(_try(name, reader, number, given.seed, Path(folder)))
            if not given.json:
                _print(found[-1], len(found) == 1)
    if given.json:
        print(json.dumps([asdict(item) for item in found]))
    sys.exit(any(item.escaped for item in found))


def _print(found: Found, first: bool) -> None:
    if first:
        print("| reader | mutants | refused | read | slowest (s of CPU) | peak memory (MiB) |")
        print("|---|---:|---:|---:|---:|---:|")
    print(
        f"| {found.reader} | {found.mutants:,} | {found.refused:,} | {found.read:,} "
        f"| {found.slowest_seconds:.2f} | {found.peak_mebibytes:.0f} |",
        flush=True,
    )
    for line in found.escaped[:5]:
        print(f"ESCAPED {found.reader}: {line:.200}", file=sys.stderr)


if __name__ == "__main__":
    main()
