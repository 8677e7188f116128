"""From a name, a spec file or a checkpoint to the spec it means."""

from pathlib import Path

from common.arch import DEFAULT_IMAGE_SIZE, IMAGENET_IMAGE_SIZE, AnyNetSpec, find_spec, image_shape
from common.errors import SpecError
from common.training.run import MODEL
from common.weights import load_spec
from common.weights.foreign import SUFFIXES, import_weights, is_own


def checkpoint_path(text: str) -> Path:
    """The weight file that `text` names: a file, or the model of a run directory."""
    path = Path(text)
    return path / MODEL if path.is_dir() else path


def choose_image_size(spec: AnyNetSpec, given: int | None = None) -> int:
    """Side in pixels of the images that a network sees.

    It is the one that is given, or that of an mlp, or ImageNet's in colour, else the chapter's.
    Raises `SpecError` when an mlp takes another one.
    """
    known = IMAGENET_IMAGE_SIZE if spec.in_channels == 3 else DEFAULT_IMAGE_SIZE
    return image_shape(spec, given or spec.image_size or known)[1]


def resolve_spec(text: str) -> AnyNetSpec:
    """The spec of a NAME, a SPEC.json, a run directory, or a checkpoint of any known library.

    Raises `SpecError` or `WeightsError`.
    """
    path = Path(text)
    if path.suffix in SUFFIXES or path.is_dir():
        path = checkpoint_path(text)
        foreign = path.suffix != ".safetensors" or (path.is_file() and not is_own(path))
        return import_weights(path)[0] if foreign else load_spec(path)
    if path.suffix != ".json":
        return find_spec(text)
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{text}: must be a readable spec file; got {error}") from error
    try:
        return AnyNetSpec.from_json(content)
    except SpecError as error:
        raise SpecError(f"{text}: {error}") from error
