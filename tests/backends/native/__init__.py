"""What tests need of each framework: its arrays, its layers, and how it is imported.

What a backend can or cannot do is not here: its package says so by its constants.
"""

import importlib

import numpy as np


def open_native(name):
    """What tests must know of the framework of one backend."""
    return importlib.import_module(f"tests.backends.native.{name}_native")


def to_layout(backend, nchw):
    """An NCHW array or shape as the framework lays images out."""
    if not backend.CHANNELS_LAST:
        return nchw
    if isinstance(nchw, tuple):
        return (nchw[0], *nchw[2:], nchw[1]) if len(nchw) == 4 else nchw
    return np.ascontiguousarray(nchw.transpose(0, 2, 3, 1))


def to_nchw(backend, array):
    """A framework's image array as NCHW in NumPy."""
    array = np.asarray(array.asnumpy() if hasattr(array, "asnumpy") else array)
    return array.transpose(0, 3, 1, 2) if backend.CHANNELS_LAST else array
