"""The plain network in PyTorch: eager, NCHW, as in the chapter."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.plain import RATE, BlockShape, block_shapes
from common.arch import AnyNetSpec


class Block(nn.Module):
    """The ResNeXt block, with squeeze-and-excitation where the network has it."""

    def __init__(self, shape: BlockShape, spec: AnyNetSpec) -> None:
        super().__init__()
        middle, channels, bias = shape.middle, shape.channels, spec.conv_bias
        self.conv1 = nn.Conv2d(shape.in_channels, middle, 1, bias=bias)
        self.bn1 = _norm(middle, spec)
        self.conv2 = nn.Conv2d(middle, middle, 3, shape.stride, 1, groups=shape.groups, bias=bias)
        self.bn2 = _norm(middle, spec)
        self.fc1 = self.fc2 = None
        if shape.se_channels:
            self.fc1 = nn.Linear(middle, shape.se_channels)
            self.fc2 = nn.Linear(shape.se_channels, middle)
        self.conv3 = nn.Conv2d(middle, channels, 1, bias=bias)
        self.bn3 = _norm(channels, spec)
        self.conv4 = self.bn4 = None
        if shape.project:
            self.conv4 = nn.Conv2d(shape.in_channels, channels, 1, shape.stride, bias=bias)
            self.bn4 = _norm(channels, spec)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        if self.fc1 is not None:
            gates = torch.sigmoid(self.fc2(F.relu(self.fc1(y.mean((2, 3))))))
            y = y * gates[:, :, None, None]
        y = self.bn3(self.conv3(y))
        if self.conv4 is not None:
            x = self.bn4(self.conv4(x))
        return F.relu(y + x)


def _norm(channels: int, spec: AnyNetSpec) -> nn.Module:
    return nn.BatchNorm2d(channels, spec.bn_epsilon, spec.bn_momentum)


def network(spec: AnyNetSpec) -> nn.Module:
    """Stem, blocks and head."""
    stem, last = spec.stem_channels, spec.stages[-1].channels
    return nn.Sequential(
        nn.Conv2d(spec.in_channels, stem, 3, spec.stem_stride, padding=1, bias=spec.conv_bias),
        _norm(stem, spec),
        nn.ReLU(),
        *(Block(shape, spec) for shape in block_shapes(spec)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(last, spec.num_classes),
    )


class Eager:
    """A network being trained as a user of PyTorch would, on the GPU if there is one.

    `rounded` computes in bfloat16 where autocast does; `compiled` goes through `torch.compile`.
    Images may be tensors on the device.
    """

    def __init__(
        self,
        net: nn.Module,
        channels_last: bool = False,
        rounded: bool = False,
        compiled: bool = False,
    ) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(self.device, memory_format=self.layout)
        self.rounded = rounded
        self.called = torch.compile(self.net) if compiled else self.net
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE)

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Tensor:
        """One step; the loss."""
        self.net.train()
        targets = torch.from_numpy(labels).long().to(self.device)
        loss = F.cross_entropy(self._logits(images), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes)."""
        self.net.eval()
        with torch.no_grad():
            return self._logits(images).cpu().numpy()

    def _logits(self, images: NDArray[np.uint8] | Tensor) -> Tensor:
        given = images if isinstance(images, Tensor) else torch.from_numpy(images)
        x = given.to(self.device).float() / 255
        with torch.autocast(self.device, torch.bfloat16, self.rounded):
            return self.called(x.contiguous(memory_format=self.layout)).float()


class Plain(Eager):
    """A plain network being trained."""

    def __init__(self, spec: AnyNetSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__(network(spec))


def wait() -> None:
    """Return when all that was begun is done: on a CPU PyTorch has always finished."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
