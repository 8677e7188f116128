"""Random augmentation of training images.

Crops, flips and colour offsets are drawn here, each as a function of seed, epoch and image index;
`common.data.transform` applies them.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from common.errors import ConfigError, shortened
from common.numbers import FieldChecker

Crop = Literal["none", "random_resized", "padded"]

ATTEMPTS: Final = 10
"""Random boxes to try before falling back to a centre crop, as in torchvision."""

EIGENVALUES: Final = (0.2175, 0.0188, 0.0045)
EIGENVECTORS: Final = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
"""Principal components of ImageNet's colours, rows red, green and blue, for pixels in [0, 1]
(Krizhevsky et al., 2012; the values of fb.resnet.torch and pycls)."""

MIN_ALPHA: Final = 0.05
"""Least parameter of mixup's Beta distribution; shares are close to 0 or 1 there already."""

_STREAM: Final = 11
"""Makes this random stream independent of others with the same seed."""


class Box(NamedTuple):
    """A rectangle in pixels; where it extends beyond the image, pixels are 0."""

    left: int
    top: int
    width: int
    height: int


class Draw(NamedTuple):
    """The random augmentation of one image.

    - `box`: the crop, or `None` for the whole image.
    - `flip`: whether to mirror it.
    - `offset`: added to the 3 channels of pixels in [0, 1].
    """

    box: Box | None
    flip: bool
    offset: NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """Settings of augmentation; the defaults change nothing. Raises `ConfigError`.

    - `crop`: `random_resized` resizes a random box, whose area is a fraction of the image's in
      `scale` and whose aspect ratio is in `ratio` (Szegedy et al., 2015). `padded` pads with zeros
      and crops to the input's size (He et al., 2016, for CIFAR).
    - `scale`, `ratio`: lowest and highest values of `random_resized`.
    - `padding`: pixels on each side for `padded`.
    - `flip`: whether to mirror half of the images.
    - `lighting`: standard deviation of PCA lighting (Krizhevsky et al., 2012), 0.1 in pycls.
    - `mixup`: mixes each prepared image, and its label, with another one of its batch, in a share
      drawn from Beta(`mixup`, `mixup`) (Zhang et al., 2018); 0 mixes none. Usual are 0.1 to 0.4.
    """

    crop: Crop = "none"
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    padding: int = 4
    flip: bool = False
    lighting: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        check = FieldChecker(self, ConfigError, ":")
        check.choice("crop", get_args(Crop))
        for name, highest in (("scale", 1.0), ("ratio", 100.0)):
            ends = getattr(self, name)
            check.keep(name, _rising(name, ends, highest))
        check.integer("padding", 0, 1024)
        check.number("lighting", 0, 10, "a number from 0 to 10", lambda value: 0 <= value <= 10)
        # Below MIN_ALPHA the draws depend on NumPy's version.
        check.number("mixup", 0, 100, f"0, or from {MIN_ALPHA} to 100",
                     lambda value: value == 0 or value >= MIN_ALPHA)  # fmt: skip
        check.boolean("flip")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data for JSON; without `mixup` where it is 0, as in older files."""
        values = asdict(self)
        return values if self.mixup else {n: v for n, v in values.items() if n != "mixup"}

    @property
    def changes_nothing(self) -> bool:
        """Whether images stay as they are."""
        return self.crop == "none" and not (self.flip or self.lighting or self.mixup)

    def draw(
        self, seed: int, epoch: int, index: int, size: tuple[int, int], output: tuple[int, int]
    ) -> Draw:
        """Draw the augmentation of one image in one epoch.

        It depends only on the arguments: not on the batch, the number of workers, or earlier draws.

        - `seed`, `epoch`, `index`: which draw; epochs and images count from 0.
        - `size`: (height, width) of the image.
        - `output`: (height, width) of the network's input.
        """
        stream = stream_of(_STREAM, seed, epoch, index)
        flip = bool(stream.random() < 0.5) and self.flip
        alphas = stream.standard_normal(3) * self.lighting
        offset = np.array(EIGENVECTORS) @ (alphas * np.array(EIGENVALUES))
        return Draw(self._box(stream, size, output), flip, offset)

    def _box(
        self, stream: np.random.Generator, size: tuple[int, int], output: tuple[int, int]
    ) -> Box | None:
        if self.crop == "random_resized":
            return _random_box(stream, size, self.scale, self.ratio)
        if self.crop == "padded":
            top, left = (
                int(stream.integers(-self.padding, old - new + self.padding, endpoint=True))
                if old + 2 * self.padding >= new
                else (old - new) // 2
                for old, new in zip(size, output, strict=True)
            )
            return Box(left, top, output[1], output[0])
        return None


def stream_of(stream: int, seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random numbers of one image in one epoch; Philox has one counter for each.

    `stream` makes them independent of others with the same seed.
    """
    key = np.array([seed % 2**64, stream], np.uint64)
    counter = np.array([0, 0, epoch, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _random_box(
    stream: np.random.Generator,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> Box:
    """A box of random area and aspect ratio, as torchvision's `RandomResizedCrop` draws it."""
    height, width = size
    for _ in range(ATTEMPTS):
        area = height * width * stream.uniform(*scale)
        aspect = math.exp(stream.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = (int(stream.integers(0, free, endpoint=True)) for free in
                         (width - w, height - h))  # fmt: skip
            return Box(left, top, w, h)
    w = min(width, max(1, round(height * ratio[1])))
    h = min(height, max(1, round(width / ratio[0])))
    return Box((width - w) // 2, (height - h) // 2, w, h)


def _rising(name: str, ends: Any, highest: float) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: must be two numbers; got {shortened(ends)}") from error
    if not 0 < low <= high <= highest:
        raise ConfigError(
            f"{name}: must rise from above 0 to at most {highest:g}; got {low:g} to {high:g}"
        )
    return low, high


PLAIN: Final = Augmentation()
"""Training images as they are."""

AUGMENTATIONS: Final = {
    "none": PLAIN,
    "flip": Augmentation(flip=True),
    "cifar": Augmentation("padded", padding=4, flip=True),
    "crop": Augmentation("random_resized", flip=True),
    "imagenet": Augmentation("random_resized", flip=True, lighting=0.1),
}
"""Augmentations by the name that the command line takes."""
