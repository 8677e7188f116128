"""Max pooling with symmetric padding."""

from typing import Any

import keras
import tensorflow as tf

from anynet_tf.layers import Shape

__all__ = ["MaxPool"]


@keras.saving.register_keras_serializable(package="anynet")
class MaxPool(keras.layers.Layer):
    """3x3 max pooling of stride 2, which keeps NaN; the first maximum gets the gradient.

    `after_norm` says that its input comes from a `BatchNorm` and ReLU: in training, the running
    statistics show NaN, which is lost here, too (see `conv_norm_relu`).
    """

    def __init__(self, after_norm: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after_norm = after_norm

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(N, H, W, C) to (N, H / 2, W / 2, C), rounded up."""
        y = _pool(inputs)
        if training and self.after_norm:
            return y
        lost = _pool(tf.cast(tf.math.is_nan(inputs), inputs.dtype)) > 0
        return tf.where(lost, tf.constant(float("nan"), y.dtype), y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H / 2, W / 2, C), rounded up."""
        batch, *sides, channels = input_shape
        return (batch, *(side if side is None else (side + 1) // 2 for side in sides), channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "after_norm": self.after_norm}


def _pool(x: tf.Tensor) -> tf.Tensor:
    """Max pooling that loses NaN; `tf.nn.max_pool2d` pads even sides at one end only."""
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    padded = tf.pad(x, around, constant_values=x.dtype.min)
    return tf.nn.max_pool2d(padded, 3, 2, "VALID")
