"""Usual causes of a difference between frameworks, by what differs."""

from common.arch import Layer
from common.parity.quantities import TRAIN_OUTPUTS, Key

_BY_LAYER = {
    "conv": (
        "the kernel's layout (OIHW against HWIO, or transposed)",
        "a bias that is missing or not added",
        "group width taken for the number of groups",
    ),
    "batch_norm": ("epsilon (1e-5 against Keras's 1e-3)", "statistics or weights that are swapped"),
    "flatten": ("the order of flattening, (C, H, W) against (H, W, C)",),
    "linear": ("the layout of the weights, (out, in) against (in, out)", "the order of flattening"),
    "max_pool": ("padding at the bottom and right only", "padding that counts as zeros"),
    "global_pool": ("pooling over the wrong axes",),
    "add": ("a shortcut that is projected or not", "ReLU before the sum"),
    "scale": ("broadcasting the gate over the wrong axes",),
}
_PADDING = "padding ('same' at stride 2 pads bottom and right only)"
_BATCH_STATISTICS = "batch statistics over the wrong axes, or the variance as E[x^2] - E[x]^2"
_SHAPES = (
    "group width taken for the number of groups",
    "a convolution with a bias or without",
    "a shortcut that is projected or not",
)
_STATISTICS = {
    "running_mean": ("the momentum convention (weight of the new batch against the old average)",),
    "running_var": (
        "the biased variance against the unbiased one, n / (n - 1)",
        "the momentum convention",
    ),
}
_DERIVATIVES = (
    "a loss that is a sum instead of a mean",
    "batch statistics treated as constants",
)
_STEP = (
    "the learning rate inside the momentum buffer",
    "weight decay that is decoupled, or not applied to biases",
    "a gradient that is a sum instead of a mean",
)


def likely_causes(key: Key, layer: Layer | None) -> tuple[str, ...]:
    """What to check first when an array differs and none before it does.

    `layer` is the layer of the array, or None when the plan has none of that name.
    """
    match key.quantity.kind:
        case "shapes":
            return _SHAPES
        case "outputs":
            return () if layer is None else _causes_of_outputs(key, layer)
        case "derivatives":
            return _DERIVATIVES
        case "statistics":
            return _STATISTICS.get(key.array.rpartition(".")[2], ())
        case "losses" | "weights" | "weight errors":
            return _STEP


def _causes_of_outputs(key: Key, layer: Layer) -> tuple[str, ...]:
    causes = _BY_LAYER.get(layer.op, ())
    if layer.op == "conv" and layer.kernel > 1 and layer.stride > 1:
        return (_PADDING, *causes)
    if layer.op == "batch_norm" and key.quantity == TRAIN_OUTPUTS:
        return (_BATCH_STATISTICS, *causes)
    return causes
