"""What the MXNet tab takes from the book."""

import mxnet
import numpy
from mxnet import autograd, np, npx
from mxnet.gluon import nn
from mxnet.gluon.data.vision import transforms

from common.chapter import HyperParameters, add_to_class
from tests.backends.tabs import name_layers
from tests.backends.tabs.known import Known

__all__ = ["Classifier", "ResNeXtBlock", "Tab", "add_to_class"]

npx.set_np()
_CANONICAL = {"gamma": "weight", "beta": "bias"}

KNOWN = Known(
    epsilon=1e-5, padding_error=0, epsilon_error=0, new_weight=0.1, momentum_weight=0.9,
    unbiased=False, statistics_error=0, draw="xavier", draws_biases=False, levels=0.79,
    slipped=True,
)  # fmt: skip


class Classifier(HyperParameters, nn.Block):
    def forward(self, x):
        return self.net(x)


class ResNeXtBlock(nn.Block):
    def __init__(self, num_channels, groups, bot_mul, use_1x1conv=False, strides=1):
        super().__init__()
        middle = round(num_channels * bot_mul)
        self.conv1 = nn.Conv2D(middle, 1)
        self.conv2 = nn.Conv2D(middle, 3, strides, 1, groups=middle // groups)
        self.conv3 = nn.Conv2D(num_channels, 1)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm() for _ in range(3))
        self.conv4 = nn.Conv2D(num_channels, 1, strides) if use_1x1conv else None
        self.bn4 = nn.BatchNorm() if use_1x1conv else None

    def forward(self, x):
        y = npx.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(npx.relu(self.bn2(self.conv2(y)))))
        return npx.relu(y + (self.bn4(self.conv4(x)) if self.conv4 else x))


class Tab:
    def __init__(self, network):
        mxnet.random.seed(0)
        self.network = network()
        self.logits(numpy.zeros((1, 1, 16, 16), numpy.float32))  # draws the weights
        stem, *stages, _, linear = self.network.net
        self.layers = dict(name_layers(stem, stages, linear))
        self.drawn = self.arrays()

    def arrays(self):
        return {name: p.data().asnumpy() for name, p in self._parameters().items()}

    def load(self, arrays):
        for name, parameter in self._parameters().items():
            parameter.set_data(np.array(arrays[name]))

    def _parameters(self):
        return {
            f"{name}.{_CANONICAL.get(kind, kind)}": parameter
            for name, layer in self.layers.items()
            for kind, parameter in layer._reg_params.items()
        }

    def logits(self, images):
        return self.network(np.array(images)).asnumpy()

    def learn_statistics(self, images):
        with autograd.record():
            total = self.network(np.array(images)).sum()
        total.backward()  # Gluon's statistics move here
        npx.waitall()

    @staticmethod
    def grouped_kernel(channels, groups):
        return nn.Conv2D(channels, 3, groups=groups, in_channels=channels).weight.shape

    @staticmethod
    def new_weight(momentum):
        """What batch norm does with a momentum: the weight of a new mean of one."""
        layer = nn.BatchNorm(momentum=momentum)
        layer.initialize()
        with autograd.record():
            total = layer(np.ones((2, 1, 2, 2))).sum()
        total.backward()
        return layer.running_mean.data().item()

    @staticmethod
    def resize(images, side):
        steps = transforms.Compose([transforms.Resize((side, side)), transforms.ToTensor()])
        pixels = numpy.ascontiguousarray(images.transpose(0, 2, 3, 1))
        return steps(np.array(pixels, dtype="uint8")).asnumpy()
