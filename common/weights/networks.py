"""What is given as a network: whether it is one, has a spec, and has its weights."""

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

    Raises `SpecError` for a network that was written by hand, in part or as a whole.
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
    """The spec that describes a network, `None` for one written by hand, in part or as a whole."""
    spec = getattr(network, "spec", None)
    return spec if isinstance(spec, AnyNetSpec) and not own_builders(network) else None


def classes_of(network: object) -> int | None:
    """The number of classes that a network's spec says, `None` without a spec."""
    spec = getattr(network, "spec", None)
    return spec.num_classes if isinstance(spec, AnyNetSpec) else None


def checked_images(network: object, images: object, dtype: str) -> NDArray[Any]:
    """Images (N, C, H, W) as a network takes them: float64 for weights of that `dtype`, or float32.

    Raises `DataError` for what is no such array, and for other channels or sides than its spec's.
    """
    precision = np.float64 if dtype == "float64" else np.float32
    spec = getattr(network, "spec", None)
    if not isinstance(spec, AnyNetSpec):
        return as_images(images, precision)
    return as_images(images, precision, spec.in_channels, spec.image_size)


def checked_batch(
    network: object,
    images: object,
    labels: object,
    dtype: str,
    logits: Callable[[Any, NDArray[Any]], NDArray[Any]],
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Images as `checked_images` gives them, and labels (N,) below the number of classes, int32.

    `logits` counts the classes of a network without a spec, from its first image. Raises
    `DataError`.
    """
    images = checked_images(network, images, dtype)
    classes = classes_of(network) or logits(network, images[:1]).shape[1]
    return images, as_labels(labels, len(images), classes)


def no_network(network: object, package: str) -> BackendError:
    """The error for what is no network of a package."""
    return BackendError(
        f"network: must be one of {package} with its layers in `net`, such as "
        f'{package}.create("regnetx32") gives; got {_kind(network)}'
    )


def no_weights(network: object, remedy: str) -> WeightsError:
    """The error for a network whose weights are not allocated, and how to allocate them."""
    return WeightsError(f"network: must have its weights; got {_kind(network)} without; {remedy}")


def _kind(network: object) -> str:
    kind = type(network)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
