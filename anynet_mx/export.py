"""Export to the framework's own deployment format, which runs without this package."""

from pathlib import Path

import mxnet
from mxnet import autograd

from anynet_mx.model import AnyNet
from anynet_mx.weights import named_arrays
from common.arch import image_shape
from common.arch.plan import ImageSize
from common.files import new_folder
from common.weights import spec_of

__all__ = ["export"]


def export(network: AnyNet, path: str | Path, image_size: ImageSize) -> None:
    """Export a network in evaluation mode to `path`, atomically.

    `path` becomes a folder with Gluon's `model-symbol.json` and `model-0000.params`, which
    `mxnet.gluon.SymbolBlock.imports` reads after `mxnet.npx.set_np()`: images `data`
    (N, C, height, width) of any size to logits. Raises `ConfigError` unless `path` is new or
    an empty folder, `SpecError` for an `image_size` that the network does not take.
    """
    named_arrays(network)
    shape = image_shape(spec_of(network), image_size)
    weight = next(iter(network.collect_params().values()))
    images = mxnet.np.zeros((1, *shape), dtype=weight.dtype, ctx=weight.list_ctx()[0])
    hybridised = network.net._active
    network.net.hybridize()
    try:
        with autograd.predict_mode(), new_folder(path) as folder:
            network.net(images)  # Gluon exports the graph of the last call
            network.net.export(str(folder / "model"))
    finally:
        network.net.hybridize(hybridised, static_alloc=True, static_shape=True)
