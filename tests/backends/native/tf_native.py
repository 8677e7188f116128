"""What tests must know of TensorFlow."""

from contextlib import nullcontext
from math import prod

LABEL_DTYPE = "int32"
"""Of the labels in a batch that a loader gives."""

IMPORTED = {}
"""What importing the package changes for other code in the process."""

IMPORTED_WITH_WARNINGS = False
"""Whether the framework warns of itself when it is imported."""

IMPORTS = ("tensorflow", "keras")
"""What a user imports of the framework."""

KEEPING_MEMORY = {}
"""What `keep_freed_memory` changes."""

KILLS = 6
"""How often a run is killed in tests: fewer where an attempt compiles for seconds."""

ELSEWHERE = {"weights.md": "begins with a file of PyTorch's"}
"""Pages whose code does not run in this framework's session, and why."""

TRAINS_PAGES_IN_FULL = False
"""Whether pages train for as many epochs as they say, or for one."""

READ_EXPORT = """
import tensorflow as tf
network = tf.saved_model.load(path)
run = lambda images: network.serve(images).numpy()
"""
"""How a user reads an export."""


def array(values):
    import tensorflow

    return tensorflow.constant(values)


def in_float64():
    """Where arrays of float64 stay so."""
    return nullcontext()


def loader(images, labels, size):
    """Batches as the framework's own loader gives them, and the order of their axes."""
    import tensorflow as tf

    channels_last = images.transpose(0, 2, 3, 1)
    return tf.data.Dataset.from_tensor_slices((channels_last, labels)).batch(size), "NHWC"


def call_block(block, shape):
    """Run a new block on zeros of `shape` (N, C, H, W)."""
    import tensorflow

    return block(tensorflow.zeros((shape[0], *shape[2:], shape[1])))


def by_hand(backend, allocated):
    """A network of five classes without a spec; its weights may come with the first batch."""
    import keras

    model = backend.Classifier()
    model.net = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)])
    if allocated:
        model.build((None, 8, 8, 1))
    return model


def trainable(network):
    return sum(prod(variable.shape) for variable in network.trainable_variables)


def planned(backend, spec):
    """Trainable parameters of a network whose weights are not drawn."""
    return trainable(backend.create(spec, init="zeros"))


def pad_like_same(monkeypatch):
    """Strided 3x3 convolutions that pad at the bottom and right alone."""
    import tensorflow as tf

    from anynet_tf import GroupedConv2D

    def convolve(conv, inputs, kernel, bias):
        outputs = tf.nn.conv2d(inputs, kernel, conv.strides, "SAME")
        return outputs if bias is None else tf.nn.bias_add(outputs, bias)

    monkeypatch.setattr(GroupedConv2D, "_convolve", convolve)


def device_of(device):
    """The device of arrays created on what `try_gpu` returned."""
    import tensorflow

    with device:
        return tensorflow.constant(0).device


def loss_object():
    """A loss of the framework's, as an attribute `loss` would hold it."""
    from keras.losses import SparseCategoricalCrossentropy

    return SparseCategoricalCrossentropy()


def with_dropout(backend):
    """A network of ten classes without a spec that draws random numbers in training."""
    import keras

    model, layers = backend.Classifier(), keras.layers
    model.net = keras.Sequential([layers.Flatten(), layers.Dense(10), layers.Dropout(0.5)])
    return model


def slope(network, images, direction):
    """The derivative of the logits of images along a direction, in forward mode."""
    import tensorflow

    images, direction = (
        tensorflow.constant(array.transpose(0, 2, 3, 1)) for array in (images, direction)
    )
    with tensorflow.autodiff.ForwardAccumulator(images, direction) as forward:
        logits = network(images, training=False)
    return forward.jvp(logits).numpy()


def output(layer, x):
    """The output of a layer without weights, in evaluation mode."""
    import tensorflow as tf

    return tf.function(lambda images: layer(images, training=False))(x)


def output_and_gradient(layer, x, gradient):
    """The output of a layer without weights, and the gradient of x for that of the output."""
    import tensorflow as tf

    layer, x = type(layer)(dtype=x.dtype.name), tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    return y, tape.gradient(y, x, gradient)
