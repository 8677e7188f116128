"""The plan: every layer of a network with its name and shapes, derived from the spec alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec
from common.errors import SpecError
from common.numbers import checked_size

Op = Literal[
    "conv",
    "batch_norm",
    "relu",
    "sigmoid",
    "add",
    "scale",
    "max_pool",
    "global_pool",
    "flatten",
    "linear",
]
Shape = tuple[int, ...]
ImageSize = int | tuple[int, int]

INPUT = "input"
"""The name of the image batch in `inputs`."""


@dataclass(frozen=True)
class Layer:
    """One step of the forward pass.

    `name` is the attribute path in every framework (`stage1.block2.conv1`); `inputs` are the names
    of the layers whose outputs it reads. Shapes have no batch axis: (channels, height, width) or
    (channels,).
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    bias: bool = False

    @property
    def parameters(self) -> dict[str, Shape]:
        """Trainable arrays by canonical name; kernels are OIHW, linear weights (out, in)."""
        channels, arrays = self.out_shape[0], dict[str, Shape]()
        if self.op == "conv":
            fan = self.in_shape[0] // self.groups
            arrays[f"{self.name}.weight"] = (channels, fan, self.kernel, self.kernel)
        elif self.op == "linear":
            arrays[f"{self.name}.weight"] = (channels, self.in_shape[0])
        elif self.op == "batch_norm":
            arrays[f"{self.name}.weight"] = (channels,)
        if self.bias:
            arrays[f"{self.name}.bias"] = (channels,)
        return arrays

    @property
    def buffers(self) -> dict[str, Shape]:
        """Running statistics by canonical name."""
        if self.op != "batch_norm":
            return {}
        shape = self.out_shape[:1]
        return {f"{self.name}.running_mean": shape, f"{self.name}.running_var": shape}

    @property
    def flops(self) -> int:
        """Multiply-adds for one image, biases included, as in pycls."""
        outputs = prod(self.out_shape)
        if self.op not in ("conv", "linear"):
            return 0
        fan = self.kernel**2 * self.in_shape[0] // self.groups
        return outputs * fan + (outputs if self.bias else 0)

    @property
    def activations(self) -> int:
        """Output elements for one image of a convolution, linear layer or max pooling, as in pycls.

        0 for other layers.
        """
        return prod(self.out_shape) if self.op in ("conv", "linear", "max_pool") else 0


def plan(spec: AnyNetSpec, image_size: ImageSize | None = None) -> tuple[Layer, ...]:
    """Every layer of `spec` for images of `image_size` pixels, in order of execution.

    `image_size` is a side or (height, width); names and parameters do not depend on it. Without
    one, images are those of `image_shape`. Raises `SpecError` for a size that `spec` does not take.
    """
    chain = _Chain(spec.conv_bias, spec.batch_norm, image_shape(spec, image_size))
    _add_stem(chain, spec)
    for number, stage in enumerate(spec.stages, 1):
        for index in range(stage.depth):
            stride = stage.stride if index == 0 else 1
            _add_block(chain, f"stage{number}.block{index + 1}", spec, stage, stride)
    if spec.block != "mlp":
        chain.add("head.pool", "global_pool", out_shape=chain.shape[:1])
    chain.add("head.fc", "linear", out_shape=(spec.num_classes,), bias=True)
    return tuple(chain.layers)


def image_shape(spec: AnyNetSpec, image_size: ImageSize | None = None) -> Shape:
    """(channels, height, width) of images of `image_size` pixels.

    The default is the size of an mlp's images, and 1x1 for other networks. Raises `SpecError` for a
    size below 1 or above `MAX_SIDE`, and for an mlp if it is not its own.
    """
    size = image_size if image_size is not None else spec.image_size or 1
    height, width = checked_size("image_size", size)
    side = spec.image_size
    if side is not None and (height, width) != (side, side):
        raise SpecError(f"image_size must be that of the mlp, {side}x{side}; got {height}x{width}")
    return spec.in_channels, height, width


def parameters(spec: AnyNetSpec) -> dict[str, Shape]:
    """Shapes of the trainable arrays of `spec` by canonical name, in order of execution."""
    return {name: shape for layer in plan(spec) for name, shape in layer.parameters.items()}


def buffers(spec: AnyNetSpec) -> dict[str, Shape]:
    """Shapes of the running statistics of `spec` by canonical name, in order of execution."""
    return {name: shape for layer in plan(spec) for name, shape in layer.buffers.items()}


