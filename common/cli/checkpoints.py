"""Resolve CHECKPOINT or RUN on the command line to a weight file and the settings of its run."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from common.arch import DEFAULT_IMAGE_SIZE, IMAGENET_IMAGE_SIZE, AnyNetSpec, image_shape
from common.cli.commands import command_line
from common.data import ImageDescription, Preprocessing
from common.errors import ConfigError, WeightsError
from common.training import TrainConfig, read_config, read_record
from common.training.rows import END
from common.training.run import BEST, CHECKPOINT, CONFIG, MODEL, RECORD
from common.weights import load_description, load_spec
from common.weights.foreign import ForeignImages, describe_images, is_own, model_in
from common.weights.hub import is_remote, local_path

_OF_A_RUN = (MODEL, BEST, CHECKPOINT)
"""Files of a run that contain the network described by its config."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Checkpoint:
    """A weight file and, if it is in a run directory, the settings of that run."""

    path: Path
    config: TrainConfig | None = None

    @cached_property
    def images(self) -> ImageDescription | None:
        """What the file says of its images. Prints to stderr what another library's implies."""
        return described(self.path)

    def origin(self, size: Size, data: str | None = None) -> str:
        """How image size and data differ from those of the run, for a message."""
        if self.config is None and self.images is not None:
            usual = self.images.preprocessing.size
            return "as the file says" if usual == size else f"the file says {sized(usual)}"
        if self.config is None:
            return "not in a run directory, so its training settings are unknown"
        own = []
        if self.config.resize != size:
            own.append(f"its run was trained at {sized(self.config.resize)}")
        if data is not None and self.config.data != data:
            own.append(f"its run was trained on --data {self.config.data}")
        if self.config.precision != "float32":
            own.append(f"computed in float32, but its run in {self.config.precision}")
        if self.path.name == CHECKPOINT and (images := self.config.precise_bn):
            own.append(
                f"batch-norm statistics are those in the file; its run recomputes them "
                f"over {images} images before validation (--precise-bn {images})"
            )
        return "; ".join(own) or "as its run was trained"


def choose_image_size(
    spec: AnyNetSpec,
    given: int | Size | None = None,
    config: TrainConfig | None = None,
    usual: Size | None = None,
) -> Size:
    """(height, width) of a network's input images.

    In order of precedence: `given`, an MLP's own size, the size of the run, `usual`, and the
    default, which is ImageNet's for colour images and the chapter's for others. Raises `SpecError`
    for a size that an MLP does not accept.
    """
    known = IMAGENET_IMAGE_SIZE if spec.in_channels == 3 else DEFAULT_IMAGE_SIZE
    size = given or spec.image_size or (config.resize if config else usual or known)
    _, height, width = image_shape(spec, size)
    return height, width


def find_checkpoint(text: str) -> Checkpoint:
    """The weight file that `text` names: a file, or the trained network of a run's directory.

    A name such as `timm:regnety_004` means a file that is fetched unless it is in the cache. Raises
    `ConfigError` for a directory without one, and `WeightsError` if a run's weights do not match
    its config, or if they cannot be fetched.
    """
    path = local_path(text)
    if is_remote(text):
        click.echo(f"{text}: {path}", err=True)
    if not path.is_dir():
        return Checkpoint(path, _config_beside(path))
    config = _run_config(path)
    model = path / MODEL if config is not None else model_in(path)
    if not model.is_file():
        raise ConfigError(_without_model(path, config))
    if config is not None:
        _check_network(model, config)
        if _went_on(path):
            click.echo(
                f"{model}: predates the run's resumption, and the run is not finished; its "
                f"latest network is {path / CHECKPOINT}",
                err=True,
            )
    return Checkpoint(model, config)


def find_config(text: str) -> TrainConfig | None:
    """The config of the run that `text` names, or that contains the weight file `text`."""
    path = Path(text)
    return _run_config(path) if path.is_dir() else _config_beside(path)


def described(path: Path) -> ImageDescription | None:
    """What a weight file says of its images; None for older files and unknown preprocessing.

    What another library's file implies is printed to stderr.
    """
    if not path.is_file() or is_own(path):
        return load_description(path) if path.is_file() else None
    found = describe_images(path)
    if found is not None:
        click.echo(f"{path}: {prepared_as(found)}", err=True)
    return None if found is None else found.images


def prepared_as(found: ForeignImages) -> str:
    """How images are prepared, and from where that is known, as text for messages."""
    seen = found.images.preprocessing
    named = f", {len(found.images.classes)} class names" if found.images.classes else ""
    return (
        f"images {found.origin}: {geometry(seen)}, "
        f"mean {_numbers(seen.mean)}, std {_numbers(seen.std)}{named}"
    )


def geometry(seen: Preprocessing) -> str:
    """How images are resized and cropped, as text for messages."""
    way = "shorter side" if seen.resize == "short_side" else "both sides"
    to = f"{way} to {seen.resize_to}, centre crop of " if seen.resize_to else "stretched to "
    return f"{to}{sized(seen.size)} pixels, {seen.interpolation}"


def seen_at(images: ImageDescription | None, size: Size) -> Preprocessing | None:
    """The preprocessing of a file at another size; `None` where the file does not say it."""
    return images.preprocessing.at_size(size) if images else None


def sized(size: Size) -> str:
    """Height and width, as in 28x28."""
    return f"{size[0]}x{size[1]}"


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _config_beside(path: Path) -> TrainConfig | None:
    """The config of the run that contains a weight file or a link to it."""
    if not path.is_file() or not is_own(path):
        return None
    for folder in dict.fromkeys((path.parent, path.resolve().parent)):
        config = _run_config(folder)
        if config is None or config.spec is None:
            continue
        if path.name in _OF_A_RUN:
            _check_network(path, config)
        if load_spec(path).in_channels == config.spec.in_channels:
            return config
    return None


def _run_config(folder: Path) -> TrainConfig | None:
    """The config of the run in `folder`; None if config.json is another program's."""
    path = folder / CONFIG
    if not path.is_file():
        return None
    return read_config(folder) if (folder / RECORD).exists() or _is_ours(path) else None


def _is_ours(path: Path) -> bool:
    """Whether a config.json is a run's; Hugging Face models have one, too."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and {"recipe", "resize", "backend"} <= values.keys()


def _check_network(path: Path, config: TrainConfig) -> None:
    if load_spec(path) != config.spec:
        raise WeightsError(
            f"{path}: must contain the network of the {CONFIG} beside it; got another one; "
            "move the file to another directory to use it on its own"
        )


def _went_on(run: Path) -> bool:
    """Whether a finished run was resumed since and has not finished again."""
    rows = read_record(run / RECORD) if (run / RECORD).exists() else []
    return bool(rows) and rows[-1]["kind"] != END


def _without_model(folder: Path, config: TrainConfig | None) -> str:
    if config is None:
        return (
            f"{folder}: must be a weight file or a run directory; got a directory without {MODEL}"
        )
    there = [str(folder / name) for name in (BEST, CHECKPOINT) if (folder / name).is_file()]
    instead = f", or use {' or '.join(there)}" if there else ""
    return (
        f"{folder}: must be a finished run; got one without {MODEL}; "
        f"continue it with {command_line('anynet', 'train', '--resume', folder)}{instead}"
    )
