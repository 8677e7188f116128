"""Arrays that users pass, converted to NumPy's and checked."""

import re
import warnings
from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from common.errors import AnyNetError, DataError, shortened, told

_NUMBERS = "biuf"
"""Kinds of NumPy dtypes that are real numbers: bool, int, unsigned, float."""

_MAX_EXCESS = 1e-3
"""How far the sum of an image's target probabilities may be from 1: they may be of 16 bits."""


def as_array(
    value: object, what: str = "array", error: type[AnyNetError] = DataError
) -> NDArray[Any]:
    """Any array-like of real numbers as a NumPy array, in its own dtype and memory layout.

    Accepts nested lists and the frameworks' arrays on any device; bfloat16 becomes float32. Raises
    `error` for text, objects, complex numbers, ragged lists and masked values.
    """
    array = value if type(value) is np.ndarray else _converted(value, what, error)
    if array.dtype.kind not in _NUMBERS and array.dtype.name == "bfloat16":
        return array.astype(np.float32)  # ml_dtypes' bfloat16 has kind "V"
    if array.dtype.kind not in _NUMBERS:
        kind = "a ragged list or objects" if array.dtype == object else shortened(str(array.dtype))
        raise error(f"{what}: must be an array of real numbers; got {kind}")
    return array


def _converted(value: Any, what: str, error: type[AnyNetError]) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise error(f"{what}: must have no masked values; got some; fill them first")
    try:
        if hasattr(value, "asnumpy"):  # MXNet's: np.asarray would copy it element by element
            value = value.asnumpy()
        elif hasattr(value, "detach"):  # PyTorch's: may be on a GPU or require a gradient
            value = value.detach().cpu()
            value = value.float() if "bfloat16" in str(value.dtype) else value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy below 1.24 warns of ragged lists
            return np.asarray(value)
    except Exception as cause:
        got = told(cause)
        raise error(f"{what}: must be an array of real numbers; got {got}") from cause


