"""What this project promises about speed and memory, and whether a run keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.cases import FLAGSHIPS, RegNetX32, RegNetX_200MF, RegNetY_16GF, RegNetY_400MF
from benchmarks.results import Results, Section
from common.frameworks import FRAMEWORKS

_ALL = tuple(FRAMEWORKS)
_BUT_MXNET = tuple(name for name in _ALL if name != "mx")


@dataclass(frozen=True)
class Promise:
    """A form is at least `least` times as fast, or as small, as another form of the same network.

    Without another one: as the fastest of all frameworks in that form.
    """

    text: str
    least: float
    section: str
    cases: Sequence[str]
    backends: Sequence[str] = _ALL
    form: str = "ours"
    other: str | None = "plain"


_X32, _Y400 = RegNetX32.name, RegNetY_400MF.name
_Y400_LARGE = replace(RegNetY_400MF, batch=256).name
_FLAGSHIPS = [case.name for case in FLAGSHIPS]

PROMISES = (
    Promise("training RegNetX32, PyTorch", 1.3, "training", [_X32], ["torch"]),
    Promise("training RegNetX32, MXNet", 1.2, "training", [_X32], ["mx"]),
    Promise("training RegNetX32, TensorFlow", 12, "training", [_X32], ["tf"]),
    Promise("training RegNetX32, JAX", 12, "training", [_X32], ["jax"]),
    Promise("training RegNetX32, against the fastest", 0.72, "training", [_X32], other=None),
    Promise("training, any network", 0.97, "training", _FLAGSHIPS),
    Promise("inference, any network", 0.97, "inference", _FLAGSHIPS),
    Promise("inference, any network, fused", 0.97, "inference", _FLAGSHIPS, form="fused"),
    Promise("inference of RegNetY-400MF, fused, against the fastest, but for MXNet", 0.5,
            "inference", [_Y400], _BUT_MXNET, "fused", None),
    Promise("memory of a training step", 1, "memory", [f"{x}, later step" for x in _FLAGSHIPS]),
    Promise("memory of building and the first step, but for MXNet", 1,
            "memory", [f"{x}, first step" for x in _FLAGSHIPS], _BUT_MXNET),
    Promise("first step of RegNetY-16GF, TensorFlow", 2, "first_step", [RegNetY_16GF.name], ["tf"]),
    Promise("`Trainer.fit`, against bare steps", 0.97, "loop", [_X32], form="fit", other="bare"),
    Promise("preparing JPEGs, against Pillow in a pool of processes", 0.9, "preparing",
            ["2,000 JPEGs of 500 x 375"], ["torch"], "data prepare", "Pillow pool"),
    Promise("training RegNetX-200MF from shards with augmentation, against images in memory", 0.9,
            "feeding", [RegNetX_200MF.name], form="shards", other="memory"),
    Promise("two workers of a study, against one", 1.8, "populations",
            ["64 small networks, three epochs of the sample"], ["torch"],
            "two workers", "one worker"),
    Promise("on a GPU: training RegNetX32 in PyTorch, against the fastest", 0.67, "gpu",
            [f"training, {_X32}"], ["torch"], "bfloat16", None),
    Promise("on a GPU: training RegNetY-400MF in PyTorch, against timm", 1.5, "gpu",
            [f"training, {_Y400_LARGE}"], ["torch"], "bfloat16", "timm bfloat16"),
    Promise("on a GPU: `Trainer.fit`, against bare steps", 0.9, "gpu",
            [f"training, {_X32}"], ["torch", "jax"], "bfloat16, in fit", "bfloat16"),
)  # fmt: skip
"""All promises, as times plain's rate, memory or time unless they say otherwise."""


def targets(results: Results) -> list[tuple[str, str, str, bool | None]]:
    """Every promise against a run: its text, its bound, the worst ratio, and whether it is kept.

    The last is None where the run lacks some of the ratios and the others are good enough.
    """
    return [_target(promise, results.get(promise.section, Section())) for promise in PROMISES]


def _target(promise: Promise, section: Section) -> tuple[str, str, str, bool | None]:
    wanted = [(case, backend) for case in promise.cases for backend in promise.backends]
    ratios = {
        f"{FRAMEWORKS[backend].title}, {case}": ratio
        for case, backend in wanted
        if (ratio := _ratio(promise, section, case, backend)) is not None
    }
    bound, missing = f"at least {promise.least:g}", len(wanted) - len(ratios)
    if not ratios:
        return promise.text, bound, "not measured", None
    worst = min(ratios, key=lambda where: ratios[where])
    measured = f"{ratios[worst]:.3g}" + (f" ({worst})" if len(wanted) > 1 else "")
    kept = ratios[worst] >= promise.least
    if missing:
        measured += f"; {missing} of {len(wanted)} not measured"
    return promise.text, bound, measured, None if missing and kept else kept


def _ratio(promise: Promise, section: Section, case: str, backend: str) -> float | None:
    item = section.one(case=case, backend=backend, form=promise.form)
    if item is None:
        return None
    if promise.other:
        return section.gain(item, promise.other)
    return section.fastest(item).over(item)
