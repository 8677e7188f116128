"""What this project promises about speed and memory, and whether a run keeps it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.cases import COMPILED_CASE, FLAGSHIPS, REGNETX32_CASE, REGNETY_400MF_CASE, SHAPES
from benchmarks.results import Measurement, Results
from common.backends import FRAMEWORKS

GAINS = {"jax": 12.0, "tf": 12.0, "torch": 1.3, "mx": 1.2}
"""How many times the plain formulation a training step is at least, by backend."""

Ratio = tuple[str, float]
"""What a ratio was measured on, and the ratio."""


@dataclass(frozen=True)
class Target:
    """A promise: what, the bound, and what a run measured, with where when there are several.

    `met` is none where the run lacks some of what is needed.
    """

    text: str
    bound: str
    measured: str
    met: bool | None


def targets(results: Results) -> list[Target]:
    """Every promise against a run."""
    shapes = [case.name for case in SHAPES]
    return [
        *_gains(results, "training", [REGNETX32_CASE.name], "RegNetX32 training"),
        _share(results, "training", [REGNETX32_CASE.name], "RegNetX32 training"),
        *_gains(results, "shapes", shapes, "other shapes"),
        _share(results, "shapes", shapes, "other shapes"),
        _never_slower(results),
        *_inference(results),
        _each("`Trainer.fit` against the bare step", ">=", 0.97, FRAMEWORKS, _loop(results)),
        *_studies(results),
        *(_memory(results, when) for when in ("later step", "first step")),
        *(_compilation(results, backend) for backend in ("jax", "tf")),
    ]


def _each(
    text: str, sign: str, bound: float, wanted: Iterable[str], found: Iterable[Ratio]
) -> Target:
    """A promise about the worst of several ratios, all of which are wanted."""
    ratios, limit = dict(found), f"{'at least' if sign == '>=' else 'at most'} {bound:g}"
    missing = [name for name in wanted if name not in ratios]
    if not ratios:
        return Target(text, limit, "not measured in this run", None)
    choose: Callable[..., str] = min if sign == ">=" else max
    worst = choose(ratios, key=lambda name: ratios[name])
    kept = ratios[worst] >= bound if sign == ">=" else ratios[worst] <= bound
    # One number that is too bad decides, whatever the missing ones are.
    met = None if missing and kept else kept
    measured = f"{ratios[worst]:.3g}" + (f" ({worst})" if len(ratios) > 1 else "")
    if missing:
        measured += f"; {len(missing)} of {len(missing) + len(ratios)} not measured"
    return Target(text, limit, measured, met)


def _ratio(top: Measurement | None, bottom: Measurement | None) -> float | None:
    return top.over(bottom) if top and bottom else None


def gain(results: Results, item: Measurement) -> float | None:
    """How many times as fast as the plain formulation in its framework this one is."""
    plain = results.one(item.section, case=item.case, backend=item.backend, form="plain")
    return _ratio(plain, item)


def _gains(results: Results, section: str, cases: list[str], title: str) -> list[Target]:
    found = []
    for backend, bound in GAINS.items():
        ratios = [
            (item.case, ratio)
            for item in results.of(section, backend=backend, form="ours")
            if item.case in cases and (ratio := gain(results, item)) is not None
        ]
        text = f"{title}, {FRAMEWORKS[backend].title}: times the plain formulation"
        found.append(_each(text, ">=", bound, cases, ratios))
    return found


def _share(results: Results, section: str, cases: list[str], title: str) -> Target:
    """The slowest of the four against the fastest."""
    ratios = []
    for case in cases:
        ours = sorted(results.of(section, case=case, form="ours"), key=lambda item: item.median)
        if len(ours) == len(FRAMEWORKS) and (ratio := ours[0].over(ours[-1])) is not None:
            ratios.append((case, ratio))
    return _each(f"{title}: slowest of the four against the fastest", ">=", 0.6, cases, ratios)


def _never_slower(results: Results) -> Target:
    flagships = [case.name for case in FLAGSHIPS]
    sized = {"training": flagships, "inference": flagships, "shapes": [c.name for c in SHAPES]}
    wanted = [
        f"{section}, {case}, {backend}"
        for section, cases in sized.items()
        for case in cases
        for backend in FRAMEWORKS
    ]
    ratios: dict[str, float] = {}
    for section in sized:
        for item in results.of(section):
            name = f"{section}, {item.case}, {item.backend}"
            if item.form != "plain" and name in wanted and (ratio := gain(results, item)):
                ratios[name] = min(ratio, ratios.get(name, ratio))
    text = "anywhere measured, as fast as native to 3%"
    return _each(text, ">=", 0.97, wanted, ratios.items())


def _inference(results: Results) -> list[Target]:
    name = REGNETY_400MF_CASE.name
    folded = results.one("inference", case=name, backend="torch", form="folded")
    unfolded = results.one("inference", case=name, backend="torch", form="ours")
    beside = f"inference, {name}"
    timm = results.one("peers", case=beside, form="timm channels-last")
    if timm:
        ratio = _ratio(timm, results.one("peers", case=beside, form="folded"))
        yardstick = "timm's channels-last model"
    else:
        ratio, yardstick = _ratio(unfolded, folded), "the unfolded model, timm not being there"
    text = f"inference of {REGNETY_400MF_CASE.network}, PyTorch, folded: times {yardstick}"
    others = [backend for backend in FRAMEWORKS if backend != "torch"]
    shares = [
        (backend, share)
        for backend in others
        if (item := results.one("inference", case=name, backend=backend, form="folded"))
        and (share := _ratio(folded, item)) is not None
    ]
    title = f"inference of {REGNETY_400MF_CASE.network}, folded: the others against PyTorch"
    return [
        _each(text, ">=", 1.3, [name], [] if ratio is None else [(name, ratio)]),
        _each(title, ">=", 0.5, others, shares),
    ]


def _loop(results: Results) -> list[Ratio]:
    return [
        (item.backend, ratio)
        for item in results.of("loop", case=REGNETX32_CASE.name, form="fit")
        if (bare := results.one("loop", case=item.case, backend=item.backend, form="bare"))
        and (ratio := bare.over(item)) is not None
    ]


def _memory(results: Results, when: str) -> Target:
    cases = [f"{case.name}, {when}" for case in FLAGSHIPS]
    wanted = [f"{case}, {backend}" for case in cases for backend in FRAMEWORKS]
    ratios = [
        (f"{item.case}, {item.backend}", 1 / ratio)
        for item in results.of("memory", form="ours")
        if item.case in cases and (ratio := gain(results, item))
    ]
    title = "peak memory of a training step against plain"
    title += ", building and compiling included" if when == "first step" else ""
    return _each(title, "<=", 1.0, wanted, ratios)


def _compilation(results: Results, backend: str) -> Target:
    found = [
        (item.case, 1 / ratio)
        for item in results.of("compilation", backend=backend, form="ours")
        if item.case == COMPILED_CASE.name and (ratio := gain(results, item))
    ]
    text = f"first step of {COMPILED_CASE.network}, {FRAMEWORKS[backend].title}: against plain"
    return _each(text, "<=", 0.5, [COMPILED_CASE.name], found)


def _studies(results: Results) -> Iterable[Target]:
    """A worker against a bare loop, and two workers against one."""
    for text, bound, forms in (
        ("a study's worker against a bare loop", 0.97, ("bare", "worker")),
        ("a study by two workers against one", 1.8, ("1 at once", "2 at once")),
    ):
        before, after = (results.one("studies", form=form) for form in forms)
        ratio = before.over(after) if before and after else None
        found = [] if ratio is None else [("", ratio)]
        yield _each(text, ">=", bound, [""], found)
