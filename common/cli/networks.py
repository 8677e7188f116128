"""From a name, a spec file or a checkpoint to the spec it means."""

from pathlib import Path

from common.arch import AnyNetSpec, find_spec
from common.cli.checkpoints import find_checkpoint, find_config
from common.errors import SpecError
from common.files import read_text
from common.weights import load_spec
from common.weights.foreign import SUFFIXES, import_weights, is_own


def resolve_spec(text: str) -> AnyNetSpec:
    """The spec of a NAME, a SPEC.json, a run directory, or a checkpoint of any known library.

    Raises `SpecError` or `WeightsError`.
    """
    path = Path(text)
    if path.is_dir() and (config := find_config(text)) is not None and config.spec is not None:
        return config.spec
    if path.suffix in SUFFIXES or path.is_dir():
        path = find_checkpoint(text).path
        foreign = path.suffix != ".safetensors" or (path.is_file() and not is_own(path))
        return import_weights(path)[0] if foreign else load_spec(path)
    if path.suffix != ".json":
        return find_spec(text)
    content = read_text(path, "a readable spec file", SpecError)
    try:
        return AnyNetSpec.from_json(content)
    except SpecError as error:
        raise SpecError(f"{text}: {error}") from error
