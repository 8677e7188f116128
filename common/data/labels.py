"""Class names."""

from pathlib import Path

from common.data.fashion_mnist import CLASSES
from common.errors import DataError
from common.files import read_text

_IMAGENET = Path(__file__).with_name("imagenet") / "classes.txt"


def class_names(num_classes: int) -> tuple[str, ...]:
    """Class names by their number: Fashion-MNIST's for 10, ImageNet's for 1000, else indices."""
    if num_classes == len(CLASSES):
        return CLASSES
    if num_classes == 1000:
        return read_labels(_IMAGENET, num_classes)
    return tuple(map(str, range(num_classes)))


def read_labels(path: str | Path, num_classes: int) -> tuple[str, ...]:
    """Read class names from a text file, one per line, in the order of the labels.

    Raises `DataError` unless there are `num_classes` lines.
    """
    names = tuple(read_text(path, "a text file of class names").splitlines())
    if len(names) != num_classes:
        raise DataError(
            f"{path}: must hold one line for each of the network's {num_classes} classes; "
            f"got {len(names)} lines"
        )
    return names
