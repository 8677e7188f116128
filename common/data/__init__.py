"""Data without a framework: Fashion-MNIST, the order of its batches, resizing, image files."""

from common.data.batches import batch_order
from common.data.fashion_mnist import CLASSES, FashionMNIST, ImageSet, find_fashion_mnist
from common.data.labels import class_names, read_labels
from common.data.pictures import read_picture
from common.data.resize import prepare, resize_matrix

__all__ = [
    "CLASSES",
    "FashionMNIST",
    "ImageSet",
    "batch_order",
    "class_names",
    "find_fashion_mnist",
    "prepare",
    "read_labels",
    "read_picture",
    "resize_matrix",
]
