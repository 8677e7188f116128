"""Sources of labelled images: files, arrays, shards, other libraries' data sets."""

from common.data.sources.arrays import ArraySource, read_labelled_npz
from common.data.sources.cifar import CIFAR_10, CIFAR_100, read_cifar
from common.data.sources.folder import FileSource, find_images
from common.data.sources.idx_folder import read_idx_folder
from common.data.sources.indexable import IndexableSource
from common.data.sources.protocol import Source, check_source
from common.data.sources.shards import ShardSource, open_shards
from common.data.sources.split import Split, split_by_class

__all__ = [
    "CIFAR_10",
    "CIFAR_100",
    "ArraySource",
    "FileSource",
    "IndexableSource",
    "ShardSource",
    "Source",
    "Split",
    "check_source",
    "find_images",
    "open_shards",
    "read_cifar",
    "read_idx_folder",
    "read_labelled_npz",
    "split_by_class",
]
