"""Layers with the padding, constants and statistics that all four frameworks share."""

from functools import lru_cache

from mxnet import Context, np, npx
from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.contrib.nn import Identity

from common.arch import BN_EPSILON, BN_MOMENTUM, shared_momentum
from common.data import resize_matrix

npx.set_np()  # as in the chapter: arrays, and the layers that make them, are mxnet.np's

__all__ = ["SqueezeExcitation", "conv", "norm", "resize_images"]


def conv(
    channels: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    in_channels: int | None = None,
) -> nn.Conv2D:
    """A convolution padded alike on all sides, so that stride 1 keeps the size.

    Without `in_channels` the kernel is allocated at the first call.
    """
    padding = (kernel_size - 1) // 2
    return nn.Conv2D(
        channels,
        kernel_size,
        strides,
        padding,
        groups=groups,
        use_bias=use_bias,
        in_channels=in_channels or 0,
    )


def norm(
    in_channels: int,
    epsilon: float = BN_EPSILON,
    momentum: float = BN_MOMENTUM,
    batch_norm: bool = True,
) -> HybridBlock:
    """Batch norm, or nothing in a network without; `momentum` is the weight of the new batch.

    Gluon averages the biased batch variance, in the backward pass.
    """
    if not batch_norm:
        return Identity()
    return nn.BatchNorm(
        momentum=1 - shared_momentum(momentum), epsilon=epsilon, in_channels=in_channels
    )


class SqueezeExcitation(HybridBlock):
    """A gate per channel, computed from the mean of all channels (Hu et al., 2018)."""

    def __init__(self, channels: int, se_channels: int) -> None:
        super().__init__()
        self.pool = nn.GlobalAvgPool2D()
        self.fc1 = nn.Dense(se_channels, in_units=channels)
        self.fc2 = nn.Dense(channels, in_units=se_channels)

    def hybrid_forward(self, F, x):  # noqa: N803
        """Scale (N, C, H, W) by gates in (0, 1)."""
        gates = F.npx.sigmoid(self.fc2(F.npx.relu(self.fc1(self.pool(x)))))
        return x * F.np.expand_dims(F.np.expand_dims(gates, 2), 3)


def resize_images(images: np.ndarray, size: tuple[int, int], dtype: str = "float32") -> np.ndarray:
    """Scale uint8 images to [0, 1] and resize them bilinearly, on their device.

    (N, C, H, W) uint8 to (N, C, *size) of `dtype`; the definition is `common.data.prepare`.
    """
    x = images.astype(dtype) / 255
    height, width = images.shape[2:]
    if (height, width) == tuple(size):
        return x
    rows = _resize_matrix(height, size[0], x.ctx, dtype)
    columns = _resize_matrix(width, size[1], x.ctx, dtype)
    # Two products of plain matrices: MXNet would copy a matrix for every image of a stack.
    lines = np.dot(x.reshape(-1, width), columns.T).reshape(-1, height, size[1])
    lines = np.dot(lines.transpose(0, 2, 1).reshape(-1, height), rows.T)
    return lines.reshape(-1, size[1], size[0]).transpose(0, 2, 1).reshape(*images.shape[:2], *size)


@lru_cache
def _resize_matrix(old: int, new: int, context: Context, dtype: str) -> np.ndarray:
    return np.array(resize_matrix(old, new), dtype=dtype, ctx=context)
