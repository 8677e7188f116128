"""Second derivatives of the training loss, by a complex step through the gradient."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common.reference.network import Network, gradients
from common.reference.ops import Array

_STEP = 1e-30


def hessian_product(
    network: Network,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of the loss of a batch in training mode times a direction.

    Images are NCHW in [0, 1], `direction` holds an array for every parameter by canonical name, and
    so does the result. The gradient of weights w + i h v has the imaginary part h H v: exact up to
    rounding, for nothing is subtracted, and no step is long enough to cross a ReLU's kink.
    """
    moved = {
        name: cast(Array, array + 1j * _STEP * direction[name].astype(np.float64))
        if name in direction
        else array
        for name, array in network.arrays.items()
    }
    step = gradients(replace(network, arrays=moved), images, labels)
    return {name: np.imag(gradient) / _STEP for name, gradient in step.gradients.items()}
