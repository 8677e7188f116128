"""Digests of plain data, which show whether a JSON file is as it was written."""

import json
from typing import Any

import xxhash


def digest_of(values: Any) -> str:
    """XXH3-128 of plain data; neither the order of keys nor 1 instead of 1.0 changes it."""
    return xxhash.xxh3_128_hexdigest(json.dumps(_plain(values), sort_keys=True).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
