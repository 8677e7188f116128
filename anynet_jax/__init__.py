"""AnyNet and RegNet in JAX."""

import jax

from anynet_jax.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_jax.convolution import grouped_conv
from anynet_jax.derivatives import hessian_product
from anynet_jax.export import export
from anynet_jax.layers import resize_images
from anynet_jax.model import AnyNet, Classifier, Network, RegNetX32
from anynet_jax.network import create, fuse, layer_outputs, load, logits, regnet, save
from anynet_jax.train import FashionMNIST, Learner, Trainer, clear_caches, devices
from anynet_jax.weights import get_weights, set_weights
from common.chapter import add_to_class
from common.memory import keep_freed_memory

# JAX's CPU backend allocates a step's memory anew in every step; both settings must come before it
# starts. Dispatched ahead, a step would get its memory before the one before it has given its own.
if keep_freed_memory():
    jax.config.update("jax_cpu_enable_async_dispatch", False)

__all__ = [
    "AnyNet",
    "Classifier",
    "FashionMNIST",
    "Learner",
    "MLPBlock",
    "Network",
    "RegNetX32",
    "ResNeXtBlock",
    "ResNetBlock",
    "Trainer",
    "VanillaBlock",
    "add_to_class",
    "clear_caches",
    "create",
    "devices",
    "export",
    "fuse",
    "get_weights",
    "grouped_conv",
    "hessian_product",
    "layer_outputs",
    "load",
    "logits",
    "regnet",
    "resize_images",
    "save",
    "set_weights",
]
