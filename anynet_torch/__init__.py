"""AnyNet and RegNet in PyTorch."""

from anynet_torch.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_torch.derivatives import hessian_product
from anynet_torch.export import export
from anynet_torch.layers import resize_images
from anynet_torch.model import AnyNet, Classifier, RegNetX32, init_cnn
from anynet_torch.network import create, fuse, layer_outputs, load, logits, regnet, save
from anynet_torch.train import FashionMNIST, Learner, Trainer, clear_caches, devices
from anynet_torch.weights import get_weights, set_weights
from common.chapter import add_to_class
from common.memory import keep_freed_memory

keep_freed_memory()  # PyTorch allocates anew on CPUs in every step

__all__ = [
    "AnyNet",
    "Classifier",
    "FashionMNIST",
    "Learner",
    "MLPBlock",
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
    "hessian_product",
    "init_cnn",
    "layer_outputs",
    "load",
    "logits",
    "regnet",
    "resize_images",
    "save",
    "set_weights",
]
