"""Convolutions with symmetric padding, and fast grouped ones."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from common.errors import SpecError

__all__ = ["GroupedConv2D", "conv"]

Operation = Callable[..., tf.Tensor]


@keras.saving.register_keras_serializable(package="anynet")
class GroupedConv2D(keras.layers.Conv2D):
    """A grouped convolution with symmetric padding, so that stride 1 keeps the size.

    `native` selects the implementation:

    - `True`: TensorFlow's own grouped operation, whose gradient exists only with oneDNN or on a GPU
    - `False`: one dense convolution per group, concatenated
    - `None`: TensorFlow's depthwise operation for one channel per group; else native where it has
      gradients, or dense ones

    Keras 3.15 compiles grouped convolutions with XLA, which takes 20 times as long on CPUs as
    TensorFlow's operation. This class can go when Keras no longer does.

    The other arguments are those of `keras.layers.Conv2D`. Raises `SpecError` for an even kernel or
    a dilation.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        groups: int = 1,
        use_bias: bool = True,
        native: bool | None = None,
        **kwargs: Any,
    ) -> None:
        # "same" is for Keras's computation of the output shape; `call` pads by itself.
        fixed = {"padding": "same", "data_format": "channels_last"}
        super().__init__(
            filters, kernel_size, strides, groups=groups, use_bias=use_bias, **{**kwargs, **fixed}
        )
        self.native = native
        if any(size % 2 == 0 for size in self.kernel_size):
            raise SpecError(f"kernel_size: must be odd; got {kernel_size}")
        if self.dilation_rate != (1, 1):
            raise SpecError(f"dilation_rate: must be 1; got {self.dilation_rate}")

    def call(self, inputs: tf.Tensor, cancelled: bool = False) -> tf.Tensor:
        """(N, H, W, C) to (N, H / strides, W / strides, filters), rounded up.

        `cancelled` says that a batch norm follows, which subtracts the bias with the mean of the
        batch: the gradient of the bias is 0, and is not computed.
        """
        kernel = tf.convert_to_tensor(self.kernel)
        bias = tf.convert_to_tensor(self.bias) if self.use_bias else None
        is_linear = self.activation in (None, keras.activations.linear)
        if cancelled and is_linear and bias is not None:
            # Its gradient of 0 comes by the kernel, which is small. `tf.stop_gradient` alone leaves
            # none, of which Keras warns; `tf.custom_gradient` would keep every graph alive.
            kernel, bias = kernel + 0 * bias, tf.stop_gradient(bias)
        channels, choose = inputs.shape[-1], self.native is None
        if self.groups == 1 and self.kernel_size == self.strides == (1, 1):
            outputs = _matmul(inputs, kernel[0, 0], bias)
        elif choose and channels == self.groups == self.filters > 1:
            outputs = self._convolve(
                inputs, tf.transpose(kernel, (0, 1, 3, 2)), bias, tf.nn.depthwise_conv2d
            )
        elif self.groups == 1 or self.native or (choose and _has_gradients(inputs)):
            outputs = self._convolve(inputs, kernel, bias)
        else:
            split = (
                [None] * self.groups if part is None else tf.split(part, self.groups, axis=-1)
                for part in (inputs, kernel, bias)
            )
            outputs = tf.concat([self._convolve(*parts) for parts in zip(*split, strict=True)], -1)
        return outputs if self.activation is None else self.activation(outputs)

    def _convolve(
        self,
        inputs: tf.Tensor,
        kernel: tf.Tensor,
        bias: tf.Tensor | None,
        operation: Operation = tf.nn.conv2d,
    ) -> tf.Tensor:
        strides = (1, *self.strides, 1)
        if self.strides == (1, 1) or self.kernel_size == (1, 1):
            # Without a stride, or for a 1x1 kernel, "SAME" is symmetric, and its gradient is fast.
            outputs = operation(inputs, kernel, strides, "SAME")
        else:
            sides = [[(size - 1) // 2] * 2 for size in self.kernel_size]
            inputs = tf.pad(inputs, [[0, 0], *sides, [0, 0]])
            outputs = operation(inputs, kernel, strides, "VALID")
        return outputs if bias is None else tf.nn.bias_add(outputs, bias)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "native": self.native}


def _has_gradients(inputs: tf.Tensor) -> bool:
    """Whether TensorFlow has the gradient of a grouped convolution of `inputs` on their device."""
    on_gpu = "GPU" in inputs.device if inputs.device else tf.config.list_logical_devices("GPU")
    return bool(on_gpu) or _has_gradients_on_cpu(inputs.dtype)


@cache
def _has_gradients_on_cpu(dtype: tf.DType) -> bool:
    with tf.init_scope(), tf.device("CPU"):  # runs now, also while a function is being traced
        image, kernel = tf.zeros((1, 1, 1, 2), dtype), tf.zeros((1, 1, 1, 2), dtype)
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=image.shape,
                filter=kernel,
                out_backprop=image,
                strides=[1, 1, 1, 1],
                padding="SAME",
            )
        except tf.errors.InvalidArgumentError:
            return False
    return True


def _matmul(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    """A 1x1 convolution as one matrix product, which is faster on CPUs (TensorFlow 2.21)."""
    outputs = tf.matmul(tf.reshape(inputs, (-1, inputs.shape[-1])), kernel)
    if bias is not None:
        outputs = tf.nn.bias_add(outputs, bias)
    return tf.reshape(outputs, tf.concat([tf.shape(inputs)[:-1], kernel.shape[1:]], 0))


@keras.saving.register_keras_serializable(package="anynet")
def conv(
    channels: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    **kwargs: Any,
) -> keras.layers.Layer:
    """A convolution with symmetric padding, so that stride 1 keeps the size.

    `kernel_size` is odd. The kernel is allocated at the first call.
    """
    return GroupedConv2D(channels, kernel_size, strides, groups, use_bias, **kwargs)
