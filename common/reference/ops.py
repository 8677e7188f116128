"""The other operators and their gradients, by formula.

Images x are (N, C, H, W), features (N, C), per-channel arrays (C,), all float64. A function
`op_gradients` takes the gradient of the loss by the operator's output y, here `gradient`, and
returns those by its inputs and parameters, in the order of the operator's arguments.

`hessian_product` calls these functions with complex arrays. So they must be analytic: no absolute
value and no conjugate, as in NumPy's own variance.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.reference.convolution import Array

Mask = Callable[[Array], NDArray[np.bool_]]
Total = Callable[[Array], Array]


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """Affine map of features (N, C) by a weight (O, C): y = x weight^T + bias."""
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_gradients(gradient: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias."""
    return gradient @ weight, gradient.T @ x, gradient.sum(0)


def batch_norm(
    x: Array, weight: Array, bias: Array, statistics: tuple[Array, Array], epsilon: float
) -> Array:
    """Batch norm: y = weight * z + bias, z = (x - mean) / sqrt(variance + epsilon), per channel.

    `statistics` are the mean and the variance: `batch_statistics(x)` in training, the running ones
    in evaluation.
    """
    z, _ = _normalised(x, statistics, epsilon)
    return _per_channel(weight, x) * z + _per_channel(bias, x)


def total(terms: Array) -> Array:
    """Sums (C,) over all axes but the channels."""
    sums: Array = terms.sum(_all_but_channels(terms))
    return sums


def batch_norm_gradients(
    gradient: Array,
    x: Array,
    weight: Array,
    statistics: tuple[Array, Array],
    epsilon: float,
    training: bool,
    total: Total = total,
) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias, with g for `gradient` and sums per channel.

        of weight: sum(g * z)        of bias: sum(g)
        of x:      weight / sqrt(variance + epsilon) * (g - mean(g) - z * mean(g * z))

    The two means are left out unless `training`: running statistics do not depend on x. `total`
    computes the sums.
    """
    z, deviation = _normalised(x, statistics, epsilon)
    of_weight, of_bias = total(gradient * z), total(gradient)
    if training:
        n = x.size // x.shape[1]
        correlated = z * _per_channel(of_weight / n, x)
        gradient = gradient - _per_channel(of_bias / n, x) - correlated
    return gradient * _per_channel(weight / deviation, x), of_weight, of_bias


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance (C,) over all axes but the channels."""
    mean: Array = x.mean(_all_but_channels(x))
    variance: Array = ((x - _per_channel(mean, x)) ** 2).mean(_all_but_channels(x))
    return mean, variance


def relu(x: Array) -> Array:
    """Rectified linear unit: y = max(x, 0)."""
    return np.maximum(x, 0)


def positive(x: Array) -> NDArray[np.bool_]:
    """Mask of the units at which a ReLU passes its gradient: x > 0."""
    return x > 0


def relu_gradients(gradient: Array, x: Array, passes: Mask = positive) -> Array:
    """Gradient of x: that of y where `passes(x)`, and 0 elsewhere."""
    return gradient * passes(x)


def sigmoid(x: Array) -> Array:
    """Logistic sigmoid: y = 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def sigmoid_gradients(gradient: Array, x: Array) -> Array:
    """Gradient of x: that of y, times y (1 - y)."""
    y = sigmoid(x)
    return gradient * y * (1 - y)


def global_pool(x: Array) -> Array:
    """Means (N, C) of images over their pixels."""
    means: Array = x.mean((2, 3))
    return means


def global_pool_gradients(gradient: Array, x: Array) -> Array:
    """Gradient of x: that of y divided by the number of pixels, at each of them."""
    pixels = x.shape[2] * x.shape[3]
    return np.broadcast_to(gradient[:, :, None, None] / pixels, x.shape)


def flatten(x: Array) -> Array:
    """Images (N, C, H, W) as features (N, C * H * W), in this order."""
    return x.reshape(len(x), -1)


def flatten_gradients(gradient: Array, x: Array) -> Array:
    """Gradient of x: that of y in the shape of x."""
    return gradient.reshape(x.shape)


def add(x: Array, other: Array) -> Array:
    """Sum of two arrays of one shape: y = x + other."""
    return x + other


def add_gradients(gradient: Array) -> tuple[Array, Array]:
    """Gradients of x and other: that of y for both."""
    return gradient, gradient


def scale(x: Array, gates: Array) -> Array:
    """Images times gates (N, C): one number per image and channel."""
    return x * gates[:, :, None, None]


def scale_gradients(gradient: Array, x: Array, gates: Array) -> tuple[Array, Array]:
    """Gradients of x and gates."""
    return gradient * gates[:, :, None, None], (gradient * x).sum((2, 3))


def cross_entropy(logits: Array, labels: NDArray[Any]) -> tuple[float, Array]:
    """Mean of -log softmax(logits)[label] in nats, and its gradient: (softmax - one-hot) / N.

    Logits are (N, classes), labels (N,). For target probabilities t (N, classes), it is the mean of
    -sum(t * log softmax(logits)), whose gradient is (softmax - t) / N.
    """
    shifted = logits - logits.max(1, keepdims=True)  # exp does not overflow
    log_probabilities = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(log_probabilities)
    if labels.ndim == 2:
        loss = -float((labels * log_probabilities).sum(1).mean().real)
        return loss, (gradient - labels) / len(labels)
    gradient[rows, labels] -= 1
    return -float(log_probabilities[rows, labels].mean().real), gradient / len(labels)


def _normalised(x: Array, statistics: tuple[Array, Array], epsilon: float) -> tuple[Array, Array]:
    """What `batch_norm` calls z, and the standard deviation (C,) that x is divided by."""
    mean, variance = statistics
    deviation = np.sqrt(variance + epsilon)
    return (x - _per_channel(mean, x)) / _per_channel(deviation, x), deviation


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _per_channel(values: Array, x: Array) -> Array:
    """Values (C,) in a shape that broadcasts over x."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))
