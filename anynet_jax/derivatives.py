"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from anynet_jax.model import Network
from anynet_jax.weights import to_canonical, to_tree

__all__ = ["hessian_product"]


def hessian_product(
    network: Network,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of the loss of a batch in training mode times a direction.

    Images are NCHW in [0, 1], `direction` holds an array for every parameter by canonical name, and
    so does the result. Computes in the precision of the network, which stays as it is.
    """
    params = network.variables["params"]
    batch_stats = network.variables.get("batch_stats", {})
    dtype = jax.tree.leaves(params)[0].dtype
    with jax.enable_x64(dtype == "float64"):
        x, targets = jnp.asarray(images.transpose(0, 2, 3, 1), dtype), jnp.asarray(labels)
        module = network.module.clone(training=True)

        def loss_of(params: Any) -> jax.Array:
            variables = {"params": params, "batch_stats": batch_stats}
            logits, _ = module.apply(variables, x, mutable=["batch_stats"])
            return module.loss(logits, targets)

        parts = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), to_tree(direction))
        product = jax.jit(lambda *args: jax.jvp(jax.grad(loss_of), args[:1], args[1:])[1])
        return to_canonical(product(params, parts))
