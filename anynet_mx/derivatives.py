"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from anynet_mx.model import AnyNet
from common.errors import BackendError

__all__ = ["hessian_product"]


def hessian_product(
    network: AnyNet,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of the loss of a batch in training mode times a direction.

    MXNet has no second derivative of most operators: raises `BackendError`.
    """
    raise BackendError(
        "hessian_product: needs second derivatives; got MXNet 1.9, which has none of convolutions, "
        "batch norms, ReLUs and softmax; use another backend"
    )
