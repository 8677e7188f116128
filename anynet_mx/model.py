"""AnyNet and RegNetX32 as the chapter builds them (sections 8.8.1 and 8.8.3)."""

from dataclasses import astuple, replace

from mxnet import gluon, np
from mxnet.gluon import HybridBlock, nn

from anynet_mx.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock, layer_factories
from anynet_mx.layers import Chain, GlobalAvgPool, ReLU, linear
from anynet_mx.pooling import MaxPool
from anynet_mx.v_blocks import VBlock, VRBlock
from anynet_mx.weights import init_weights
from common.arch import REGNETX32, AnyNetSpec, projects, resolve_spec
from common.arch.spec import Arch
from common.chapter import HyperParameters, call_builder, own_builders, refuse_own_layers
from common.weights import Init

__all__ = ["AnyNet", "Classifier", "RegNetX32"]


class Classifier(HyperParameters, nn.Block):
    """A network `net` that maps images to logits, and its learning rate `lr`."""

    lr: float = 0.1

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Logits (N, classes) of images.

        `images` is (N, C, H, W).
        """
        return self.net(images)

    def loss(self, logits: np.ndarray, labels: np.ndarray, averaged: bool = True) -> np.ndarray:
        """Mean cross-entropy in nats of logits (N, classes) and labels (N,).

        Labels may be target probabilities (N, classes), too. Without `averaged`, that of each
        image, (N,).
        """
        is_hard = labels.shape != logits.shape
        losses = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=is_hard)(logits, labels)
        # MXNet's log-softmax can drop a NaN logit of another class than the label's.
        nan_or_zero = np.where(np.isnan(logits), logits, np.zeros_like(logits))
        return losses.mean() + nan_or_zero.sum() if averaged else losses + nan_or_zero.sum(-1)

    def accuracy(self, Y_hat: np.ndarray, Y: np.ndarray, averaged: bool = True) -> np.ndarray:  # noqa: N803
        """The fraction of logits (N, classes) whose maximum is at the label in labels (N,).

        Without `averaged`, 1.0 or 0.0 for each image, (N,) (chapter section 4.3).
        """
        right = (Y_hat.argmax(-1).astype("int32") == Y.astype("int32")).astype("float32")
        return right.mean() if averaged else right

    def layer_summary(self, shape: tuple[int, ...]) -> None:
        """Print the output shape of each part of `net` for a batch of `shape`.

        `shape` is (N, C, H, W).
        """
        x = np.zeros(shape)
        for name, part in self.net._children.items():
            x = part(x)
            print(f"{name:8}{type(part).__name__} output shape:\t{x.shape}")


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
        # Children set as attributes are applied in this order, under their attributes' names.
        self.net = nn.Sequential() if own_builders(self) else Chain()
        channels = spec.stem_channels
        self.net.stem = self.stem(channels)
        for number, stage in enumerate(spec.stages, 1):
            built = call_builder(
                self.stage, *astuple(stage), channels, needed=4 if stage.stride == 2 else 5
            )
            setattr(self.net, f"stage{number}", built)
            channels = stage.channels
        self.net.head = call_builder(self.head, spec.num_classes, channels, needed=1)
        init_weights(self, seed, init)

    @classmethod
    def from_spec(
        cls, spec: AnyNetSpec, lr: float = 0.1, seed: int = 0, init: Init = "xavier"
    ) -> "AnyNet":
        """The network that `spec` describes. Raises `SpecError` if the class has own layers."""
        refuse_own_layers(cls)
        return AnyNet(spec=spec, lr=lr, seed=seed, init=init)

    def stem(self, num_channels: int) -> HybridBlock:
        """A strided 3x3 convolution, batch norm and ReLU.

        In an mlp, a linear layer on the flattened image replaces the convolution. ResNet's stem
        has a 7x7 convolution, and max pooling at its end.
        """
        spec, layers = self.spec, layer_factories(self.spec)
        stem = nn.HybridSequential()
        if spec.block == "mlp" and spec.image_size:
            pixels = spec.in_channels * spec.image_size**2
            stem.flatten = nn.Flatten()
            stem.fc = layers["linear"](num_channels, in_channels=pixels)
        else:
            stem.conv = layers["conv"](
                num_channels, spec.stem_kernel, spec.stem_stride, in_channels=spec.in_channels
            )
        stem.bn = layers["norm"](in_channels=num_channels)
        stem.relu = ReLU(spec.batch_norm)
        if spec.stem == "resnet":
            stem.pool = MaxPool(spec.batch_norm)
        return stem

    def stage(
        self,
        depth: int,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        stride: int = 2,
        in_channels: int | None = None,
    ) -> HybridBlock:
        """`depth` blocks of `num_channels` channels; the first one has the stride."""
        blocks = nn.HybridSequential()
        for index in range(depth):
            block = call_builder(
                self.make_block,
                num_channels,
                group_width,
                bottleneck_multiplier,
                stride,
                in_channels,
                needed=3 if stride == 1 else 4,
            )
            setattr(blocks, f"block{index + 1}", block)
            stride, in_channels = 1, num_channels
        return blocks

    def make_block(
        self,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        stride: int = 1,
        in_channels: int | None = None,
    ) -> HybridBlock:
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

    def head(self, num_classes: int, in_channels: int | None = None) -> HybridBlock:
        """Global average pooling and a linear layer; in an mlp the linear layer only."""
        head = nn.HybridSequential()
        if self.spec.block != "mlp":
            head.pool = GlobalAvgPool()
        head.fc = linear(num_classes, in_channels=in_channels)
        return head


class RegNetX32(AnyNet):
    """The chapter's RegNetX with two stages, 32 and 80 channels wide."""

    def __init__(
        self, lr: float = 0.1, num_classes: int = 10, in_channels: int = 1, seed: int = 0
    ) -> None:
        spec = replace(REGNETX32, num_classes=num_classes, in_channels=in_channels)
        super().__init__(spec=spec, lr=lr, seed=seed)
