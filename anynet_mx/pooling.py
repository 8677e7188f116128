"""Max pooling with symmetric padding."""

from typing import Any

from mxnet import autograd
from mxnet.gluon import HybridBlock

from anynet_mx.layers import Array

__all__ = ["MaxPool"]


class MaxPool(HybridBlock):
    """3x3 max pooling of stride 2, which keeps NaN; the first maximum gets the gradient.

    `after_norm` says that its input comes from a `BatchNorm` and ReLU: in training, the running
    statistics show NaN, which is lost here, too (see `norm_relu`).
    """

    def __init__(self, after_norm: bool = True) -> None:
        super().__init__()
        self._after_norm = after_norm

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, C, H / 2, W / 2), rounded up."""
        y = _pool(F, x)
        if self._after_norm and autograd.is_recording():
            return y
        lost = _pool(F, F.np.isnan(x).astype("float32"))
        return F.np.where(lost > 0, F.np.full_like(y, float("nan")), y)


def _pool(F: Any, x: Array) -> Array:  # noqa: N803
    """Max pooling that loses NaN, as oneDNN's does."""
    return F.npx.pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
