"""Export to the framework's own deployment format, which runs without this package."""

from pathlib import Path

import jax
import numpy as np
from jax import Array
from jax import export as jax_export

from anynet_jax.model import Network, in_mode
from anynet_jax.weights import as_network
from common.arch import image_shape
from common.arch.plan import ImageSize
from common.files import write_bytes
from common.weights import spec_of

__all__ = ["export"]

_PLATFORMS = ("cpu", "cuda", "tpu")
"""Where the file runs, whatever it was written on."""


def export(network: Network, path: str | Path, image_size: ImageSize) -> None:
    """Export a network in evaluation mode to `path`, atomically.

    The file is StableHLO as `jax.export` serialises it, weights included:
    `jax.export.deserialize(data).call` takes images (N, height, width, C) of `image_size`, with
    any N from 1 on, to logits. Raises `SpecError` for a size that the network does not take.
    """
    network = as_network(network)
    channels, height, width = image_shape(spec_of(network), image_size)
    module, variables = in_mode(network.module, training=False), network.variables
    dtype = jax.tree.leaves(variables)[0].dtype

    def anynet(images: Array) -> Array:  # its name marks the file as ours
        return module.apply(variables, images)

    with jax.enable_x64(dtype == np.float64):
        shape = jax_export.symbolic_shape(f"batch, {height}, {width}, {channels}")
        exported = jax_export.export(jax.jit(anynet), platforms=_PLATFORMS)(
            jax.ShapeDtypeStruct(shape, dtype)
        )
    write_bytes(path, exported.serialize())
