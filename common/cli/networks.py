"""Resolve a name, a spec file or a checkpoint to a spec or a network."""

from pathlib import Path
from typing import Any

import click

from common.arch import AnyNetSpec, find_spec
from common.cli.checkpoints import find_checkpoint, find_config
from common.errors import SpecError
from common.files import read_text
from common.weights import Arrays, load_spec, load_weights
from common.weights.foreign import INDEX_SUFFIX, SUFFIXES, is_own, read_foreign


def load_network(backend: Any, path: Path) -> Any:
    """Load a weight file of any known library in a backend. Raises `WeightsError`."""
    if not _is_foreign(path):
        return backend.load(path)
    spec, arrays = read_network(path)
    network = backend.create(spec, init="zeros")
    backend.set_weights(network, arrays)
    return network


def read_network(path: Path) -> tuple[AnyNetSpec, Arrays]:
    """Spec and arrays of a weight file of any known library. Raises `WeightsError`.

    Prints the library that the file belongs to, and which of its weights were taken, to stderr.
    """
    if not _is_foreign(path):
        return load_weights(path)
    found = read_foreign(path)
    click.echo(f"{path}: {found.origin}", err=True)
    return found.spec, found.arrays


def resolve_spec(text: str) -> AnyNetSpec:
    """The spec named by NAME, SPEC.json, a run directory, or a checkpoint of any known library.

    Raises `SpecError` or `WeightsError`.
    """
    path = Path(text)
    if path.is_dir() and (config := find_config(text)) is not None and config.spec is not None:
        return config.spec
    if _is_weight_file(path):
        path = find_checkpoint(text).path
        return read_network(path)[0] if _is_foreign(path) else load_spec(path)
    if path.suffix != ".json":
        return find_spec(text)
    content = read_text(path, "a readable spec file", SpecError)
    try:
        return AnyNetSpec.from_json(content)
    except SpecError as error:
        raise SpecError(f"{text}: {error}") from error


def _is_foreign(path: Path) -> bool:
    return not is_own(path) if path.is_file() else path.suffix != ".safetensors"


def _is_weight_file(path: Path) -> bool:
    if path.suffix == ".json":
        return path.name.endswith(INDEX_SUFFIX)
    return path.suffix in SUFFIXES or path.exists()
