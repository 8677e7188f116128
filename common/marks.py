"""Marks in the files that this project writes: commands may replace a marked file, and no other."""

import os
import re
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from common.files import PRODUCER, check_writable, open_regular

_LOOKED_AT = 1 << 18
"""Bytes that are searched at either end of a file."""

_NAME = re.escape(PRODUCER.encode())
_MARKS = tuple(
    re.compile(pattern.replace(b"NAME", _NAME), re.DOTALL)
    for pattern in (
        rb"\x89PNG\r\n\x1a\n.*tEXtSoftware\0NAME",
        rb"\xff\xd8\xff.*\xff\xfe\0\x08NAME\xff",  # JPEG
        rb"<\?xml .*<dc:title>NAME</dc:title>",  # SVG
        rb"%PDF-.*/Creator \(NAME\)",
        rb"%!PS-Adobe.*%%Creator: NAME\n",
        rb'<!doctype html>.*<meta name="generator" content="NAME">',
        rb'<\?xml .*<testsuites name="NAME parity"',
        rb'\{\s*"producer": "NAME"',
        rb"<!-- NAME",  # Markdown
        rb'.{8}\{"__metadata__":\{"NAME',  # safetensors
        rb"\x08.\x12\x06NAME",  # ONNX
        rb"PK\x03\x04.*extra/NAME\.json",  # torch.export
        rb".*\x06\0\0\0NAME\0\0\Z",  # jax.export
        rb"PAR1.*\x18\x08producer\x18\x06NAME",  # Parquet
        rb'"space","index","state","error","params","flops","activations"',  # CSV of a study
    )
)
"""Patterns at the beginning of this project's files, by format."""


def check_target(path: Path, overwrite: bool = False) -> None:
    """Raise `ConfigError` unless a command may write `path`: it does not exist, or is ours.

    With `overwrite`, any regular file may be replaced, but no link, folder or device.
    """
    check_writable(path)
    if path.is_symlink():
        raise ConfigError(
            f"{path}: must be a regular file or not exist; got a link; name its target"
        )
    if not path.exists():
        return
    if not path.is_file():
        kind = "folder" if path.is_dir() else "device or pipe"
        raise ConfigError(
            f"{path}: must be a regular file or not exist; got a {kind}; name another file"
        )
    if not os.access(path, os.W_OK):
        raise ConfigError(f"{path}: must be writable; got a read-only file")
    if not (overwrite or is_ours(path)):
        raise ConfigError(
            f"{path}: must be a new file or one that {PRODUCER} wrote; got another file; "
            "name another file or add --overwrite"
        )


def check_targets(paths: list[Path], overwrite: bool = False) -> None:
    """`check_target` for each file of a command, before it writes the first."""
    for path in paths:
        check_target(path, overwrite)


def is_ours(path: Path) -> bool:
    """Whether a file carries this project's mark. Only its two ends are read."""
    with open_regular(path) as file:
        ends = file.read(_LOOKED_AT)
        size = os.fstat(file.fileno()).st_size
        file.seek(max(len(ends), size - _LOOKED_AT))
        ends += file.read(_LOOKED_AT)
    return any(mark.match(ends) for mark in _MARKS)


def figure_mark(path: str | Path) -> dict[str, Any]:
    """Arguments of `savefig` that mark a picture as ours, if its format has metadata."""
    match Path(path).suffix[1:].lower():
        case "png":
            return {"metadata": {"Software": PRODUCER}}
        case "svg" | "pdf" | "ps" | "eps":
            return {"metadata": {"Creator": PRODUCER}}
        case "jpg" | "jpeg":
            return {"pil_kwargs": {"comment": PRODUCER}}
    return {}
