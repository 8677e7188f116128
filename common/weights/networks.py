"""Checks of a network that a user passes, and of images and labels for it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arrays import as_images, as_labels
from common.chapter import own_builders
from common.errors import BackendError, SpecError, WeightsError


def spec_of(network: object) -> AnyNetSpec:
    """The spec that describes a network.

    Raises `SpecError` for a network without one, or with user-defined layers that it does not
    describe.
    """
    spec = getattr(network, "spec", None)
    if not isinstance(spec, AnyNetSpec):
        raise SpecError(f"network: must have a spec, as AnyNet has; got {_kind(network)} without")
    if own := own_builders(network):
        kind = _kind(getattr(network, "module", network))
        raise SpecError(
            f"network: its spec must describe it; got {kind}, which overrides {', '.join(own)}; "
            "get_weights(network) are its weights"
        )
    return spec


def described_by(network: object) -> AnyNetSpec | None:
    """The spec that describes a network, `None` where `spec_of` raises."""
    spec = getattr(network, "spec", None)
    return spec if isinstance(spec, AnyNetSpec) and not own_builders(network) else None


def classes_of(network: object) -> int | None:
    """The number of classes in a network's spec, `None` without a spec."""
    spec = getattr(network, "spec", None)
    return spec.num_classes if isinstance(spec, AnyNetSpec) else None


def checked_images(network: object, images: object, dtype: str) -> NDArray[Any]:
    """Images (N, C, H, W) converted for a network with weights of `dtype`: float64, else float32.

    Raises `DataError` for what is no such array, and for channels or sides that are not the spec's.
    """
    precision = np.float64 if dtype == "float64" else np.float32
    spec = getattr(network, "spec", None)
    if not isinstance(spec, AnyNetSpec):
        return as_images(images, precision)
    return as_images(images, precision, spec.in_channels, (spec.image_size, spec.image_size))


def checked_batch(
    network: object,
    images: object,
    labels: object,
    dtype: str,
    logits: Callable[[Any, NDArray[Any]], NDArray[Any]],
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Images as `checked_images` converts them, and int32 labels (N,) below the number of classes.

    - `network`, `images`, `dtype`: as in `checked_images`.
    - `labels`: (N,) integers.
    - `logits`: the package's function, which tells the number of classes without a spec.

    Raises `DataError`.
    """
    images = checked_images(network, images, dtype)
    classes = classes_of(network) or logits(network, images[:1]).shape[1]
    return images, as_labels(labels, len(images), classes)


def no_network(network: object, package: str) -> BackendError:
    """The error for an object that is no network of `package`."""
    return BackendError(
        f"network: must be one of {package} with its layers in `net`, such as "
        f'{package}.create("regnetx32") gives; got {_kind(network)}'
    )


def no_weights(network: object, remedy: str) -> WeightsError:
    """The error for a network whose weights are not allocated; `remedy` says how to."""
    return WeightsError(f"network: must have its weights; got {_kind(network)} without; {remedy}")


def _kind(network: object) -> str:
    kind = type(network)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