def in_layout(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """`array` as a writable `dtype` array in C order; not copied if it is one already.

    Values beyond the range of `dtype` become infinite.
    """
    with np.errstate(over="ignore"):
        return np.require(array, dtype, ("C_CONTIGUOUS", "ALIGNED", "WRITEABLE"))


def as_images(
    images: object,
    dtype: DTypeLike,
    channels: int | None = None,
    size: tuple[int | None, int | None] = (None, None),
) -> NDArray[Any]:
    """Images (N, C, H, W) of real numbers as `dtype`; N may be 0.

    `channels` and `size` (height, width) are what the network takes, None for any. Integers are not
    scaled. Raises `DataError` for another shape, and for finite values beyond the range of `dtype`.
    """
    array = as_array(images, "images")
    _check_shape(array.shape, channels, size)
    converted = in_layout(array, dtype)
    narrower = array.dtype.kind == "f" and array.dtype.itemsize > converted.dtype.itemsize
    if narrower and (np.isinf(converted) & np.isfinite(array)).any():
        raise DataError(
            f"images: must be within the range of {converted.dtype}; "
            f"got {np.abs(array[np.isfinite(array)]).max()}"
        )
    return converted


def as_pixels(images: object, channels: int | None = None) -> NDArray[np.uint8]:
    """Images (N, C, H, W) of integers from 0 to 255 as uint8; N may be 0. Raises `DataError`."""
    array = as_array(images, "images")
    if array.dtype != np.uint8:
        if array.dtype.kind not in "iu":
            raise DataError(
                f"images: must be pixels, integers from 0 to 255; got {array.dtype}; "
                "`logits` and `common.data.PreparedBatches` take images that are prepared already"
            )
        if array.size and not (array.min() >= 0 and array.max() <= 255):
            raise DataError(
                f"images: must be pixels from 0 to 255; got {array.min()} to {array.max()}"
            )
    _check_shape(array.shape, channels)
    return in_layout(array, np.uint8)


def check_pixels(shape: Sized, dtype: object) -> None:
    """Raise `DataError` unless a framework's array has four axes and type uint8."""
    name = re.findall(r"\w+", str(dtype))[-1]  # frameworks write torch.uint8 or <dtype: 'uint8'>
    if name != "uint8" or len(shape) != 4:
        raise DataError(
            f"images: must be pixels, uint8 of four axes; got {shortened(name)} of {len(shape)}; "
            "images that are scaled already are resized by the framework's own function"
        )


def as_labels(
    labels: object, images: int, classes: int, whose: str = "the network's classes"
) -> NDArray[np.int32]:
    """One label from 0 to `classes` - 1 for each of `images` images, as int32 (images,).

    Messages say `whose` these classes are. Raises `DataError`, also if `images` is 0.
    """
    numbers = as_array(labels, "labels")
    if not images:
        raise DataError("images: must be one at least to learn from; got none")
    if numbers.dtype.kind not in "iu":
        raise DataError(f"labels: must be integers; got {numbers.dtype}")
    if numbers.shape != (images,):
        raise DataError(
            f"labels: must be one for each image, of shape ({images},); "
            f"got {shortened(str(numbers.shape))}"
        )
    smallest, largest = numbers.min(), numbers.max()
    if smallest < 0 or largest >= classes:
        raise DataError(
            f"labels: must be from 0 to {classes - 1}, {whose}; got {smallest} to {largest}"
        )
    return in_layout(numbers, np.int32)


def as_targets(labels: object, images: int, classes: int) -> NDArray[np.float64]:
    """Probabilities of the classes for each of `images` images, as float64 (images, classes).

    Raises `DataError` unless they are finite, not negative, and sum to 1 within 0.001.
    """
    targets = as_array(labels, "labels").astype(np.float64)
    if targets.shape != (images, classes):
        raise DataError(
            "labels: must be integers, one for each image, or target probabilities of shape "
            f"({images}, {classes}); got {shortened(str(targets.shape))}"
        )
    if not (np.isfinite(targets).all() and targets.min(initial=0.0) >= 0):
        raise DataError(
            "labels: target probabilities must be finite and at least 0; got "
            f"{targets.min():g} to {targets.max():g}"
        )
    sums = targets.sum(1)
    if (wrong := np.abs(sums - 1) > _MAX_EXCESS).any():
        raise DataError(
            "labels: target probabilities of an image must sum to 1; got "
            f"{sums[wrong][0]:g} for image {int(wrong.argmax())} of the batch"
        )
    return targets


def as_shares(shares: object, images: int) -> NDArray[np.float64]:
    """A share from 0 to 1 for each of `images` images, as float64 (images,). Raises `DataError`."""
    numbers = as_array(shares, "shares").astype(np.float64)
    if numbers.shape != (images,):
        raise DataError(
            f"shares: must be one for each image, of shape ({images},); "
            f"got {shortened(str(numbers.shape))}"
        )
    if not ((numbers >= 0) & (numbers <= 1)).all():
        raise DataError(f"shares: must be from 0 to 1; got {numbers.min()} to {numbers.max()}")
    return numbers


def never_empty(images: NDArray[Any]) -> NDArray[Any]:
    """`images`, or one black image if there are none: frameworks fail on an empty batch.

    Callers keep the first `len(images)` outputs.
    """
    return images if len(images) else np.zeros((1, *images.shape[1:]), images.dtype)


def _check_shape(
    shape: tuple[int, ...],
    channels: int | None,
    size: tuple[int | None, int | None] = (None, None),
) -> None:
    wanted = (channels, *size)
    if (
        len(shape) == 4
        and min(shape[1:]) > 0
        and all(want in (None, got) for want, got in zip(wanted, shape[1:], strict=True))
    ):
        return
    names = (channels or "channels", size[0] or "height", size[1] or "width")
    raise DataError(
        f"images: must have the shape (N, {names[0]}, {names[1]}, {names[2]}); "
        f"got {shortened(str(shape))}{_remedy(shape, channels)}"
    )


def _remedy(shape: tuple[int, ...], channels: int | None) -> str:
    if channels is None:
        return ""
    if len(shape) == 4 and shape[3] == channels and shape[1] != channels:
        return "; images.transpose(0, 3, 1, 2) puts the channels first"
    if len(shape) == 3 and shape[0] == channels:
        return "; images[None] is a batch of one image"
    if len(shape) == 3 and channels == 1:
        return "; images[:, None] has a channel"
    return ""
