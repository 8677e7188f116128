"""Layers whose padding, constants and statistics are the same in all four frameworks."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mxnet import Context, autograd, np, npx
from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.contrib.nn import Identity

from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.arrays import check_pixels
from common.data import Preprocessing, check_resized, resize_matrix
from common.data.mixup import partners

# As in the chapter, arrays and the layers that make them are mxnet.np's. MXNet 1.9.1 says so by
# `logging.info`, which adds a handler to a root logger that has none: remove it again.
_handlers = logging.root.handlers[:]
npx.set_np()
logging.root.handlers[:] = _handlers

__all__ = [
    "BatchNorm",
    "Chain",
    "GlobalAvgPool",
    "ReLU",
    "SqueezeExcitation",
    "UnitNorm",
    "add",
    "layout_barriers",
    "linear",
    "mix_images",
    "no_norm",
    "norm_relu",
    "prepare_images",
    "relu",
    "relu_after",
    "resize_images",
]

Array = Any
"""An array, or a symbol in a hybridised network; `F` is the module with its operators."""

Operator = Callable[[Any, Array], Array]


def linear(channels: int, use_bias: bool = True, in_channels: int | None = None) -> nn.Dense:
    """A linear layer; without `in_channels` its weights are allocated at the first call."""
    return nn.Dense(channels, use_bias=use_bias, in_units=in_channels or 0)


class BatchNorm(nn.BatchNorm):
    """Batch norm whose running variance averages the biased batch variance.

    `momentum` is the weight of the new batch. Gluon updates the running statistics in the backward
    pass.
    """

    def __init__(
        self, in_channels: int = 0, epsilon: float = BN_EPSILON, momentum: float = BN_MOMENTUM
    ) -> None:
        old = 1 - shared_momentum(momentum)
        super().__init__(momentum=old, epsilon=epsilon, in_channels=in_channels)


class UnitNorm(BatchNorm):
    """Batch norm of (N, C), computed as (N, C, 1, 1): oneDNN's may crash on two dimensions."""

    def hybrid_forward(
        self,
        F: Any,  # noqa: N803
        x: Any,
        gamma: Any,
        beta: Any,
        running_mean: Any,
        running_var: Any,
    ) -> Any:
        """(N, C) to (N, C)."""
        pixels = F.npx.reshape(x, (-2, -2, 1, 1))
        y = super().hybrid_forward(F, pixels, gamma, beta, running_mean, running_var)
        return F.np.squeeze(y, axis=(2, 3))


def relu(F: Any, x: Array) -> Array:  # noqa: N803
    """The positive part of `x`, which keeps NaN and oneDNN's layout.

    Computed as an exponential linear unit of slope 0: `npx.activation(x, "relu")` is oneDNN's ReLU,
    which turns NaN into 0, and `npx.relu` reorders `x` to the plain layout. MXNet 1.9.1 is the last
    release, so this stays.
    """
    return F.npx.leaky_relu(x, act_type="elu", slope=0.0)


def norm_relu(F: Any, x: Array) -> Array:  # noqa: N803
    """ReLU of a batch norm's output.

    In training it is oneDNN's ReLU, which is faster and loses NaN (see `relu`). The running
    statistics still show it, and a training step checks them.
    """
    return F.npx.activation(x, act_type="relu") if autograd.is_recording() else relu(F, x)


def relu_after(norm: HybridBlock) -> Operator:
    """`norm_relu` for a batch norm, `relu` for a layer in its place."""
    return norm_relu if isinstance(norm, nn.BatchNorm) else relu


def no_norm(in_channels: int = 0) -> HybridBlock:
    """The identity, in place of a `BatchNorm` and with its arguments."""
    return Identity()


class ReLU(HybridBlock):
    """ReLU; `after_norm` says that its input comes from a `BatchNorm` (see `norm_relu`)."""

    def __init__(self, after_norm: bool = True) -> None:
        super().__init__()
        self._relu = norm_relu if after_norm else relu

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, ...) to the same shape."""
        return self._relu(F, x)


class Chain(nn.HybridSequential):
    """Blocks in order, hybridised as two graphs: one under `autograd.record`, one for other calls.

    A hybridised block has one cached graph, in which `norm_relu` would keep the operator of the
    first call. `_cached_op` and its like are private in MXNet 1.9.1, the last release.
    """

    _cached_op: Any
    _cached_graph: Any
    _cached_op_args: Any

    def __init__(self) -> None:
        super().__init__()
        self._records = False
        self._other: tuple[Any, ...] = (None, (), [])

    def _call_cached_op(self, *args: Any) -> Any:
        if self._records != autograd.is_recording():
            now = self._cached_op, self._cached_graph, self._cached_op_args
            self._cached_op, self._cached_graph, self._cached_op_args = self._other
            self._records, self._other = autograd.is_recording(), now
        return super()._call_cached_op(*args)

    def _clear_cached_op(self) -> None:
        super()._clear_cached_op()
        self._other = (None, (), [])


def add(F: Any, x: Array, y: Array) -> Array:  # noqa: N803
    """The sum of arrays of one shape; unlike `x + y`, it keeps oneDNN's layout."""
    return F.elemwise_add(x.as_nd_ndarray(), y.as_nd_ndarray()).as_np_ndarray()


