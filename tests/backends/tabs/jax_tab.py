"""What the JAX tab takes from the book."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from anynet_jax.weights import to_canonical, to_variables
from common.chapter import HyperParameters, add_to_class
from tests.backends.tabs import name_layers
from tests.backends.tabs.known import Known

__all__ = ["Classifier", "ResNeXtBlock", "Tab", "add_to_class"]

KNOWN = Known(
    epsilon=1e-5, padding_error=8.2e-3, epsilon_error=0, new_weight=0.01, momentum_weight=0.9,
    unbiased=False, statistics_error=8.4e-2, draw="lecun", draws_biases=False, levels=None,
)  # fmt: skip


class Classifier(HyperParameters, nn.Module):
    def __call__(self, x):
        return self.net(x)


class ResNeXtBlock(nn.Module):
    num_channels: int
    groups: int
    bot_mul: int
    use_1x1conv: bool = False
    strides: tuple = (1, 1)
    training: bool = True

    def setup(self):
        middle = round(self.num_channels * self.bot_mul)
        grouped = partial(nn.Conv, feature_group_count=middle // self.groups)
        norm = partial(nn.BatchNorm, not self.training)
        self.conv1 = nn.Conv(middle, (1, 1))
        self.conv2 = grouped(middle, (3, 3), self.strides, padding="same")
        self.conv3 = nn.Conv(self.num_channels, (1, 1))
        self.bn1, self.bn2, self.bn3 = norm(), norm(), norm()
        self.conv4 = nn.Conv(self.num_channels, (1, 1), self.strides) if self.use_1x1conv else None
        self.bn4 = norm() if self.use_1x1conv else None

    def __call__(self, x):
        y = nn.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(nn.relu(self.bn2(self.conv2(y)))))
        return nn.relu(y + (self.bn4(self.conv4(x)) if self.conv4 else x))


class Tab:
    def __init__(self, network):
        training, evaluating = network(), network(training=False)
        self._evaluate = jax.jit(evaluating.apply)
        self._learn = jax.jit(partial(training.apply, mutable=["batch_stats"]))
        images = jnp.zeros((1, 16, 16, 1))
        self.variables = jax.jit(training.init)(jax.random.key(0), images)
        stem, *stages, head = training.bind(self.variables).net.layers
        layers = name_layers(stem.layers, [stage.layers for stage in stages], head.layers[-1])
        self.names = {".".join(layer.path[1:]): name for name, layer in layers}
        self.drawn = self.arrays()

    def arrays(self):
        found = {}
        for collection in self.variables.values():
            for path, array in to_canonical(collection).items():
                layer, _, kind = path.rpartition(".")
                found[f"{self.names[layer]}.{kind}"] = array
        return found

    def load(self, arrays):
        paths = {name: path for path, name in self.names.items()}
        native = {}
        for name, array in arrays.items():
            layer, _, kind = name.rpartition(".")
            native[f"{paths[layer]}.{kind}"] = array
        self.variables = to_variables(native)

    def logits(self, images):
        x = jnp.asarray(images.transpose(0, 2, 3, 1))
        return np.asarray(self._evaluate(self.variables, x))

    def learn_statistics(self, images):
        _, updates = self._learn(self.variables, jnp.asarray(images.transpose(0, 2, 3, 1)))
        self.variables = {**self.variables, **updates}

    @staticmethod
    def grouped_kernel(channels, groups):
        layer = nn.Conv(channels, (3, 3), feature_group_count=groups)
        variables = layer.init(jax.random.key(0), jnp.zeros((1, 4, 4, channels)))
        return to_canonical(variables["params"])["weight"].shape

    @staticmethod
    def new_weight(momentum):
        """What batch norm does with a momentum: the weight of a new mean of one."""
        layer, x = nn.BatchNorm(False, momentum=momentum), jnp.ones((2, 2, 2, 1))
        variables = layer.init(jax.random.key(0), x)
        _, updates = layer.apply(variables, x, mutable=["batch_stats"])
        return float(updates["batch_stats"]["mean"][0])

    resize = None
    """The tab resizes with TensorFlow, which this environment does not have."""
