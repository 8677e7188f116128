"""AnyNet and RegNetX32 as the chapter builds them (sections 8.8.1 and 8.8.3)."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from anynet_torch.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock, layer_factories
from anynet_torch.joined import Stem
from anynet_torch.layers import linear
from anynet_torch.pooling import MaxPool
from anynet_torch.v_blocks import VBlock, VRBlock
from anynet_torch.weights import init_weights
from common.arch import REGNETX32, AnyNetSpec, projects, resolve_spec
from common.arch.spec import Arch
from common.chapter import HyperParameters, call_builder, own_builders, refuse_own_layers
from common.weights import Init

__all__ = ["AnyNet", "Classifier", "RegNetX32", "init_cnn"]


class Classifier(HyperParameters, nn.Module):
    """A network `net` that maps images to logits, and its learning rate `lr`."""

    net: nn.Module
    lr: float = 0.1

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images.

        `images` is (N, C, H, W).
        """
        return self.net(images)

    def loss(self, logits: Tensor, labels: Tensor, averaged: bool = True) -> Tensor:
        """Mean cross-entropy in nats of logits (N, classes) and labels (N,).

        Labels may be target probabilities (N, classes), too. Without `averaged`, that of each
        image, (N,).
        """
        return F.cross_entropy(logits, labels, reduction="mean" if averaged else "none")

    def accuracy(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:  # noqa: N803
        """The fraction of logits (N, classes) whose maximum is at the label in labels (N,).

        Without `averaged`, 1.0 or 0.0 for each image, (N,) (chapter section 4.3).
        """
        right = (Y_hat.argmax(-1) == Y).float()
        return right.mean() if averaged else right

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain SGD at `lr`; training uses an override of this method (chapter section 3.2)."""
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(
        self, inputs: Sequence[Tensor], init: Callable[[nn.Module], None] | None = None
    ) -> None:
        """Initialise a network from a batch (chapter section 7.1.4).

        Allocates lazy layers, and then applies `init` to every layer.
        """
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)

    def layer_summary(self, shape: tuple[int, ...]) -> None:
        """Print the output shape of each part of `net` for a batch of `shape`.

        `shape` is (N, C, H, W).
        """
        was_training, x = self.training, torch.zeros(shape)
        self.eval()
        with torch.no_grad():
            for name, part in self.net.named_children():
                x = part(x)
                print(f"{name:8}{type(part).__name__} output shape:\t{tuple(x.shape)}")
        self.train(was_training)


class AnyNet(Classifier):
    """AnyNet: a stem, stages of blocks, and a head.

    - `arch`: per stage (depth, channels, group_width, bottleneck_multiplier, stride), of which the
      first two are required
    - `stem_channels`: output channels of the stem
    - `lr`: learning rate
    - `num_classes`: classes of the head
    - `spec`: the whole network, in place of `arch`, `stem_channels` and `num_classes`
    - `seed`, `init`: of the initial weights, the same in every framework

    Raises `SpecError`, also for a `spec` beside arguments that disagree with it.
    """

    def __init__(
        self,
        arch: Arch | None = None,
        stem_channels: int | None = None,
        lr: float = 0.1,
        num_classes: int = 10,
        *,
        spec: AnyNetSpec | None = None,
        seed: int = 0,
        init: Init = "xavier",
    ) -> None:
        super().__init__()
        self.lr = lr
        self.spec = spec = resolve_spec(arch, stem_channels, num_classes, spec)
        if own_builders(self):
            self.net = self._build(spec)
        else:
            with torch.device("meta"):  # skips PyTorch's own draw of the weights
                self.net = self._build(spec)
        init_weights(self, seed, init)

    @classmethod
    def from_spec(
        cls, spec: AnyNetSpec, lr: float = 0.1, seed: int = 0, init: Init = "xavier"
    ) -> "AnyNet":
        """The network that `spec` describes. Raises `SpecError` if the class has own layers."""
        refuse_own_layers(cls)
        return AnyNet(spec=spec, lr=lr, seed=seed, init=init)

    def _build(self, spec: AnyNetSpec) -> nn.Sequential:
        net, channels = nn.Sequential(), spec.stem_channels
        net.add_module("stem", self.stem(channels))
        for number, stage in enumerate(spec.stages, 1):
            built = call_builder(
                self.stage, *astuple(stage), channels, needed=4 if stage.stride == 2 else 5
            )
            net.add_module(f"stage{number}", built)
            channels = stage.channels
        net.add_module("head", call_builder(self.head, spec.num_classes, channels, needed=1))
        return net

    def stem(self, num_channels: int) -> nn.Module:
        """A strided 3x3 convolution, batch norm and ReLU.

        In an mlp, a linear layer on the flattened image replaces the convolution. ResNet's stem
        has a 7x7 convolution, and max pooling at its end.
        """
        spec, layers = self.spec, layer_factories(self.spec)
        if spec.block == "mlp" and spec.image_size:
            pixels = spec.in_channels * spec.image_size**2
            fc = layers["linear"](num_channels, in_channels=pixels)
            first = {"flatten": nn.Flatten(), "fc": fc}
        else:
            conv = partial(layers["conv"], in_channels=spec.in_channels)
            first = {"conv": conv(num_channels, spec.stem_kernel, spec.stem_stride)}
        bn = layers["norm"](num_channels)
        last = {"pool": MaxPool()} if spec.stem == "resnet" else {}
        return Stem(OrderedDict(**first, bn=bn, relu=nn.ReLU(inplace=True), **last))

    def stage(
        self,
        depth: int,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        stride: int = 2,
        in_channels: int | None = None,
    ) -> nn.Module:
        """`depth` blocks of `num_channels` channels; the first one has the stride."""
        blocks = nn.Sequential()
        for index in range(depth):
            blocks.add_module(
                f"block{index + 1}",
                call_builder(
                    self.make_block,
                    num_channels,
                    group_width,
                    bottleneck_multiplier,
                    stride,
                    in_channels,
                    needed=3 if stride == 1 else 4,
                ),
            )
            stride, in_channels = 1, num_channels
        return blocks

    def make_block(
        self,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        stride: int = 1,
        in_channels: int | None = None,
    ) -> nn.Module:
        """A block of the spec's kind; its shortcut has a projection if the shape changes."""
        spec, project = self.spec, projects(in_channels, num_channels, stride)
        made_of = {**layer_factories(spec), "in_channels": in_channels}
        match spec.block:
            case "resnext":
                return ResNeXtBlock(
                    num_channels,
                    group_width,
                    bottleneck_multiplier,
                    project,
                    stride,
                    se_channels=spec.se_channels(in_channels),
                    **made_of,
                )
            case "resnet":
                return ResNetBlock(num_channels, project, stride, **made_of)
            case "vanilla":
                return VanillaBlock(num_channels, stride, **made_of)
            case "v":
                return VBlock(num_channels, stride, **made_of)
            case "vr":
                return VRBlock(num_channels, project, stride, **made_of)
            case "mlp":
                return MLPBlock(num_channels, **made_of)

    def head(self, num_classes: int, in_channels: int | None = None) -> nn.Module:
        """Global average pooling and a linear layer; in an mlp the linear layer only."""
        fc = linear(num_classes, in_channels=in_channels)
        if self.spec.block == "mlp":
            return nn.Sequential(OrderedDict(fc=fc))
        return nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=fc))


class RegNetX32(AnyNet):
    """The chapter's RegNetX with two stages, 32 and 80 channels wide."""

    def __init__(
        self, lr: float = 0.1, num_classes: int = 10, in_channels: int = 1, seed: int = 0
    ) -> None:
        spec = replace(REGNETX32, num_classes=num_classes, in_channels=in_channels)
        super().__init__(spec=spec, lr=lr, seed=seed)


def init_cnn(module: nn.Module) -> None:
    """Draw a layer's weights Xavier-uniformly, for `net.apply` (chapter section 7.6.2)."""
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