def layout_barriers(
    norm: HybridBlock, in_channels: int | None, num_channels: int, strides: int, *widths: int
) -> tuple[Operator, Operator]:
    """(input barrier, layout barrier) of a block: identities that may make gradients plain.

    oneDNN blocks channels by 8 or 16. When a batch norm's input and incoming gradient use different
    blockings, it falls back to a kernel about 200 times slower; MXNet reorders a gradient only if
    it is in the plain layout. So the gradients are made plain, unless all widths are multiples of
    16 and the blocking is always 16.

    - `norm`: a norm of the block; without batch norms no barrier is needed
    - `in_channels`, `num_channels`, `strides`: those of the block
    - `widths`: channels of the other convolutions and of their groups

    The layout barrier stands in front of a ReLU, where it costs no memory: the ReLU's output is
    saved, not its input. The input barrier is needed only where the block before has another width
    or resolution. MXNet 1.9.1 is the last release, so this stays.
    """
    if not isinstance(norm, nn.BatchNorm) or _agree(in_channels, num_channels, *widths):
        return _same, _same
    goes_on = in_channels == num_channels and strides == 1
    return _same if goes_on else _plain_gradient, _plain_gradient


def _agree(*widths: int | None) -> bool:
    return all(width is not None and width % 16 == 0 for width in widths)


def _same(F: Any, x: Array) -> Array:  # noqa: N803
    return x


def _plain_gradient(F: Any, x: Array) -> Array:  # noqa: N803
    # A concatenation of one array keeps the layout of `x`, and splits gradients in the plain one.
    return F.concat(x.as_nd_ndarray(), dim=1).as_np_ndarray()


class GlobalAvgPool(HybridBlock):
    """The mean over all positions, as a matrix product, which is faster than `np.mean`.

    The gradient of Gluon's own pooling has a layout that slows down batch norms (see
    `layout_barriers`).
    """

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """(N, C, H, W) to (N, C)."""
        rows = F.reshape(x.as_nd_ndarray(), shape=(0, 0, -1))
        ones = F.ones_like(F.slice_axis(rows, axis=1, begin=0, end=1))
        sums, count = (F.batch_dot(a, ones, transpose_b=True) for a in (rows, ones))
        return F.broadcast_div(sums, count).reshape((0, -1)).as_np_ndarray()


class SqueezeExcitation(HybridBlock):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    def __init__(self, channels: int, se_channels: int) -> None:
        super().__init__()
        self.pool = GlobalAvgPool()
        self.fc1 = nn.Dense(se_channels, in_units=channels)
        self.fc2 = nn.Dense(channels, in_units=se_channels)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803
        """Scale (N, C, H, W) by gates in (0, 1)."""
        gates = F.npx.sigmoid(self.fc2(relu(F, self.fc1(self.pool(x)))))
        # As products of 1x1 matrices and rows: the gradient of `x * gates` takes 3 times as long.
        rows = F.reshape(x.as_nd_ndarray(), shape=(-3, 1, -1))
        gates = F.reshape(gates.as_nd_ndarray(), shape=(-1, 1, 1))
        return F.reshape_like(F.batch_dot(gates, rows), x.as_nd_ndarray()).as_np_ndarray()


def prepare_images(
    images: np.ndarray, preprocessing: Preprocessing, dtype: str = "float32"
) -> np.ndarray:
    """Pixels as a network sees them, on their device: resized, then `(x * scale - mean) / std`.

    (N, C, H, W) uint8 to (N, C, *size) of `dtype`; the definition is `common.data.network_input`.
    Raises `DataError` for images of another type, or for those that are to be smoothed and have
    another size.
    """
    check_resized(images.shape[2:], preprocessing)
    x = resize_images(images, preprocessing.size, dtype)
    if preprocessing.is_plain:
        return x
    mean, std = (
        np.array(values, dtype=dtype, ctx=x.ctx).reshape(-1, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    return (x * (255 * preprocessing.scale) - mean) / std


def mix_images(images: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Mixup of prepared images (N, ...) by the share (N,) of each that is its own.

    The definition is `common.data.mixup.mixed`.
    """
    own = shares.reshape(-1, *(1,) * (images.ndim - 1))
    others = np.array(partners(len(images)), dtype="int64", ctx=images.ctx)
    return own * images + (1 - own) * np.take(images, others, axis=0)


def resize_images(images: np.ndarray, size: tuple[int, int], dtype: str = "float32") -> np.ndarray:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, C, H, W) uint8 to (N, C, *size) of `dtype`; the definition is `common.data.prepare`.
    Raises `DataError` for images of another type.
    """
    check_pixels(images.shape, images.dtype)
    x = images.astype(dtype) / 255
    height, width = images.shape[2:]
    if (height, width) == tuple(size):
        return x
    rows = _resize_matrix(height, size[0], x.ctx, dtype)
    columns = _resize_matrix(width, size[1], x.ctx, dtype)
    # Two products of matrices: a batched product would copy the matrix for every image.
    lines = np.dot(x.reshape(-1, width), columns.T).reshape(-1, height, size[1])
    lines = np.dot(lines.transpose(0, 2, 1).reshape(-1, height), rows.T)
    return lines.reshape(-1, size[1], size[0]).transpose(0, 2, 1).reshape(*images.shape[:2], *size)


@lru_cache
def _resize_matrix(old: int, new: int, context: Context, dtype: str) -> np.ndarray:
    return np.array(resize_matrix(old, new), dtype=dtype, ctx=context)