class _Chain:
    """A list under construction; each layer reads the one before it by default."""

    def __init__(self, conv_bias: bool, batch_norm: bool, shape: Shape) -> None:
        self.layers: list[Layer] = []
        self.conv_bias = conv_bias
        self.batch_norm = batch_norm
        self.last = INPUT
        self.shape = shape

    def add(
        self,
        name: str,
        op: Op,
        out_shape: Shape | None = None,
        inputs: tuple[str, ...] = (),
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        inputs, out_shape = inputs or (self.last,), out_shape or self.shape
        self.layers.append(
            Layer(name, op, inputs, self.shape, out_shape, kernel, stride, groups, bias)
        )
        self.last, self.shape = name, out_shape

    def conv(self, name: str, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        out_shape = self._strided(channels, stride)
        self.add(name, "conv", out_shape, (), kernel, stride, groups, self.conv_bias)

    def max_pool(self, name: str) -> None:
        self.add(name, "max_pool", self._strided(self.shape[0], 2), kernel=3, stride=2)

    def _strided(self, channels: int, stride: int) -> Shape:
        # Kernels are odd, and padding is (kernel - 1) / 2 on every side.
        height, width = ((side - 1) // stride + 1 for side in self.shape[1:])
        return channels, height, width

    def linear(self, name: str, channels: int) -> None:
        self.add(name, "linear", (channels,), bias=self.conv_bias)

    def norm(self, name: str) -> None:
        if self.batch_norm:
            self.add(name, "batch_norm", bias=True)

    def conv_bn_relu(
        self, path: str, number: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        self.conv(f"{path}.conv{number}", channels, kernel, stride, groups)
        self.norm(f"{path}.bn{number}")
        self.add(f"{path}.relu{number}", "relu")


def _add_stem(chain: _Chain, spec: AnyNetSpec) -> None:
    if spec.block == "mlp":
        chain.add("stem.flatten", "flatten", (prod(chain.shape),))
        chain.linear("stem.fc", spec.stem_channels)
    else:
        chain.conv("stem.conv", spec.stem_channels, spec.stem_kernel, spec.stem_stride)
    chain.norm("stem.bn")
    chain.add("stem.relu", "relu")
    if spec.stem == "resnet":
        chain.max_pool("stem.pool")


def _add_block(chain: _Chain, path: str, spec: AnyNetSpec, stage: StageSpec, stride: int) -> None:
    entry, entry_shape = chain.last, chain.shape
    if spec.block == "mlp":
        chain.linear(f"{path}.fc1", stage.channels)
        chain.norm(f"{path}.bn1")
        chain.add(f"{path}.relu1", "relu")
        return
    if spec.block == "vanilla":
        chain.conv_bn_relu(path, 1, stage.channels, 3, stride)
        chain.conv_bn_relu(path, 2, stage.channels, 3)
        return
    if spec.block == "v":
        chain.conv_bn_relu(path, 1, stage.channels, 3, stride)
        return
    if spec.block == "vr":
        chain.conv(f"{path}.conv1", stage.channels, 3, stride)
        chain.norm(f"{path}.bn1")
    elif spec.block == "resnet":
        chain.conv_bn_relu(path, 1, stage.channels, 3, stride)
        chain.conv(f"{path}.conv2", stage.channels, 3)
        chain.norm(f"{path}.bn2")
    else:
        chain.conv_bn_relu(path, 1, stage.bottleneck_channels, 1)
        chain.conv_bn_relu(path, 2, stage.bottleneck_channels, 3, stride, stage.groups)
        _add_squeeze_excitation(chain, f"{path}.se", spec.se_channels(entry_shape[0]))
        chain.conv(f"{path}.conv3", stage.channels, 1)
        chain.norm(f"{path}.bn3")
    residual, shape = chain.last, chain.shape
    shortcut = entry
    if projects(entry_shape[0], stage.channels, stride):
        chain.last, chain.shape = entry, entry_shape
        chain.conv(f"{path}.conv4", stage.channels, 1, stride)
        chain.norm(f"{path}.bn4")
        shortcut = chain.last
    chain.shape = shape
    chain.add(f"{path}.add", "add", inputs=(residual, shortcut))
    chain.add(f"{path}.relu", "relu")


def _add_squeeze_excitation(chain: _Chain, path: str, channels: int) -> None:
    if not channels:
        return
    entry, shape = chain.last, chain.shape
    chain.add(f"{path}.pool", "global_pool", out_shape=shape[:1])
    chain.add(f"{path}.fc1", "linear", out_shape=(channels,), bias=True)
    chain.add(f"{path}.relu", "relu")
    chain.add(f"{path}.fc2", "linear", out_shape=shape[:1], bias=True)
    chain.add(f"{path}.sigmoid", "sigmoid")
    gate = chain.last
    chain.shape = shape
    chain.add(f"{path}.scale", "scale", inputs=(entry, gate))


def projects(in_channels: int | None, channels: int, stride: int) -> bool:
    """Whether a block's shortcut has a 1x1 convolution, because the shape changes."""
    return stride != 1 or in_channels != channels


def parts(spec: AnyNetSpec) -> Iterator[str]:
    """Names of the parts of a network in order: stem, stage1, ..., head."""
    yield "stem"
    yield from (f"stage{number}" for number in range(1, len(spec.stages) + 1))
    yield "head"
