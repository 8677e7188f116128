"""The little that tests must know of each framework: arrays, layout, trainable counts."""

from math import prod

import numpy as np


class Torch:
    channels_last = False

    def array(self, values):
        import torch

        return torch.from_numpy(values)

    def by_hand(self, backend, allocated):
        """A network of five classes without a spec; its weights may come with the first batch."""
        from torch import nn, zeros

        model = backend.Classifier()
        model.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
        if allocated:
            model(zeros(1, 1, 8, 8))
        return model

    def trainable(self, network):
        return sum(p.numel() for p in network.parameters() if p.requires_grad)

    def planned(self, backend, spec):
        """Trainable parameters of a network whose weights are not drawn, nor allocated here."""
        import torch

        with torch.device("meta"):
            return self.trainable(backend.create(spec))

    def pad_like_same(self, monkeypatch):
        """Strided 3x3 convolutions that pad at the bottom and right alone."""
        import torch

        before = torch.nn.Conv2d.forward

        def forward(conv, x):
            if conv.stride != (2, 2) or conv.kernel_size != (3, 3):
                return before(conv, x)
            return torch.nn.functional.conv2d(
                torch.nn.functional.pad(x, (0, 1, 0, 1)), conv.weight, conv.bias, 2, 0, 1,
                conv.groups,
            )  # fmt: skip

        monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)


class MXNet:
    channels_last = False

    def array(self, values):
        import mxnet

        return mxnet.np.array(values, dtype=values.dtype)

    def by_hand(self, backend, allocated):
        """A network of five classes without a spec; its weights may come with the first batch."""
        from mxnet import np as mx_np
        from mxnet.gluon import nn

        model = backend.Classifier()
        model.net = nn.HybridSequential()
        model.net.add(nn.Flatten(), nn.Dense(5))
        model.net.initialize()
        if allocated:
            model(mx_np.zeros((1, 1, 8, 8)))
        return model

    def trainable(self, network):
        parameters = network.collect_params().values()
        return sum(prod(p.shape) for p in parameters if p.grad_req != "null")

    def planned(self, backend, spec):
        """Trainable parameters of a network whose weights are not drawn."""
        return self.trainable(backend.create(spec, init="zeros"))

    def pad_like_same(self, monkeypatch):
        """Strided 3x3 convolutions that pad at the bottom and right alone."""
        from mxnet.gluon.nn import Conv2D

        before = Conv2D.hybrid_forward

        def hybrid_forward(conv, F, x, weight, bias=None):  # noqa: N803
            own = conv._kwargs
            if own["stride"] != (2, 2) or own["kernel"] != (3, 3):
                return before(conv, F, x, weight, bias)
            # On even sizes every second output of stride 1, from the second on.
            conv._kwargs = {**own, "stride": (1, 1)}
            try:
                y = before(conv, F, x, weight, bias)
            finally:
                conv._kwargs = own
            return F.npx.slice(y, (None, None, 1, 1), (None,) * 4, (None, None, 2, 2))

        monkeypatch.setattr(Conv2D, "hybrid_forward", hybrid_forward)


class TensorFlow:
    channels_last = True

    def array(self, values):
        import tensorflow

        return tensorflow.constant(values)

    def by_hand(self, backend, allocated):
        """A network of five classes without a spec; its weights may come with the first batch."""
        import keras

        model = backend.Classifier()
        model.net = keras.Sequential(
            [keras.layers.Conv2D(5, 3, padding="same"), keras.layers.GlobalAveragePooling2D()]
        )
        if allocated:
            model.build((None, 8, 8, 1))
        return model

    def trainable(self, network):
        return sum(prod(variable.shape) for variable in network.trainable_variables)

    def planned(self, backend, spec):
        """Trainable parameters of a network whose weights are not drawn."""
        return self.trainable(backend.create(spec, init="zeros"))

    def pad_like_same(self, monkeypatch):
        """Strided 3x3 convolutions that pad at the bottom and right alone."""
        import tensorflow as tf

        from anynet_tf import GroupedConv2D

        def convolve(conv, inputs, kernel, bias):
            outputs = tf.nn.conv2d(inputs, kernel, conv.strides, "SAME")
            return outputs if bias is None else tf.nn.bias_add(outputs, bias)

        monkeypatch.setattr(GroupedConv2D, "_convolve", convolve)


class Jax:
    channels_last = True

    def array(self, values):
        import jax.numpy

        return jax.numpy.asarray(values)

    def by_hand(self, backend, allocated):
        """A network of five classes without a spec; its weights may come with the first batch."""
        import jax
        from flax import linen

        class ByHand(backend.Classifier):
            lr: float = 0.1

            def setup(self):
                self.net = linen.Sequential([lambda x: x.reshape(len(x), -1), linen.Dense(5)])

        module, images = ByHand(), jax.numpy.zeros((1, 8, 8, 1))
        if not allocated:
            return module
        return backend.Network(module, module.init(jax.random.key(0), images))

    def trainable(self, network):
        import jax

        return sum(leaf.size for leaf in jax.tree.leaves(network.variables["params"]))

    def planned(self, backend, spec):
        """Trainable parameters of a network whose weights are not drawn, nor allocated here."""
        import jax

        module, shape = backend.AnyNet.from_spec(spec), (1, 32, 32, spec.in_channels)
        images = jax.ShapeDtypeStruct(shape, "float32")
        variables = jax.eval_shape(module.init, jax.random.key(0), images)
        return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))

    def pad_like_same(self, monkeypatch):
        """Strided 3x3 convolutions that pad at the bottom and right alone."""
        from jax import lax

        from anynet_jax import convolution

        def convolve(x, kernel, strides, groups=1):
            return lax.conv_general_dilated(
                x, kernel, (strides, strides), "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
            )  # fmt: skip

        monkeypatch.setattr(convolution, "_native", convolve)


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
