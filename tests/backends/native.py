"""The little that tests must know of each framework: arrays, layout, trainable counts."""

from math import prod

import numpy as np


class Torch:
    channels_last = False

    def array(self, values):
        import torch

        return torch.from_numpy(values)

    def trainable(self, network):
        return sum(p.numel() for p in network.parameters() if p.requires_grad)


class MXNet:
    channels_last = False

    def array(self, values):
        import mxnet

        return mxnet.np.array(values, dtype=values.dtype)

    def trainable(self, network):
        parameters = network.collect_params().values()
        return sum(prod(p.shape) for p in parameters if p.grad_req != "null")


class TensorFlow:
    channels_last = True

    def array(self, values):
        import tensorflow

        return tensorflow.constant(values)

    def trainable(self, network):
        return sum(prod(variable.shape) for variable in network.trainable_variables)


class Jax:
    channels_last = True

    def array(self, values):
        import jax.numpy

        return jax.numpy.asarray(values)

    def trainable(self, network):
        import jax

        return sum(leaf.size for leaf in jax.tree.leaves(network.variables["params"]))


NATIVE = {"torch": Torch, "mx": MXNet, "tf": TensorFlow, "jax": Jax}


def to_layout(native, nchw):
    """An NCHW array or shape as the framework lays images out."""
    if not native.channels_last:
        return nchw
    if isinstance(nchw, tuple):
        return (nchw[0], *nchw[2:], nchw[1]) if len(nchw) == 4 else nchw
    return np.ascontiguousarray(nchw.transpose(0, 2, 3, 1))


def to_nchw(native, array):
    """A framework's image array as NCHW in NumPy."""
    array = np.asarray(array.asnumpy() if hasattr(array, "asnumpy") else array)
    return array.transpose(0, 3, 1, 2) if native.channels_last else array
