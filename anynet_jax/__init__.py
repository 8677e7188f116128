"""AnyNet and RegNet in JAX."""

from anynet_jax.blocks import ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_jax.export import export
from anynet_jax.layers import grouped_conv, resize_images
from anynet_jax.model import AnyNet, Classifier, RegNetX32
from anynet_jax.network import (
    Network,
    create,
    fuse,
    layer_outputs,
    load,
    logits,
    regnet,
    save,
)
from anynet_jax.train import FashionMNIST, Learner, Trainer, devices
from anynet_jax.weights import get_weights, set_weights
from common.chapter import add_to_class

__all__ = [
    "AnyNet",
    "Classifier",
    "FashionMNIST",
    "Learner",
    "Network",
    "RegNetX32",
    "ResNeXtBlock",
    "ResNetBlock",
    "Trainer",
    "VanillaBlock",
    "add_to_class",
    "create",
    "devices",
    "export",
    "fuse",
    "get_weights",
    "grouped_conv",
    "layer_outputs",
    "load",
    "logits",
    "regnet",
    "resize_images",
    "save",
    "set_weights",
]
