"""What the TensorFlow tab takes from the book."""

import keras
import numpy as np
import tensorflow as tf

from anynet_tf.weights import canonical_array, native_array
from common.chapter import HyperParameters, add_to_class
from tests.backends.tabs import name_layers
from tests.backends.tabs.known import Known

__all__ = ["Classifier", "ResNeXtBlock", "Tab", "add_to_class"]

_CANONICAL = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

KNOWN = Known(
    epsilon=1e-3, padding_error=8.1e-3, epsilon_error=1.3e-3, new_weight=0.01, momentum_weight=0.9,
    unbiased=False, statistics_error=8.1e-2, draw="xavier", draws_biases=False, levels=0,
)  # fmt: skip


class Classifier(HyperParameters, keras.Model):
    def call(self, x, training=None):
        return self.net(x, training=training)


class ResNeXtBlock(keras.Model):
    def __init__(self, num_channels, groups, bot_mul, use_1x1conv=False, strides=1):
        super().__init__()
        layers, middle = keras.layers, round(num_channels * bot_mul)
        self.conv1 = layers.Conv2D(middle, 1)
        self.conv2 = layers.Conv2D(middle, 3, strides, "same", groups=middle // groups)
        self.conv3 = layers.Conv2D(num_channels, 1)
        self.bn1, self.bn2, self.bn3 = (layers.BatchNormalization() for _ in range(3))
        self.conv4 = layers.Conv2D(num_channels, 1, strides) if use_1x1conv else None
        self.bn4 = layers.BatchNormalization() if use_1x1conv else None

    def call(self, x, training=None):
        y = tf.nn.relu(self.bn1(self.conv1(x), training=training))
        y = tf.nn.relu(self.bn2(self.conv2(y), training=training))
        y = self.bn3(self.conv3(y), training=training)
        shortcut = x if self.conv4 is None else self.bn4(self.conv4(x), training=training)
        return tf.nn.relu(y + shortcut)


class Tab:
    def __init__(self, network):
        keras.utils.set_random_seed(0)
        self.network = network()
        self.logits(np.zeros((1, 1, 16, 16), np.float32))  # allocates the layers
        stem, *stages, head = self.network.net.layers
        self.layers = dict(name_layers(stem.layers, [s.layers for s in stages], head.layers[-1]))
        self.drawn = self.arrays()

    def arrays(self):
        return {name: canonical_array(v) for name, v in self._variables().items()}

    def load(self, arrays):
        for name, variable in self._variables().items():
            variable.assign(native_array(arrays[name]))

    def _variables(self):
        return {
            f"{name}.{_CANONICAL[variable.name]}": variable
            for name, layer in self.layers.items()
            for variable in layer.weights
        }

    def logits(self, images, training=False):
        return self.network(tf.constant(images.transpose(0, 2, 3, 1)), training=training).numpy()

    def learn_statistics(self, images):
        self.logits(images, training=True)

    @staticmethod
    def grouped_kernel(channels, groups):
        layer = keras.layers.Conv2D(channels, 3, groups=groups)
        layer.build((None, None, None, channels))
        return canonical_array(layer.kernel).shape

    @staticmethod
    def new_weight(momentum):
        """What batch norm does with a momentum: the weight of a new mean of one."""
        layer = keras.layers.BatchNormalization(momentum=momentum)
        layer(tf.ones((2, 2, 2, 1)), training=True)
        return float(layer.moving_mean[0])

    @staticmethod
    def resize(images, side):
        pixels = tf.constant(images.transpose(0, 2, 3, 1)) / 255
        return tf.image.resize_with_pad(pixels, side, side).numpy().transpose(0, 3, 1, 2)
