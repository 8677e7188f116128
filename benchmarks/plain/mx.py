"""The plain network in MXNet: Gluon, not hybridised, as in the chapter."""

import mxnet
import numpy
from mxnet import autograd, gluon, init, np, npx
from mxnet.gluon import nn
from numpy.typing import NDArray

from benchmarks.plain import RATE, BlockShape, block_shapes
from common.arch import AnyNetSpec

npx.set_np()


class Block(nn.Block):
    """The ResNeXt block, with squeeze-and-excitation where the network has it."""

    def __init__(self, shape: BlockShape, spec: AnyNetSpec) -> None:
        super().__init__()
        middle, channels, bias = shape.middle, shape.channels, spec.conv_bias
        self.conv1 = nn.Conv2D(middle, 1, use_bias=bias)
        self.bn1 = _norm(spec)
        self.conv2 = nn.Conv2D(middle, 3, shape.stride, 1, groups=shape.groups, use_bias=bias)
        self.bn2 = _norm(spec)
        self.fc1 = self.fc2 = None
        if shape.se_channels:
            self.fc1 = nn.Dense(shape.se_channels, activation="relu")
            self.fc2 = nn.Dense(middle, activation="sigmoid")
        self.conv3 = nn.Conv2D(channels, 1, use_bias=bias)
        self.bn3 = _norm(spec)
        self.conv4 = self.bn4 = None
        if shape.project:
            self.conv4 = nn.Conv2D(channels, 1, shape.stride, use_bias=bias)
            self.bn4 = _norm(spec)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y = npx.relu(self.bn1(self.conv1(x)))
        y = npx.relu(self.bn2(self.conv2(y)))
        if self.fc1 is not None:
            gates = self.fc2(self.fc1(y.mean((2, 3))))
            y = y * np.expand_dims(np.expand_dims(gates, 2), 3)
        y = self.bn3(self.conv3(y))
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x))
        return npx.relu(y + x)


def _norm(spec: AnyNetSpec) -> nn.Block:
    return nn.BatchNorm(momentum=1 - spec.bn_momentum, epsilon=spec.bn_epsilon)


def network(spec: AnyNetSpec) -> nn.Block:
    """Stem, blocks and head."""
    net = nn.Sequential()
    net.add(
        nn.Conv2D(spec.stem_channels, 3, spec.stem_stride, padding=1, use_bias=spec.conv_bias),
        _norm(spec),
        nn.Activation("relu"),
        *(Block(shape, spec) for shape in block_shapes(spec)),
        nn.GlobalAvgPool2D(),
        nn.Dense(spec.num_classes),
    )
    return net


class Plain:
    """A plain network being trained."""

    def __init__(self, spec: AnyNetSpec, image_shape: tuple[int, int, int]) -> None:
        self.context = mxnet.gpu() if mxnet.context.num_gpus() else mxnet.cpu()
        self.net = network(spec)
        self.net.initialize(init.Xavier(), ctx=self.context)
        self.net(np.zeros((1, *image_shape), ctx=self.context))  # allocates
        self.loss = gluon.loss.SoftmaxCrossEntropyLoss()
        parameters, rate = self.net.collect_params(), {"learning_rate": RATE}
        self.trainer = gluon.Trainer(parameters, "sgd", rate)

    def train_step(self, images: NDArray[numpy.uint8], labels: NDArray[numpy.int32]) -> np.ndarray:
        """One step; the loss."""
        x, y = self._scaled(images), np.array(labels, ctx=self.context)
        with autograd.record():
            loss = self.loss(self.net(x), y).mean()
        loss.backward()
        self.trainer.step(1)
        return loss

    def eval_step(self, images: NDArray[numpy.uint8]) -> NDArray[numpy.float32]:
        """Logits (N, classes)."""
        return self.net(self._scaled(images)).asnumpy()

    def _scaled(self, images: NDArray[numpy.uint8]) -> np.ndarray:
        return np.array(images, dtype="uint8", ctx=self.context).astype("float32") / 255


def wait() -> None:
    """Return when all that was begun is done."""
    npx.waitall()
