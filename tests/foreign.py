"""State dicts as other libraries publish them, without the libraries."""

import numpy as np

from common import AnyNetSpec
from common.weights import initial_weights
from common.weights.foreign import LAYOUTS, foreign_names
from common.weights.foreign.resnets import RESNETS


def regnet(depths, widths, group_width, se_ratio=0.25, classes=1000):
    """A RegNet as the libraries build it."""
    stages = zip(depths, widths, strict=True)
    arch = [(depth, width, min(group_width, width), 1) for depth, width in stages]
    return AnyNetSpec.from_arch(arch, 32, classes, 3, conv_bias=False, se_ratio=se_ratio)


REGNETY_200MF = regnet((1, 1, 4, 7), (24, 56, 152, 368), 8)
REGNETY_400MF = regnet((1, 3, 6, 6), (48, 104, 208, 440), 8)
SMALL_X = regnet((1, 2), (16, 24), 8, 0.0, 10)
SMALL_Y = regnet((1, 2, 2, 1), (16, 24, 64, 136), 8, 0.25, 10)
CHAPTER = AnyNetSpec.from_arch(((1, 32, 16, 1), (2, 48, 8, 0.5)), 16)
"""With the chapter's biases, and a bottleneck."""

SMALL_RESNET = AnyNetSpec.from_arch(
    ((1, 32, 8, 0.25, 1), (2, 64, 16, 0.25)), 8, 10, 3, conv_bias=False, stem="resnet"
)
BASIC_RESNET = AnyNetSpec.from_arch(
    ((2, 8, None, 1, 1), (1, 16)), 8, 10, 3, block="resnet", conv_bias=False, stem="resnet"
)

SPECS = {
    "torchvision": SMALL_Y, "timm": SMALL_Y, "pycls": SMALL_Y, "huggingface": SMALL_Y,
    "d2l": CHAPTER, "anynet_torch": CHAPTER,
}  # fmt: skip
"""A network that each library can hold."""


def random_arrays(spec, seed=0):
    """Canonical arrays with batch norms and biases that are not the identity."""
    stream = np.random.default_rng(seed)
    arrays = initial_weights(spec, seed)
    for name, array in arrays.items():
        if array.ndim == 1:
            positive = name.endswith("running_var") or (".bn" in name and name.endswith(".weight"))
            draw = stream.uniform(0.5, 1.5, array.shape) if positive else stream.normal(
                0, 0.3, array.shape
            )  # fmt: skip
            arrays[name] = draw.astype(np.float32)
    return arrays


def state(layout, spec, arrays):
    """`arrays` with the names and shapes of `layout`, batch counters included.

    pycls reads images as blue, green and red.
    """
    found, target = {}, LAYOUTS[layout]
    if spec.stem == "resnet":
        target = RESNETS.get(layout, target)
    for canonical, (name, shape) in foreign_names(target, spec).items():
        found[name] = arrays[canonical].reshape(shape)
        if layout == "pycls" and canonical == "stem.conv.weight" and shape[1] == 3:
            found[name] = np.ascontiguousarray(found[name][:, [2, 1, 0]])
        if name.endswith("running_var"):
            found[name.replace("running_var", "num_batches_tracked")] = np.array(7)
    return found


HUGGINGFACE = {
    "small": SMALL_Y,  # an eighth of the widths of facebook/regnet-y-040
    "without squeezing": SMALL_X,
    "facebook/regnet-y-002": REGNETY_200MF,
}
"""Networks that are compared with transformers."""

TOLERANCE = 1e-4
"""Largest difference of float32 logits, relative to the largest logit."""


def images():
    """Two RGB images of 64 pixels a side."""
    return np.random.default_rng(1).normal(size=(2, 3, 64, 64)).astype(np.float32)
