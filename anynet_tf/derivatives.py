"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from anynet_tf.model import AnyNet
from anynet_tf.network import logits
from anynet_tf.weights import (
    canonical_array,
    canonical_names,
    described,
    dtype_of,
    native_array,
)
from common.weights import checked_batch, fit_arrays

__all__ = ["hessian_product"]


def hessian_product(
    network: AnyNet,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of a batch's loss in training mode times a direction.

    - `network`: any network of this package; it is not changed.
    - `images`: (N, C, H, W), as `logits` takes them; N is at least 1.
    - `labels`: (N,) integers below the number of classes.
    - `direction`: an array for every trainable parameter, by canonical name in canonical layout.

    Returns the products by the same names, in the precision of the network. Raises `DataError` for
    other images or labels, `WeightsError` for another direction.
    """
    images, labels = checked_batch(network, images, labels, dtype_of(network), logits)
    variables, found = network.trainable_variables, described(network)
    names = list(canonical_names(network, variables))
    direction = fit_arrays({name: found[name] for name in names}, direction, "direction")
    weights = [tf.convert_to_tensor(variable) for variable in variables]
    dtype = weights[0].dtype
    x = tf.constant(images.transpose(0, 2, 3, 1), dtype)
    parts = [tf.constant(native_array(direction[name]), dtype) for name in names]
    with tf.GradientTape() as outer:
        outer.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            with keras.StatelessScope(zip(variables, weights, strict=True)):
                outputs = network(x, training=True)
            loss = network.loss(outputs, tf.constant(labels))
        gradients = inner.gradient(loss, weights)
        slope = tf.add_n([tf.reduce_sum(g * v) for g, v in zip(gradients, parts, strict=True)])
    products = outer.gradient(slope, weights, unconnected_gradients="zero")
    return {n: canonical_array(product) for n, product in zip(names, products, strict=True)}
