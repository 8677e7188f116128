"""Data without a framework: labelled images in batches, and how a network sees an image."""

from common.data.augment import Augmentation
from common.data.batches import batch_order
from common.data.description import ImageDescription
from common.data.fashion_mnist import CLASSES, FashionMNIST
from common.data.fashion_mnist_files import find_fashion_mnist
from common.data.image_data import Batch, ImageData, MixedBatch, check_image_data
from common.data.image_files import Pictures, find_pictures, read_picture, read_pictures
from common.data.labels import class_names, read_labels
from common.data.named import DataInfo, absolute_name, find_data, largest_batch, open_data
from common.data.options import DataOptions
from common.data.prepared import PreparedBatches
from common.data.preprocessing import Preprocessing
from common.data.presets import assumed, on_imagenet, stretched
from common.data.ready import CIFAR10, CIFAR100, ArrayData, ImageFolder, IndexedData
from common.data.resize import prepare, resize_matrix
from common.data.rows import ImageSet
from common.data.source_data import SourceData
from common.data.transform import check_resized, network_input, prepared_pixels

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CLASSES",
    "ArrayData",
    "Augmentation",
    "Batch",
    "DataInfo",
    "DataOptions",
    "FashionMNIST",
    "ImageData",
    "ImageDescription",
    "ImageFolder",
    "ImageSet",
    "IndexedData",
    "MixedBatch",
    "Pictures",
    "PreparedBatches",
    "Preprocessing",
    "SourceData",
    "absolute_name",
    "assumed",
    "batch_order",
    "check_image_data",
    "check_resized",
    "class_names",
    "find_data",
    "find_fashion_mnist",
    "find_pictures",
    "largest_batch",
    "network_input",
    "on_imagenet",
    "open_data",
    "prepare",
    "prepared_pixels",
    "read_labels",
    "read_picture",
    "read_pictures",
    "resize_matrix",
    "stretched",
]
