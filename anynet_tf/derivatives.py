"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from anynet_tf.model import AnyNet
from anynet_tf.weights import canonical_array, canonical_names, native_array

__all__ = ["hessian_product"]


def hessian_product(
    network: AnyNet,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of the loss of a batch in training mode times a direction.

    Images are NCHW in [0, 1], `direction` holds an array for every parameter by canonical name, and
    so does the result. Computes in the precision of the network, which stays as it is.
    """
    variables = network.trainable_variables
    names = list(canonical_names(network, variables))
    weights = [tf.convert_to_tensor(variable) for variable in variables]
    dtype = weights[0].dtype
    x = tf.constant(images.transpose(0, 2, 3, 1), dtype)
    parts = [tf.constant(native_array(direction[name]), dtype) for name in names]
    with tf.GradientTape() as outer:
        outer.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            logits, _ = network.stateless_call(
                weights, network.non_trainable_variables, x, training=True
            )
            loss = network.loss(logits, tf.constant(labels))
        gradients = inner.gradient(loss, weights)
        slope = tf.add_n([tf.reduce_sum(g * v) for g, v in zip(gradients, parts, strict=True)])
    products = outer.gradient(slope, weights, unconnected_gradients="zero")
    return {n: canonical_array(product) for n, product in zip(names, products, strict=True)}
