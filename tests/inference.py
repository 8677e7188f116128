"""Networks with weights like trained ones, for tests of inference and fusing."""

import numpy as np

from common import AnyNetSpec
from common.arch import image_shape
from common.weights import initial_weights

_ARCH = ((2, 16, 8, 1), (1, 24, 8, 2, 1))

SPECS = {
    "resnext": AnyNetSpec.from_arch(_ARCH, 8),
    "squeezed": AnyNetSpec.from_arch(_ARCH, 8, 5, 3, se_ratio=0.25, conv_bias=False),
    "stem stride 1": AnyNetSpec.from_arch(_ARCH, 8, stem_stride=1, bn_epsilon=1e-3),
    "resnet": AnyNetSpec.from_arch(_ARCH, 8, 5, 3, conv_bias=False).with_block("resnet"),
    "vanilla": AnyNetSpec.from_arch(_ARCH, 8).with_block("vanilla"),
    "v": AnyNetSpec.from_arch(_ARCH, 8, 5, 3).with_block("v"),
    "vr": AnyNetSpec.from_arch(_ARCH, 8, conv_bias=False).with_block("vr"),
    "resnet stem": AnyNetSpec.from_arch(_ARCH, 8, 5, 3, conv_bias=False, stem="resnet"),
    "mlp": AnyNetSpec.from_arch(_ARCH, 32, 5, 3, conv_bias=False).with_block("mlp", 11),
}
"""Every block kind, squeeze-and-excitation, biases, strides; one and three input channels."""


def trained_weights(spec):
    """Random weights with every bias, scale and running statistic far from its initial value."""
    stream, arrays = np.random.default_rng(7), initial_weights(spec)
    for name, array in arrays.items():
        if name.endswith("running_var"):
            arrays[name] = stream.uniform(0.2, 3.0, array.shape).astype(np.float32)
        elif array.ndim == 1:
            arrays[name] = array + stream.uniform(-0.5, 0.5, array.shape).astype(np.float32)
    return arrays


def random_images(spec, size, batch=3):
    """Images float32 (N, C, H, W) of standard normal pixels, as normalised photos have.

    They are of `size` pixels, or those that an mlp takes.
    """
    shape = (batch, *image_shape(spec, spec.image_size or size))
    return np.random.default_rng(8).standard_normal(shape).astype(np.float32)


def relative_error(found, expected):
    """The largest difference in units of the largest expected value."""
    return np.abs(found - expected).max() / np.abs(expected).max()
