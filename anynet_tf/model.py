"""AnyNet and RegNetX32 as the chapter builds them (sections 8.8.1 and 8.8.3)."""

from dataclasses import astuple, replace
from typing import Any

import keras
import tensorflow as tf

from anynet_tf.blocks import MLPBlock, ResNetBlock, ResNeXtBlock, VanillaBlock, layer_factories
from anynet_tf.layers import ReLU, Shape, has_sized_layers, sequential
from anynet_tf.pooling import MaxPool
from anynet_tf.v_blocks import VBlock, VRBlock
from anynet_tf.weights import init_weights
from common.arch import REGNETX32, AnyNetSpec, projects, resolve_spec
from common.arch.spec import Arch
from common.chapter import HyperParameters, call_builder, refuse_own_layers
from common.errors import BackendError
from common.weights import Init

__all__ = ["AnyNet", "Classifier", "RegNetX32"]


class Classifier(HyperParameters, keras.Model):
    """A network `net` that maps images to logits, and its learning rate `lr`."""

    net: keras.Sequential
    lr: float = 0.1
    training: bool | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__dict__.pop("loss", None)  # Keras sets an attribute that hides the method

    def compile(self, *arguments: Any, **settings: Any) -> None:
        """Prepare Keras's own `fit`; `Trainer.fit` still uses its recipe and `loss`."""
        super().compile(*arguments, **settings)
        self.__dict__.pop("loss", None)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile a loaded network as before saving.

        Keras requires this method of a model that overrides `compile`.
        """
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def build(self, input_shape: Shape) -> None:
        """Allocate `net` for images of any size, or of `input_shape` if a layer needs a size."""
        if not self.net.built:
            free = (None, None, None, input_shape[-1])
            self.net.build(input_shape if has_sized_layers(self.net) else free)

    def forward(self, images: tf.Tensor) -> tf.Tensor:
        """Logits (N, classes) of images.

        `images` is (N, H, W, C).
        """
        return self.net(images, training=self.training)

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`forward`, during which the attribute `training` holds the mode, as in d2l."""
        self.training = training
        try:
            return self.forward(images)
        finally:
            self.training = None

    def loss(self, logits: tf.Tensor, labels: tf.Tensor, averaged: bool = True) -> tf.Tensor:
        """Mean cross-entropy in nats of logits (N, classes) and labels (N,).

        Labels may be target probabilities (N, classes), too. Without `averaged`, that of each
        image, (N,).
        """
        if labels.shape == logits.shape:
            losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(losses) if averaged else losses

    def accuracy(self, Y_hat: tf.Tensor, Y: tf.Tensor, averaged: bool = True) -> tf.Tensor:  # noqa: N803
        """The fraction of logits (N, classes) whose maximum is at the label in labels (N,).

        Without `averaged`, 1.0 or 0.0 for each image, (N,) (chapter section 4.3).
        """
        right = tf.cast(tf.argmax(Y_hat, -1, Y.dtype) == Y, tf.float32)
        return tf.reduce_mean(right) if averaged else right

    def layer_summary(self, shape: tuple[int, ...]) -> None:
        """Print the output shape of each part of `net` for a batch of `shape`.

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

    - `arch`: per stage (depth, channels, group_width, bottleneck_multiplier, stride), of which the
      first two are required
    - `stem_channels`: output channels of the stem
    - `lr`: learning rate
    - `num_classes`: classes of the head
    - `spec`: the whole network, in place of `arch`, `stem_channels` and `num_classes`
    - `seed`, `init`: of the initial weights, the same in every framework
    - `name`, `dtype`, `trainable`: those of every Keras model

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
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.lr, self.seed, self.init = lr, seed, init
        self.spec = spec = resolve_spec(arch, stem_channels, num_classes, spec)
        try:
            self._build_net(spec)
            init_weights(self, seed, init)
        except RecursionError as error:
            blocks = sum(stage.depth for stage in spec.stages)
            raise BackendError(
                f"network: Keras must build it within Python's recursion limit; got {blocks:,} "
                "blocks; take fewer, or another backend"
            ) from error

    def _build_net(self, spec: AnyNetSpec) -> None:
        """Build `net`, whose variables are not allocated yet."""
        self.net = sequential([], "net", self.dtype_policy.name)
        self.net.add(self.stem(spec.stem_channels))
        channels = spec.stem_channels
        for number, stage in enumerate(spec.stages, 1):
            self.net.add(
                call_builder(
                    self.stage,
                    *astuple(stage),
                    channels,
                    needed=4 if stage.stride == 2 else 5,
                    name=f"stage{number}",
                )
            )
            channels = stage.channels
        self.net.add(call_builder(self.head, spec.num_classes, channels, needed=1))

    @classmethod
    def from_spec(
        cls, spec: AnyNetSpec, lr: float = 0.1, seed: int = 0, init: Init = "xavier"
    ) -> "AnyNet":
        """The network that `spec` describes. Raises `SpecError` if the class has own layers."""
        refuse_own_layers(cls)
        return AnyNet(spec=spec, lr=lr, seed=seed, init=init)

    def stem(self, num_channels: int) -> keras.Sequential:
        """A strided 3x3 convolution, batch norm and ReLU.

        In an mlp, a linear layer on the flattened image replaces the convolution. ResNet's stem
        has a 7x7 convolution, and max pooling at its end.
        """
        spec, dtype, layers = self.spec, self.dtype_policy.name, layer_factories(self.spec)
        if spec.block == "mlp":
            # (H, W, C) to (C, H, W), the order of the frameworks with channels first.
            first = [
                keras.layers.Permute((3, 1, 2), name="permute", dtype=dtype),
                keras.layers.Flatten(name="flatten", dtype=dtype),
                layers["linear"](num_channels, name="fc", dtype=dtype),
            ]
        else:
            kernel, stride = spec.stem_kernel, spec.stem_stride
            first = [layers["conv"](num_channels, kernel, stride, name="conv", dtype=dtype)]
        bn = layers["norm"](name="bn", dtype=dtype)
        last = [ReLU(spec.batch_norm, name="relu", dtype=dtype)]
        if spec.stem == "resnet":
            last.append(MaxPool(spec.batch_norm, name="pool", dtype=dtype))
        return sequential([*first, bn, *last], "stem", dtype)

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
        """`depth` blocks of `num_channels` channels; the first one has the stride."""
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
        """A block of the spec's kind; its shortcut has a projection if the shape changes."""
        spec, project = self.spec, projects(in_channels, num_channels, stride)
        made_of = {**layer_factories(spec), "name": name, "dtype": self.dtype_policy.name}
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

    def head(self, num_classes: int, in_channels: int | None = None) -> keras.Sequential:
        """Global average pooling and a linear layer; in an mlp the linear layer only."""
        dtype = self.dtype_policy.name
        layers = [keras.layers.Dense(num_classes, name="fc", dtype=dtype)]
        if self.spec.block != "mlp":
            layers.insert(0, keras.layers.GlobalAveragePooling2D(name="pool", dtype=dtype))
        return sequential(layers, "head", dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the spec as plain data."""
        own = {"spec": self.spec.to_dict(), "lr": self.lr, "seed": self.seed, "init": self.init}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "AnyNet":
        """The network that has this config."""
        spec = {"spec": AnyNetSpec.from_dict(config["spec"])} if "spec" in config else {}
        return super().from_config({**config, **spec}, custom_objects)


@keras.saving.register_keras_serializable(package="anynet")
class RegNetX32(AnyNet):
    """The chapter's RegNetX with two stages, 32 and 80 channels wide."""

    def __init__(
        self,
        lr: float = 0.1,
        num_classes: int = 10,
        in_channels: int = 1,
        seed: int = 0,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        spec = replace(REGNETX32, num_classes=num_classes, in_channels=in_channels)
        super().__init__(spec=spec, lr=lr, seed=seed, name=name, dtype=dtype, trainable=trainable)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        spec = config.pop("spec")
        del config["init"]
        return {**config, "num_classes": spec["num_classes"], "in_channels": spec["in_channels"]}
