"""Frozen parts of a network: batch norms in evaluation mode."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from anynet_tf.model import Classifier

__all__ = ["frozen_norms"]


@contextmanager
def frozen_norms(network: Classifier, parts: frozenset[str]) -> Iterator[None]:
    """Context in which batch norms of these parts are in evaluation mode, in training too."""
    prefix = f"{network.net.path}/"
    norms = [
        layer
        for layer in (network.net._flatten_layers() if parts else [])
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.path.removeprefix(prefix).partition("/")[0] in parts
    ]
    before = [norm.trainable for norm in norms]
    for norm in norms:
        norm.trainable = False
    try:
        yield
    finally:
        for norm, own in zip(norms, before, strict=True):
            norm.trainable = own
