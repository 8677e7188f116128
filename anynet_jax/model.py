"""AnyNet and RegNetX32 as the chapter builds them (sections 8.8.1 and 8.8.3)."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from anynet_jax.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock, layer_factories
from anynet_jax.layers import Chain, relu, unbound
from anynet_jax.pooling import MaxPool
from anynet_jax.v_blocks import VBlock, VRBlock
from common.arch import REGNETX32, AnyNetSpec, check_agreement, projects, resolve_spec
from common.arch.spec import Arch
from common.chapter import HyperParameters, call_builder, refuse_own_layers
from common.weights import Init

__all__ = ["AnyNet", "Classifier", "Network", "RegNetX32", "in_mode"]


class Classifier(HyperParameters, nn.Module):
    """A network `net` that maps images to logits, and its learning rate `lr`."""

    def __call__(self, images: Array) -> Array:
        """`forward`, under the name by which Flax calls a module."""
        return self.forward(images)

    def forward(self, images: Array) -> Array:
        """Logits (N, classes) of images.

        `images` is (N, H, W, C).
        """
        return self.net(images)

    def loss(self, logits: Array, labels: Array, averaged: bool = True) -> Array:
        """Mean cross-entropy in nats of logits (N, classes) and labels (N,).

        Labels may be target probabilities (N, classes), too. Without `averaged`, that of each
        image, (N,).
        """
        if labels.shape == logits.shape:
            losses = optax.softmax_cross_entropy(logits, labels)
        else:
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean() if averaged else losses

    def accuracy(self, Y_hat: Array, Y: Array, averaged: bool = True) -> Array:  # noqa: N803
        """The fraction of logits (N, classes) whose maximum is at the label in labels (N,).

        Without `averaged`, 1.0 or 0.0 for each image, (N,) (chapter section 4.3).
        """
        right = (Y_hat.argmax(-1) == Y).astype("float32")
        return right.mean() if averaged else right

    def configure_optimizers(self) -> optax.GradientTransformation:
        """Plain SGD at `lr`; training uses an override of this method (chapter section 3.2)."""
        return optax.sgd(self.lr)

    def apply_init(self, inputs: Sequence[Array], key: Array) -> dict[str, Any]:
        """Initialise a network from a batch (chapter section 7.1.4).

        Returns variables drawn from `key`; training uses an override of this method.
        """
        return self.init(key, *inputs)

    def layer_summary(self, shape: tuple[int, ...]) -> None:
        """Print the output shape of each part of `net` for a batch of `shape`.

        `shape` is (N, H, W, C).
        """
        module, x = in_mode(self, training=False), jnp.zeros(shape)
        variables = jax.eval_shape(module.init, jax.random.key(0), x)

        def flow(variables: dict[str, Any], x: Array) -> Array:
            for part in module.bind(variables).net.layers:
                x = part(x)
                name = part.name or ""
                print(f"{name:8}{type(part).__name__} output shape:\t{x.shape}")
            return x

        jax.eval_shape(flow, variables, x)  # only shapes: compiles nothing


class AnyNet(Classifier):
    """AnyNet: a stem, stages of blocks, and a head.

    - `arch`: per stage (depth, channels, group_width, bottleneck_multiplier, stride), of which the
      first two are required
    - `stem_channels`: output channels of the stem
    - `lr`: learning rate
    - `num_classes`: classes of the head
    - `spec`: the whole network, in place of `arch`, `stem_channels` and `num_classes`
    - `seed`, `initial`: of the initial weights, the same in every framework; the other three call
      the latter `init`, which is a method of every Flax module
    - `training`: normalise by the statistics of the batch

    Raises `SpecError`, also for a `spec` beside arguments that disagree with it.

    A module has no weights of its own. `Learner`, and functions that take a network, give it those
    that `seed` draws; `create(module.spec, module.seed).variables` are these. Flax's
    `init(key, images)` ignores `seed`: it draws from `key`, by Flax's initialisers.
    """

    arch: Arch | None = None
    stem_channels: int | None = None
    lr: float = 0.1
    num_classes: int = 10
    spec: AnyNetSpec = None  # type: ignore[assignment]  # `__post_init__` makes it
    seed: int = 0
    initial: Init = "xavier"
    training: bool = True

    def __post_init__(self) -> None:
        spec = resolve_spec(self.arch, self.stem_channels, self.num_classes, self.spec)
        fields = {"arch": spec.arch, "stem_channels": spec.stem_channels,
                  "num_classes": spec.num_classes, "spec": spec}  # fmt: skip
        for name, value in fields.items():  # hashable, and the same however they were given
            object.__setattr__(self, name, value)
        super().__post_init__()

    def setup(self) -> None:
        """Build `net` by `create_net`."""
        self.net = self.create_net()

    def create_net(self) -> nn.Module:
        """The layers, from the spec (chapter section 8.8.1)."""
        spec, channels = self.spec, self.spec.stem_channels
        parts = [self.stem(channels)]
        for number, stage in enumerate(spec.stages, 1):
            built = call_builder(
                self.stage, *astuple(stage), channels, needed=4 if stage.stride == 2 else 5
            )
            parts.append(built.clone(name=f"stage{number}"))
            channels = stage.channels
        return Chain([*parts, call_builder(self.head, spec.num_classes, channels, needed=1)])

    @classmethod
    def from_spec(
        cls, spec: AnyNetSpec, lr: float = 0.1, seed: int = 0, init: Init = "xavier"
    ) -> "AnyNet":
        """The network that `spec` describes. Raises `SpecError` if the class has own layers."""
        refuse_own_layers(cls)
        return AnyNet(spec=spec, lr=lr, seed=seed, initial=init)

    def stem(self, num_channels: int) -> nn.Module:
        """A strided 3x3 convolution, batch norm and ReLU.

        In an mlp, a linear layer on the flattened image replaces the convolution. ResNet's stem
        has a 7x7 convolution, and max pooling at its end.
        """
        layers = layer_factories(self.spec, self.training)
        if self.spec.block == "mlp":
            first = [_flatten, unbound(layers["linear"], "fc")(num_channels)]
        else:
            kernel, stride = self.spec.stem_kernel, self.spec.stem_stride
            first = [unbound(layers["conv"], "conv")(num_channels, kernel, stride)]
        bn = unbound(layers["norm"], "bn")(training=self.training)
        last = [unbound(MaxPool, "pool")()] if self.spec.stem == "resnet" else []
        return unbound(Chain, "stem")([*first, bn, relu, *last])

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
        blocks = []
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
            blocks.append(block.clone(name=f"block{index + 1}"))
            stride, in_channels = 1, num_channels
        return Chain(blocks, parent=None)

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
        layers = layer_factories(spec, self.training)
        made_of = {**layers, "training": self.training, "parent": None}
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
        fc = unbound(nn.Dense, "fc")(num_classes)
        pool = [] if self.spec.block == "mlp" else [partial(jnp.mean, axis=(1, 2))]
        return unbound(Chain, "head")([*pool, fc])


@dataclass
class Network:
    """A module with its variables: a network that has weights."""

    module: Classifier
    variables: dict[str, Any]

    @property
    def spec(self) -> AnyNetSpec | None:
        """The network as plain data; `None` for a module without a spec."""
        return getattr(self.module, "spec", None)

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self.module.lr

    @staticmethod
    def from_spec(spec: AnyNetSpec) -> AnyNet:
        """The module that `spec` describes."""
        return AnyNet.from_spec(spec)


def in_mode(module: Classifier, training: bool) -> Classifier:
    """The module in training or evaluation mode, if it has a field `training`."""
    return module.clone(training=training) if hasattr(module, "training") else module


class RegNetX32(AnyNet):
    """The chapter's RegNetX with two stages, 32 and 80 channels wide."""

    lr: float = 0.1
    num_classes: int = 10
    in_channels: int = 1
    seed: int = 0
    stem_channels: int | None = REGNETX32.stem_channels
    arch: Arch | None = REGNETX32.arch

    def __post_init__(self) -> None:
        spec = replace(REGNETX32, num_classes=self.num_classes, in_channels=self.in_channels)
        if self.spec is not None:
            check_agreement(self.spec, spec)
        object.__setattr__(self, "spec", spec)
        super().__post_init__()


def _flatten(x: Array) -> Array:
    """(N, H, W, C) to (N, C H W), in the order of the frameworks with channels first."""
    return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
