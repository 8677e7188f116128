"""The networks and inputs on which the backends are compared."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from common.arch import REGNETX32, AnyNetSpec, parameters
from common.weights import Arrays, initial_weights


@dataclass(frozen=True)
class Case:
    """A network with random weights, images and labels, all drawn from fixed seeds."""

    name: str
    spec: AnyNetSpec
    image_size: int = 32
    """Height and width in pixels."""
    batch: int = 4
    """Images per batch."""
    steps: int = 20
    """Training steps of each run, at a small rate and on the same batch."""
    chaotic: bool = False
    """Whether to train at the chapter's rate, too, on another batch at every step, as real runs do:
    there rounding errors grow."""
    curved: bool = False
    """Whether to compare second derivatives, too."""
    options: bool = False
    """Whether to train with each option of a step, too: AdamW, clipping, averaging, freezing,
    label smoothing, mixup."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.spec.in_channels, self.image_size, self.image_size)

    def images(self, step: int = 0) -> NDArray[np.uint8]:
        """Random images, uint8 (N, C, H, W), other ones at every step."""
        stream = np.random.default_rng([1, step])
        return stream.integers(0, 256, (self.batch, *self.image_shape), np.uint8)

    def inputs(self) -> NDArray[np.float64]:
        """The images of step 0 as a network sees them: float64 (N, C, H, W) in [0, 1]."""
        return self.images() / 255

    def labels(self, step: int = 0) -> NDArray[np.int32]:
        """Random labels, int32 (N,), other ones at every step."""
        stream = np.random.default_rng([2, step])
        return stream.integers(0, self.spec.num_classes, self.batch, np.int32)

    def shares(self) -> NDArray[np.float64]:
        """Random shares of mixup, float64 (N,)."""
        return np.random.default_rng(6).random(self.batch)

    def arrays(self) -> Arrays:
        """Initial weights, with noise on everything that would start as 0 or 1.

        Those are biases, and the scales and running statistics of batch norms: with equal values in
        a vector, errors such as a swapped scale and bias could pass unnoticed.
        """
        stream, arrays = np.random.default_rng(3), initial_weights(self.spec)
        for name, array in arrays.items():
            if array.ndim == 1:
                noise = stream.uniform(-0.3, 0.3, array.shape).astype(np.float32)
                arrays[name] = array + noise
        return arrays

    def direction(self) -> Arrays:
        """A random direction for second derivatives: per parameter, of its own magnitude."""
        stream, arrays = np.random.default_rng(4), self.arrays()
        return {
            name: stream.standard_normal(shape).astype(np.float32) * np.abs(arrays[name]).max()
            for name, shape in parameters(self.spec).items()
        }


_two_stages = partial(AnyNetSpec.from_arch, ((1, 16, 8, 1), (2, 32, 8, 1)), 16)

CASES = (
    Case("regnetx32", REGNETX32, 64, chaotic=True),
    Case("odd size, no bias", _two_stages(conv_bias=False), 29, chaotic=True),
    Case("squeeze and excitation", _two_stages(se_ratio=0.25), chaotic=True, curved=True),
    Case("resnet block", _two_stages().with_block("resnet")),
    Case("vanilla block", _two_stages().with_block("vanilla")),
    Case("v block", _two_stages().with_block("v")),
    Case(
        "resnet stem, vr block",
        _two_stages(in_channels=3, conv_bias=False, stem="resnet").with_block("vr"),
        48,
    ),
    Case(
        "mlp",
        AnyNetSpec.from_arch(((2, 24), (1, 16)), 32, in_channels=3, block="mlp", image_size=10),
        10,
        batch=16,
        curved=True,
    ),
    Case("half and double bottleneck", AnyNetSpec.from_arch(((2, 32, 8, 0.5), (1, 16, 8, 2)), 16)),
    Case(
        "stride 1",
        AnyNetSpec.from_arch(((2, 16, 8, 1, 1), (1, 24, 8, 1, 1)), 16, stem_stride=1),
        16,
    ),
    Case("depthwise, one stage", AnyNetSpec.from_arch(((2, 16, 1, 1),), 16)),
    Case("three stages", AnyNetSpec.from_arch([(1, 8 * k, 8, 1) for k in (1, 2, 3)], 8), 48),
    Case("four stages", AnyNetSpec.from_arch([(1, 8 * k, 8, 1) for k in (1, 2, 3, 4)], 8), 64),
    Case(
        "colour, 100 classes, other constants",
        _two_stages(in_channels=3, num_classes=100, bn_epsilon=1e-3, bn_momentum=0.3),
    ),
    Case("options of a step", AnyNetSpec.from_arch(((1, 16, 8, 1),), 16), 16, options=True),
)
"""Every case that `anynet parity` records and compares."""
