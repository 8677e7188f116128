"""What is known of a reader of files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robustness.mutations import Inside


@dataclass(frozen=True)
class Reader:
    """`read` raises the project's own error, or `AssertionError` for what is no valid value.

    `name` is the file's, or how it ends; `share` is how often it is tried, relative to the others.
    """

    name: str
    samples: Callable[[Path], Iterable[bytes]]
    read: Callable[[Path], Any]
    inside: Inside | None = None
    share: float = 1.0
