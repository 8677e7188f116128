"""What usually makes a quantity of a layer differ between frameworks."""

from common.arch import Layer

_OUTPUTS = {
    "conv": (
        "the kernel's layout (OIHW against HWIO, or transposed)",
        "a bias that is missing or not added",
        "group width taken for the number of groups",
    ),
    "batch_norm": ("epsilon (1e-5 against Keras's 1e-3)", "statistics or weights that are swapped"),
    "flatten": ("the order of flattening, (C, H, W) against (H, W, C)",),
    "linear": ("the layout of the weights, (out, in) against (in, out)", "the order of flattening"),
    "global_pool": ("pooling over the wrong axes",),
    "add": ("a shortcut that is projected or not", "ReLU before the sum"),
    "scale": ("the gate's axes",),
}
_PADDING = "padding ('same' at stride 2 pads bottom and right only)"
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
_STEP = (
    "the momentum buffer holding the rate",
    "weight decay that is not coupled, or that spares biases",
    "a gradient that is a sum instead of a mean",
)
_GRADIENT = ("a loss that is a sum instead of a mean", "statistics treated as constants")


def likely_causes(quantity: str, array: str, layer: Layer | None) -> tuple[str, ...]:
    """Causes to look for first when `quantity` differs in `array` and in nothing before it."""
    if quantity == "shapes":
        return _SHAPES
    if quantity == "statistics":
        return _STATISTICS[array.rpartition(".")[2]]
    if quantity in ("gradient", "second derivative"):
        return _GRADIENT
    if not quantity.endswith("outputs"):
        return _STEP
    if layer is None:
        return ()
    causes = _OUTPUTS.get(layer.op, ())
    if layer.op == "conv" and layer.kernel > 1 and layer.stride > 1:
        return (_PADDING, *causes)
    if layer.op == "batch_norm" and quantity == "train outputs":
        return ("statistics over the wrong axes, or of a fast variance", *causes)
    return causes
