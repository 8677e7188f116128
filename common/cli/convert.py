"""`anynet convert`: checkpoints of other libraries in, and out again."""

from pathlib import Path

import click

from common.arch import AnyNetSpec, count
from common.errors import WeightsError
from common.weights import Arrays, load_weights, new_head, save_weights
from common.weights.foreign import LAYOUTS, export_weights, is_own, read_foreign

_OWN = "anynet"


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "layout",
    type=click.Choice([_OWN, *LAYOUTS]),
    default=_OWN,
    show_default=True,
    help="Whose names and shapes TARGET gets.",
)
@click.option(
    "--num-classes",
    type=click.IntRange(1),
    help="Replace the head by a new one of so many classes.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="What a new head is drawn from."
)
def convert(source: Path, target: Path, layout: str, num_classes: int | None, seed: int) -> None:
    r"""Convert a checkpoint to or from another library's format.

    SOURCE is a .safetensors, .npz or .pth file of this project, torchvision, timm, pycls,
    Hugging Face transformers or the chapter's PyTorch code. Whose it is is recognised from its
    names and what network it holds from its shapes. Arrays are copied bit by bit.

    \b
    anynet convert regnet_y_400mf.pth model.safetensors
    anynet convert model.safetensors timm.safetensors --to timm
    anynet convert regnet_y_400mf.pth ten.safetensors --num-classes 10
    """
    origin, spec, arrays = _read(source)
    head = ""
    if num_classes is not None:
        head = f"; new head of seed {seed} in place of {spec.num_classes} classes"
        spec, arrays = new_head(spec, arrays, num_classes, seed)
    if layout == _OWN:
        if target.suffix != ".safetensors":
            raise WeightsError(
                f"{target}: this project's files end in .safetensors; got {target.suffix!r}; "
                f"choose another format by --to"
            )
        save_weights(target, spec, arrays)
    else:
        export_weights(target, spec, arrays, layout)
    click.echo(f"{source} ({origin}) -> {target} ({layout}): {_sentence(spec)}{head}")


def _read(source: Path) -> tuple[str, AnyNetSpec, Arrays]:
    if is_own(source):
        return _OWN, *load_weights(source)
    found = read_foreign(source)
    return found.layout, found.spec, found.arrays


def _sentence(spec: AnyNetSpec) -> str:
    depths, widths = (
        ", ".join(str(getattr(stage, name)) for stage in spec.stages)
        for name in ("depth", "channels")
    )
    squeeze = f", squeeze-and-excitation {spec.se_ratio:g}" if spec.se_ratio else ""
    return (
        f"depths {depths}, widths {widths}{squeeze}, {spec.num_classes} classes, "
        f"{count(spec, 1).params:,} parameters"
    )
