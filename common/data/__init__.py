"""Data without a framework: Fashion-MNIST, the order of its batches, resizing, image files."""

from common.data.batches import batch_order
from common.data.fashion_mnist import CLASSES, FashionMNIST, ImageSet, find_fashion_mnist
from common.data.image_data import Batch, ImageData, check_image_data
from common.data.image_files import Pictures, find_pictures, read_picture, read_pictures
from common.data.labels import class_names, read_labels
from common.data.named import DataInfo, absolute_name, find_data, open_data
from common.data.preprocessing import Preprocessing
from common.data.resize import prepare, resize_matrix

__all__ = [
    "CLASSES",
    "Batch",
    "DataInfo",
    "FashionMNIST",
    "ImageData",
    "ImageSet",
    "Pictures",
    "Preprocessing",
    "absolute_name",
    "batch_order",
    "check_image_data",
    "class_names",
    "find_data",
    "find_fashion_mnist",
    "find_pictures",
    "open_data",
    "prepare",
    "read_labels",
    "read_picture",
    "read_pictures",
    "resize_matrix",
]
