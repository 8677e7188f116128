"""Data without a framework: Fashion-MNIST, the order of its batches, resizing, image files."""

from common.data.batches import batch_order
from common.data.fashion_mnist import CLASSES, FashionMNIST, ImageSet, find_fashion_mnist
from common.data.image_files import Pictures, find_pictures, read_picture, read_pictures
from common.data.labels import class_names, read_labels
from common.data.resize import prepare, resize_matrix

__all__ = [
    "CLASSES",
    "FashionMNIST",
    "ImageSet",
    "Pictures",
    "batch_order",
    "class_names",
    "find_fashion_mnist",
    "find_pictures",
    "prepare",
    "read_labels",
    "read_picture",
    "read_pictures",
    "resize_matrix",
]
