"""Second derivatives of the training loss, by a complex step through the gradient."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common.reference.convolution import Array
from common.reference.network import Network, gradients

_STEP = 1e-30
"""h: its square vanishes beside any number that counts."""


def hessian_product(
    network: Network,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian H of a batch's loss in training mode, times a direction v.

    Images are (N, C, H, W) in [0, 1], labels (N,). `direction` has an array for every parameter, by
    canonical name, and so has the result.

    A complex step: the gradient at weights w + i h v has the imaginary part h H v. Nothing is
    subtracted, so h can be so small that the result is exact up to rounding, and that no unit
    crosses a ReLU's kink (Squire and Trapp, "Using complex variables to estimate derivatives of
    real functions", 1998).
    """
    arrays = network.arrays | {
        name: cast(Array, network.arrays[name] + 1j * _STEP * v.astype(np.float64))
        for name, v in direction.items()
    }
    step = gradients(replace(network, arrays=arrays), images, labels)
    return {name: np.imag(gradient) / _STEP for name, gradient in step.gradients.items()}
