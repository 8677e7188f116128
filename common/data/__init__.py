"""Data without a framework: Fashion-MNIST, the order of its batches, scaling and resizing."""

from common.data.batches import batch_order
from common.data.fashion_mnist import CLASSES, FashionMNIST, ImageSet, find_fashion_mnist
from common.data.resize import prepare, resize_matrix

__all__ = [
    "CLASSES",
    "FashionMNIST",
    "ImageSet",
    "batch_order",
    "find_fashion_mnist",
    "prepare",
    "resize_matrix",
]
