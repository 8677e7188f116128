"""AnyNet and RegNet in MXNet."""

from pathlib import Path
from runpy import run_path

run_path(str(Path(__file__).parents[1] / "common/start.py"))["check_common"]("anynet_mx")

from anynet_mx.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_mx.capabilities import (
    CHANNELS_LAST,
    EXPORTS_FOLDER,
    MODULES_HOLD_WEIGHTS,
    SUPPORTS_BFLOAT16,
    SUPPORTS_CONFIGURE_OPTIMIZERS,
    SUPPORTS_FLOAT64_OWN_LAYERS,
    SUPPORTS_FORWARD_MODE,
    SUPPORTS_KEEPING_MEMORY,
    SUPPORTS_RANDOM_LAYERS,
    SUPPORTS_SECOND_DERIVATIVES,
    SUPPORTS_SEVERAL_DEVICES,
    SUPPORTS_TF32,
    SUPPORTS_TRAINING_IN_THREADS,
)
from anynet_mx.data import FashionMNIST
from anynet_mx.derivatives import hessian_product
from anynet_mx.devices import clear_caches, devices, own_stream, try_gpu
from anynet_mx.export import export
from anynet_mx.layers import resize_images
from anynet_mx.model import AnyNet, Classifier, RegNetX32
from anynet_mx.network import create, fuse, layer_outputs, load, logits, regnet, save
from anynet_mx.process import keep_freed_memory
from anynet_mx.train import Learner, Trainer
from anynet_mx.v_blocks import VBlock, VRBlock
from anynet_mx.weights import get_weights, set_weights
from common.chapter import HyperParameters, add_to_class
from common.training import Callback, CSVLogger, TensorBoardLogger

__all__ = [
    "CHANNELS_LAST",
    "EXPORTS_FOLDER",
    "MODULES_HOLD_WEIGHTS",
    "SUPPORTS_BFLOAT16",
    "SUPPORTS_CONFIGURE_OPTIMIZERS",
    "SUPPORTS_FLOAT64_OWN_LAYERS",
    "SUPPORTS_FORWARD_MODE",
    "SUPPORTS_KEEPING_MEMORY",
    "SUPPORTS_RANDOM_LAYERS",
    "SUPPORTS_SECOND_DERIVATIVES",
    "SUPPORTS_SEVERAL_DEVICES",
    "SUPPORTS_TF32",
    "SUPPORTS_TRAINING_IN_THREADS",
    "AnyNet",
    "CSVLogger",
    "Callback",
    "Classifier",
    "FashionMNIST",
    "HyperParameters",
    "Learner",
    "MLPBlock",
    "RegNetX32",
    "ResNeXtBlock",
    "ResNetBlock",
    "TensorBoardLogger",
    "Trainer",
    "VBlock",
    "VRBlock",
    "VanillaBlock",
    "add_to_class",
    "clear_caches",
    "create",
    "devices",
    "export",
    "fuse",
    "get_weights",
    "hessian_product",
    "keep_freed_memory",
    "layer_outputs",
    "load",
    "logits",
    "own_stream",
    "regnet",
    "resize_images",
    "save",
    "set_weights",
    "try_gpu",
]
