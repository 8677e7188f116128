"""A network: the widths of its blocks, and a diagram of its stem, stages and head."""

from math import log2
from typing import TYPE_CHECKING, Any

from common.arch.plan import ImageSize, parts, plan
from common.arch.regnet import REGNETS, RegNetSpec
from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec
from common.plotting.figure import new_figure
from common.plotting.palette import GREY, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BOX = 1.0
"""Width of a box of the diagram, in data units."""

_COLUMN = 1.8
"""Distance of neighbouring boxes from left to left."""


def draw_network(spec: AnyNetSpec, image_size: ImageSize, title: str = "") -> "Figure":
    """Width of every block above; channels and resolution of every part below.

    For the stages of one of the paper's RegNets, the linear widths u_j and their quantisation are
    drawn too. `image_size` is in pixels: a side, or height and width. Raises `SpecError` for a
    size below 1.
    """
    columns = len(spec.stages) + 3  # and the images, the stem, the head
    figure = new_figure(figsize=(max(8.0, 1.45 * columns), 7.2), layout="constrained")
    widths, diagram = figure.subplots(2, 1, height_ratios=(4, 3))
    figure.suptitle(title, parse_math=False)
    draw_widths(widths, spec)
    draw_parts(diagram, spec, image_size)
    return figure


def draw_widths(axes: Any, spec: AnyNetSpec) -> None:
    """Channels of every block against its index, as in the paper's figures 11 and 12."""
    from matplotlib.patheffects import withStroke

    parameters = regnet_of(spec.stages)
    if parameters is not None:
        _draw_line(axes, parameters)
    unit = "units" if spec.block == "mlp" else "channels"
    outline = [withStroke(linewidth=3, foreground=axes.get_facecolor())]
    first, widest = 0, max(stage.channels for stage in spec.stages)
    for number, stage in enumerate(spec.stages):
        blocks = range(first, first + stage.depth)
        label = f"blocks, as depth x {unit}" if number == 0 else None
        axes.hlines(stage.channels, first - 0.5, blocks[-1] + 0.5, color=colour(number), lw=3)
        axes.plot(
            blocks, [stage.channels] * stage.depth, "o", color=colour(number), ms=6, label=label
        )
        axes.annotate(
            f"{stage.depth} x {stage.channels}",
            ((first + blocks[-1]) / 2, stage.channels), (0, 12), textcoords="offset points",
            ha="center", va="bottom", fontsize=10, path_effects=outline,
        )  # fmt: skip
        first += stage.depth
    top = widest if parameters is None else max(widest, parameters.linear_widths[-1])
    axes.set(xlabel="block j", ylabel=f"width in {unit}", xlim=(-0.8, first - 0.2))
    axes.set_ylim(0, 1.2 * top)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    falls = spec.stages[0].channels > spec.stages[-1].channels
    axes.legend(loc="upper right" if falls else "upper left", framealpha=1)


def _draw_line(axes: Any, parameters: RegNetSpec) -> None:
    """The line u_j, and its quantisation before widths are adjusted to their groups (eq. 2-4)."""
    blocks, p = range(parameters.depth), parameters
    line = f"linear: $u_j = {p.w_0} + {p.w_a:g}\\,j$"
    powers = f"quantised: ${p.w_0} \\cdot {p.w_m:g}^s$ in steps of 8"
    axes.plot(blocks, p.linear_widths, "--", color=GREY, label=line)
    axes.plot(blocks, p.quantised_widths, "D", color="none", mec=GREY, ms=9, label=powers)


def regnet_of(stages: tuple[StageSpec, ...]) -> RegNetSpec | None:
    """The parameters of the paper's RegNet with these stages, or None."""
    return next((p for p in REGNETS.values() if p.stages == stages), None)


