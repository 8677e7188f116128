"""Export to the framework's own deployment format, which runs without this package."""

from pathlib import Path

import keras

from anynet_tf.model import AnyNet
from anynet_tf.weights import named_variables
from common.arch import image_shape
from common.arch.plan import ImageSize
from common.files import new_folder
from common.weights import spec_of

__all__ = ["export"]


def export(network: AnyNet, path: str | Path, image_size: ImageSize) -> None:
    """Export a network in evaluation mode to `path`, atomically.

    `path` becomes the folder of a SavedModel: `tf.saved_model.load(path).serve` takes images
    (N, height, width, C) of `image_size`, with any N, to logits. Raises `ConfigError`
    unless `path` is new or an empty folder, `SpecError` for an `image_size` that the network does
    not take.
    """
    named_variables(network)
    channels, height, width = image_shape(spec_of(network), image_size)
    images = keras.InputSpec(
        shape=(None, height, width, channels), dtype=network.trainable_variables[0].dtype
    )
    with new_folder(path) as folder:
        network.export(str(folder), input_signature=[images], verbose=False)
