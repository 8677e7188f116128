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
    """The Hessian of a batch's loss in training mode times a direction.

    Raises `BackendError`: MXNet 1.9 has no second derivatives of convolutions, batch norms, ReLUs
    and softmax (`SUPPORTS_SECOND_DERIVATIVES` is False).
    """
    raise BackendError(
        "hessian_product: needs second derivatives; got MXNet 1.9, which has none of convolutions, "
        "batch norms, ReLUs and softmax; use another backend"
    )
