"""AnyNet and RegNetX32 as the chapter builds them (sections 8.8.1 and 8.8.3)."""

from typing import Any

import keras
import tensorflow as tf

from anynet_tf.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_tf.convolution import conv
from anynet_tf.layers import ReLU, Shape, norm, sequential, start_at_zero
from anynet_tf.weights import put_fitting, put_weights
from common.arch import BN_EPSILON, BN_MOMENTUM, REGNETX32, AnyNetSpec, BlockKind, projects
from common.arch.spec import Arch
from common.chapter import HyperParameters, call_builder, own_builders
from common.errors import BackendError
from common.weights import Init, initial_weights

__all__ = ["AnyNet", "Classifier", "RegNetX32"]


class Classifier(HyperParameters, keras.Model):
    """A network `net` that turns images into logits, and its learning rate `lr`."""

    net: keras.Sequential
    lr: float = 0.1
    training: bool | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__dict__.pop("loss", None)  # Keras's, None so far, in front of the method

    def compile(self, *arguments: Any, **settings: Any) -> None:
        """Prepare Keras's own `fit`; `Trainer.fit` takes its recipe and `loss` all the same."""
        super().compile(*arguments, **settings)
        self.__dict__.pop("loss", None)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile a loaded network as it was; Keras asks for this where `compile` is overridden."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def build(self, input_shape: Shape) -> None:
        """Allocate `net` for images of any size with the channels of `input_shape`."""
        if not self.net.built:
            self.net.build((None, None, None, input_shape[-1]))

    def forward(self, images: tf.Tensor) -> tf.Tensor:
        """Logits (N, classes) of images.

        `images` is (N, H, W, C).
        """
        return self.net(images, training=self.training)

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """What `forward` gives; `training`, the mode, is an attribute in it, as in d2l."""
        self.training = training
        try:
            return self.forward(images)
        finally:
            self.training = None

    def loss(self, logits: tf.Tensor, labels: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Mean cross-entropy in nats of logits (N, classes) at labels (N,).

        Unless `averaged`: of each image.
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(losses) if averaged else losses

    def accuracy(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:  # noqa: N803
        """The fraction of logits (N, classes) that are largest at labels (N,).

        Unless `averaged`: 1.0 or 0.0 for each (chapter section 4.3).
        """
        right = tf.cast(tf.argmax(Y_hat, -1, Y.dtype) == Y, tf.float32)
        return tf.reduce_mean(right) if averaged else right

    def layer_summary(self, shape: tuple[int, ...]) -> None:
        """Print what flows through the parts of `net` for a batch of `shape`.

        `shape` is (N, H, W, C).
        """
        self.build(shape)
        x = tf.zeros(shape)
        for part in self.net.layers:
            x = part(x, training=False)
            print(f"{part.name:7} {type(part).__name__} output shape:\t{tuple(x.shape)}")


@keras.saving.register_keras_serializable(package="anynet")
class AnyNet(Classifier):
    """AnyNet: a stem, stages of blocks, and a head.

    `arch` holds, per stage, (depth, channels, group_width, bottleneck_multiplier, stride) of
    which the first two are needed. An mlp needs `image_size`, a side in pixels. Initial weights
    are drawn from `seed`, the same in every framework. Raises `SpecError`.
    """

    def __init__(
        self,
        arch: Arch,
        stem_channels: int,
        lr: float = 0.1,
        num_classes: int = 10,
        in_channels: int = 1,
        block: BlockKind = "resnext",
        stem_stride: int = 2,
        conv_bias: bool = True,
        se_ratio: float = 0.0,
        bn_epsilon: float = BN_EPSILON,
        bn_momentum: float = BN_MOMENTUM,
        batch_norm: bool = True,
        image_size: int | None = None,
        seed: int = 0,
        init: Init = "xavier",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lr, self.seed, self.init = lr, seed, init
        self.spec = spec = AnyNetSpec.from_arch(
            arch,
            stem_channels,
            num_classes,
            in_channels,
            block,
            stem_stride,
            conv_bias,
            se_ratio,
            bn_epsilon,
            bn_momentum,
            batch_norm,
            image_size,
        )
        try:
            self._build_net(spec)
        except RecursionError as error:
            blocks = sum(stage.depth for stage in spec.stages)
            raise BackendError(
                f"network: Keras must build it within Python's recursion limit; got {blocks:,} "
                "blocks; take fewer, or another backend"
            ) from error
        if own_builders(self):
            put_fitting(self, initial_weights(spec, seed, init))
        elif init != "zeros":
            put_weights(self, initial_weights(spec, seed, init))

    def _build_net(self, spec: AnyNetSpec) -> None:
        """Build `net` and allocate its variables."""
        self.net = sequential([], "net", self.dtype_policy.name)
        self.net.add(self.stem(spec.stem_channels))
        channels = spec.stem_channels
        for number, stage in enumerate(spec.stages, 1):
            self.net.add(
                call_builder(
                    self.stage,
                    stage.depth,
                    stage.channels,
                    stage.group_width,
                    stage.bottleneck_multiplier,
                    stage.stride,
                    channels,
                    needed=4 if stage.stride == 2 else 5,
                    name=f"stage{number}",
                )
            )
            channels = stage.channels
        self.net.add(call_builder(self.head, spec.num_classes, channels, needed=1))
        if not own_builders(self):
            start_at_zero(self.net)  # a draw would be the second
        self.net.build((None, spec.image_size, spec.image_size, spec.in_channels))
        self.build((None, spec.image_size, spec.image_size, spec.in_channels))

    @staticmethod
    def from_spec(
        spec: AnyNetSpec, lr: float = 0.1, seed: int = 0, init: Init = "xavier"
    ) -> "AnyNet":
        """The network that `spec` describes."""
        return AnyNet(**spec.arguments(), lr=lr, seed=seed, init=init)

    def stem(self, num_channels: int) -> keras.Sequential:
        """A strided 3x3 convolution, batch norm and ReLU.

        In an mlp a linear layer of all pixels takes the convolution's place.
        """
        spec, dtype = self.spec, self.dtype_policy.name
        if spec.block == "mlp":
            # In the order of the other frameworks: (C, H, W).
            first = [
                keras.layers.Permute((3, 1, 2), name="permute", dtype=dtype),
                keras.layers.Flatten(name="flatten", dtype=dtype),
                keras.layers.Dense(num_channels, use_bias=spec.conv_bias, name="fc", dtype=dtype),
            ]
        else:
            constants = (spec.stem_stride, 1, spec.conv_bias)
            first = [conv(num_channels, 3, *constants, name="conv", dtype=dtype)]
        return sequential(
            [
                *first,
                norm(spec.bn_epsilon, spec.bn_momentum, spec.batch_norm, name="bn", dtype=dtype),
                ReLU(spec.batch_norm, name="relu", dtype=dtype),
            ],
            "stem",
            dtype,
        )

    def stage(
        self,
        depth: int,
        num_channels: int,
        group_width: int | None,
        bottleneck_multiplier: float,
        stride: int = 2,
        in_channels: int | None = None,
        name: str | None = None,
    ) -> keras.Sequential:
        """`depth` blocks of `num_channels` channels, the first of which has the stride."""
        blocks = sequential([], name, self.dtype_policy.name)
        for index in range(depth):
            blocks.add(
                call_builder(
                    self.make_block,
                    num_channels,
                    group_width,
                    bottleneck_multiplier,
                    stride,
                    in_channels,
                    needed=3 if stride == 1 else 4,
                    name=f"block{index + 1}",
                )
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
        name: str | None = None,
    ) -> keras.layers.Layer:
        """A block of the spec's kind; it projects its shortcut when the shape changes."""
        spec = self.spec
        project = projects(in_channels, num_channels, stride)
        constants = (spec.conv_bias, spec.bn_epsilon, spec.bn_momentum, spec.batch_norm)
        named = {"name": name, "dtype": self.dtype_policy.name}
        match spec.block:
            case "resnext":
                return ResNeXtBlock(
                    num_channels,
                    group_width,
                    bottleneck_multiplier,
                    project,
                    stride,
                    spec.se_channels(in_channels),
                    *constants,
                    **named,
                )
            case "resnet":
                return ResNetBlock(num_channels, project, stride, *constants, **named)
            case "vanilla":
                return VanillaBlock(num_channels, stride, *constants, **named)
            case "mlp":
                return MLPBlock(num_channels, *constants, **named)

    def head(self, num_classes: int, in_channels: int | None = None) -> keras.Sequential:
        """The mean over all positions and a linear layer; in an mlp the latter alone."""
        dtype = self.dtype_policy.name
        layers = [keras.layers.Dense(num_classes, name="fc", dtype=dtype)]
        if self.spec.block != "mlp":
            layers.insert(0, keras.layers.GlobalAveragePooling2D(name="pool", dtype=dtype))
        return sequential(layers, "head", dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {**self.spec.arguments(), "lr": self.lr, "seed": self.seed, "init": self.init}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="anynet")
class RegNetX32(AnyNet):
    """The chapter's RegNetX with two stages, 32 and 80 channels wide."""

    def __init__(
        self,
        lr: float = 0.1,
        num_classes: int = 10,
        in_channels: int = 1,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        arguments = REGNETX32.arguments() | {"num_classes": num_classes, "in_channels": in_channels}
        super().__init__(**arguments, lr=lr, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        fixed = REGNETX32.arguments().keys() - {"num_classes", "in_channels"}
        return {name: v for name, v in super().get_config().items() if name not in fixed}