def draw_parts(axes: Any, spec: AnyNetSpec, image_size: ImageSize) -> None:
    """A box for the images, the stem, each stage and the head.

    A box's height is linear in the logarithm of its resolution.
    """
    layers = plan(spec, image_size)
    shapes = [layers[0].in_shape]
    shapes += [
        [layer for layer in layers if layer.name.startswith(f"{part}.")][-1].out_shape
        for part in parts(spec)
    ]
    names = ["images", *parts(spec)]
    for column, (name, shape, lines) in enumerate(zip(names, shapes, _texts(spec), strict=True)):
        side = max(shape[1:], default=1)
        height = 0.25 + 1.75 * log2(side) / max(1.0, log2(max(shapes[0][1:])))
        stage = spec.stages[column - 2] if name.startswith("stage") else None
        _draw_box(axes, column, height, stage)
        size = "\n".join([name.replace("stage", "stage "), *_size(name, shape)])
        axes.text(column * _COLUMN, 1.12, size, ha="center", va="bottom", fontsize=9)
        axes.text(column * _COLUMN, -1.15, "\n".join(lines), ha="center", va="top", fontsize=8)
    axes.text(
        (len(spec.stages) + 3) / 2 * _COLUMN, 2.3, "body", ha="center", va="bottom", fontsize=9
    )
    axes.plot([1.6 * _COLUMN, (len(spec.stages) + 1.4) * _COLUMN], [2.25, 2.25], color=GREY, lw=1)
    axes.set(xlim=(-0.6 * _COLUMN, (len(names) - 0.4) * _COLUMN), ylim=(-2.4, 2.7))
    axes.axis("off")


def _draw_box(axes: Any, column: int, height: float, stage: StageSpec | None) -> None:
    """A box, divided into the blocks of its stage, and the arrow from its predecessor."""
    from matplotlib.patches import FancyArrowPatch, Rectangle

    left, bottom = column * _COLUMN - _BOX / 2, -height / 2
    fill = GREY if stage is None else colour(column - 2)
    axes.add_patch(Rectangle((left, bottom), _BOX, height, fc=fill, ec=fill, alpha=0.35))
    for block in range(1, stage.depth if stage else 1):
        x = left + _BOX * block / stage.depth if stage else left
        axes.plot([x, x], [bottom, -bottom], color=axes.get_facecolor(), lw=1)
    if column:
        ends = (left - _COLUMN + _BOX, 0), (left, 0)
        axes.add_patch(FancyArrowPatch(*ends, arrowstyle="->", mutation_scale=12, color=GREY))


def _texts(spec: AnyNetSpec) -> list[list[str]]:
    """The lines of text below each box."""
    if spec.block == "mlp":
        body = [[_counted(stage.depth, "linear layer")] for stage in spec.stages]
        return [[], ["1 linear layer"], *body, ["1 linear layer"]]
    stages = []
    for stage in spec.stages:
        lines = [f"{_counted(stage.depth, 'block')}, stride {stage.stride}"]
        if spec.block != "resnext":
            lines.append(f"{spec.block} blocks")
        if stage.groups > 1:
            lines.append(f"{stage.groups} groups of {stage.group_width}")
        if stage.bottleneck_multiplier != 1:
            lines.append(f"bottleneck {stage.bottleneck_channels}")
        if spec.se_ratio:
            lines.append("squeeze-excitation")
        stages.append(lines)
    side = spec.stem_kernel
    stem = [f"{side}x{side} convolution", f"stride {spec.stem_stride}"]
    if spec.stem == "resnet":
        stem.append("3x3 max pooling")
    return [[], stem, *stages, ["mean over positions", "linear layer"]]


def _size(name: str, shape: tuple[int, ...]) -> list[str]:
    """The lines of text above a box: channels and resolution of (C, H, W), units of (N,)."""
    if len(shape) == 1:
        return [_counted(shape[0], "class", "es") if name == "head" else _counted(shape[0], "unit")]
    return [_counted(shape[0], "channel"), f"{shape[1]} x {shape[2]}"]


def _counted(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"
