"""What the PyTorch tab takes from the book."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import nn

from anynet_torch import init_cnn
from common.chapter import HyperParameters, add_to_class
from tests.backends.tabs import name_layers
from tests.backends.tabs.known import Known

__all__ = ["Classifier", "ResNeXtBlock", "Tab", "add_to_class", "init_cnn"]

KNOWN = Known(
    epsilon=1e-5, padding_error=0, epsilon_error=0, new_weight=0.1, momentum_weight=0.1,
    unbiased=True, statistics_error=2.8e-4, draw="torch", draws_biases=True, levels=1.0,
)  # fmt: skip


class Classifier(HyperParameters, nn.Module):
    def forward(self, x):
        return self.net(x)


class ResNeXtBlock(nn.Module):
    def __init__(self, num_channels, groups, bot_mul, use_1x1conv=False, strides=1):
        super().__init__()
        middle = round(num_channels * bot_mul)
        self.conv1 = nn.LazyConv2d(middle, 1)
        self.conv2 = nn.LazyConv2d(middle, 3, strides, 1, groups=middle // groups)
        self.conv3 = nn.LazyConv2d(num_channels, 1)
        self.bn1, self.bn2, self.bn3 = (nn.LazyBatchNorm2d() for _ in range(3))
        self.conv4 = nn.LazyConv2d(num_channels, 1, strides) if use_1x1conv else None
        self.bn4 = nn.LazyBatchNorm2d() if use_1x1conv else None

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (self.bn4(self.conv4(x)) if self.conv4 else x))


class Tab:
    def __init__(self, network):
        torch.manual_seed(0)
        self.network = network()
        self.network.eval()
        self.logits(np.zeros((1, 1, 16, 16), np.float32))  # allocates the lazy layers
        stem, *stages, head = self.network.net
        self.layers = dict(name_layers(stem, stages, head[-1]))
        self.drawn = self.arrays()

    def arrays(self):
        return {k: tensor.detach().numpy().copy() for k, tensor in self._tensors().items()}

    def load(self, arrays):
        with torch.no_grad():
            for name, tensor in self._tensors().items():
                tensor.copy_(torch.from_numpy(arrays[name]))

    def _tensors(self):
        return {
            f"{name}.{kind}": tensor
            for name, layer in self.layers.items()
            for kind, tensor in layer.state_dict().items()
            if kind != "num_batches_tracked"
        }

    def logits(self, images):
        with torch.no_grad():
            return self.network(torch.from_numpy(images)).numpy()

    def learn_statistics(self, images):
        self.network.train()
        self.logits(images)
        self.network.eval()

    @staticmethod
    def grouped_kernel(channels, groups):
        return nn.Conv2d(channels, channels, 3, groups=groups).weight.shape

    @staticmethod
    def new_weight(momentum):
        """What batch norm does with a momentum: the weight of a new mean of one."""
        layer = nn.BatchNorm2d(1, momentum=momentum)
        layer(torch.ones(2, 1, 2, 2))
        return layer.running_mean.item()

    @staticmethod
    def resize(images, side):
        """torchvision's `Resize` on a PIL image resizes with Pillow; `ToTensor` divides."""
        resized = [
            Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
            for image in images[:, 0]
        ]
        return np.stack(resized)[:, None].astype(np.float32) / 255
