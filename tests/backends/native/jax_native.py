"""What tests must know of JAX."""

from functools import partial

import numpy as np

LABEL_DTYPE = "int32"
"""Of the labels in a batch that a loader gives."""

IMPORTED = {}
"""What importing the package changes for other code in the process."""

IMPORTED_WITH_WARNINGS = False
"""Whether the framework warns of itself when it is imported."""

IMPORTS = ("jax", "flax", "optax", "flax.linen")
"""What a user imports of the framework."""

KEEPING_MEMORY = {
    "memory given back": [True, False],
    "jax: jax_cpu_enable_async_dispatch": ["True", "False"],
}
"""What `keep_freed_memory` changes."""

KILLS = 6
"""How often a run is killed in tests: fewer where an attempt compiles for seconds."""

ELSEWHERE = {
    "weights.md": "begins with a file of PyTorch's",
    "quickstart.md": "nox -s package does it, in an empty environment",
}
"""Pages whose code does not run in this framework's session, and why."""

TRAINS_PAGES_IN_FULL = False
"""Whether pages train for as many epochs as they say, or for one."""

READ_EXPORT = """
import pathlib
import jax.export
network = jax.export.deserialize(pathlib.Path(path).read_bytes())
run = lambda images: np.asarray(network.call(images))
"""
"""How a user reads an export."""


def array(values):
    import jax.numpy

    return jax.numpy.asarray(values)


def in_float64():
    """Where arrays of float64 stay so."""
    import jax

    return jax.enable_x64(True)


def loader(images, labels, size):
    """Batches as users of the framework make them, and the order of their axes."""
    parts = [slice(start, start + size) for start in range(0, len(labels), size)]
    channels_last = images.transpose(0, 2, 3, 1)
    return [(array(channels_last[part]), array(labels[part])) for part in parts], "NHWC"


def call_block(block, shape):
    """Run a new block on zeros of `shape` (N, C, H, W)."""
    from jax import eval_shape, numpy, random

    x = numpy.zeros((shape[0], *shape[2:], shape[1]))
    return eval_shape(block.init, random.key(0), x)


def by_hand(backend, allocated):
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


def trainable(network):
    import jax

    return sum(leaf.size for leaf in jax.tree.leaves(network.variables["params"]))


def planned(backend, spec):
    """Trainable parameters of a network whose weights are not drawn, nor allocated here."""
    import jax

    module, shape = backend.AnyNet.from_spec(spec), (1, 32, 32, spec.in_channels)
    images = jax.ShapeDtypeStruct(shape, "float32")
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def pad_like_same(monkeypatch):
    """Strided 3x3 convolutions that pad at the bottom and right alone."""
    from jax import lax

    from anynet_jax import convolution

    def convolve(x, kernel, strides, groups=1):
        return lax.conv_general_dilated(
            x, kernel, (strides, strides), "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
        )  # fmt: skip

    monkeypatch.setattr(convolution, "_native", convolve)


def device_of(device):
    """The device of arrays created on what `try_gpu` returned."""
    return str(device)


def with_dropout(backend):
    """A network of ten classes without a spec that draws random numbers in training."""
    from flax import linen

    class Dropping(backend.Classifier):
        lr: float = 0.1
        training: bool = True

        def setup(self):
            drop = linen.Dropout(0.5, deterministic=not self.training)
            flatten = lambda x: x.reshape(len(x), -1)  # noqa: E731
            self.net = linen.Sequential([flatten, linen.Dense(10), drop])

    return Dropping()


def slope(network, images, direction):
    """The derivative of the logits of images along a direction, in forward mode."""
    import jax

    module, variables = network.module.clone(training=False), network.variables
    images, direction = (array.transpose(0, 2, 3, 1) for array in (images, direction))
    with jax.enable_x64(True):
        run = partial(module.apply, variables)
        return np.asarray(jax.jvp(run, (images,), (direction,))[1])


def output(layer, x):
    """The output of a layer without weights, in evaluation mode."""
    import jax

    return jax.jit(lambda images: layer.apply({}, images))(x)


def output_and_gradient(layer, x, gradient):
    """The output of a layer without weights, and the gradient of x for that of the output."""
    import jax

    y, pull = jax.vjp(lambda images: layer.apply({}, images), array(x))
    return y, *pull(array(gradient))
