"""Second derivatives of the training loss."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from anynet_jax.layers import products
from anynet_jax.model import AnyNet, Classifier, Network, in_mode
from anynet_jax.network import logits
from anynet_jax.weights import as_network, described_tree, dtype_of, like_tree, to_canonical
from common.weights import checked_batch, fit_arrays

__all__ = ["hessian_product"]


def hessian_product(
    network: Network | AnyNet,
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
    network = as_network(network)
    images, labels = checked_batch(network, images, labels, dtype_of(network), logits)
    params = network.variables["params"]
    direction = fit_arrays(described_tree({"params": params}), direction, "direction")
    dtype, module = jax.tree.leaves(params)[0].dtype, in_mode(network.module, training=True)
    with jax.enable_x64(dtype == "float64"), products():
        x, targets = jnp.asarray(images.transpose(0, 2, 3, 1), dtype), jnp.asarray(labels)
        parts = like_tree(params, direction)
        return to_canonical(_product(module, network.variables, x, targets, parts))


@partial(jax.jit, static_argnames="module")
def _product(
    module: Classifier, variables: dict[str, Any], x: jax.Array, targets: jax.Array, parts: Any
) -> Any:
    def loss_of(params: Any) -> jax.Array:
        logits, _ = module.apply({**variables, "params": params}, x, mutable=["batch_stats"])
        return module.loss(logits, targets)

    return jax.jvp(jax.grad(loss_of), (variables["params"],), (parts,))[1]
