"""Networks among a file's arrays, and the choice of one of them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.errors import WeightsError, shortened
from common.npz import LazyArray
from common.weights.checks import some
from common.weights.foreign.files import Contents
from common.weights.foreign.layouts import LAYOUTS, Layout
from common.weights.foreign.resnets import RESNET

_AVERAGED = {"ema", "swa", "averaged", "average", "avg"}
_USUAL = ("model_state.", "state_dict.", "model.")
_WRAPPERS = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_COUNTERS = {"num_batches_tracked", "total_ops", "total_params"}
"""Counters beside the arrays: of batches, from PyTorch's batch norm, and of costs, from thop."""
_READ = (*LAYOUTS.values(), RESNET)
_PYCLS, _UNTOLD = "ema_state.", 100.0


@dataclass(frozen=True)
class Candidate:
    """A network in a file, whose names begin with a common prefix.

    `arrays` are by name in the layout, without the prefix. `others` are the names of arrays that
    the same mapping holds outside of the prefix.
    """

    layout: Layout
    prefix: str
    holder: str
    arrays: dict[str, LazyArray]
    others: tuple[str, ...]

    @property
    def averaged(self) -> bool:
        """Whether the prefix says that the weights are averaged over training."""
        return not _AVERAGED.isdisjoint(re.split("[^a-z]+", self.prefix.lower()))

    @property
    def recognised(self) -> int:
        """How many arrays have a name of the layout."""
        return sum(self.layout.canonical(name) is not None for name in self.arrays)


def find_networks(path: Path, contents: Contents) -> list[Candidate]:
    """Every network in a file. Raises `WeightsError` if there is none."""
    contents = _unwrapped(contents)
    counts: Counter[tuple[str, int]] = Counter(
        (prefix, number)
        for number, layout in enumerate(_READ)
        for name in contents.arrays
        if (prefix := layout.prefix(name)) is not None
    )
    if not counts:
        raise WeightsError(
            f"{path}: must hold a RegNet of {', '.join(LAYOUTS)}, or a ResNet of "
            f"torchvision, timm or pycls; "
            f"got arrays {shortened(some(list(contents.arrays)))}"
        )
    layouts: dict[str, Layout] = {}
    for (prefix, number), _ in counts.most_common():
        layouts.setdefault(prefix, _READ[number])
    return [_network(contents, layouts[prefix], prefix, layouts) for prefix in layouts]


def choose(
    path: Path, contents: Contents, found: list[Candidate], averaged: bool | None = None
) -> Candidate:
    """The averaged or the plain network of a file; with `averaged=None`, its library's choice.

    Raises `WeightsError` if there is none of that kind, or more than one.
    """
    chosen = _usual_kind(contents, found) if averaged is None else averaged
    these = [network for network in found if network.averaged == chosen]
    if not these:
        raise WeightsError(
            f"{path}: must hold {_word(chosen)} weights, as they were asked for; "
            f"got {_word(not chosen)} ones alone, {_places(found)}"
        )
    most_recognised = max(network.recognised for network in these)
    these = [network for network in these if network.recognised == most_recognised]
    if len(these) > 1:
        these = [network for network in these if network.holder in _USUAL] or these
    if len(these) > 1:
        raise WeightsError(
            f"{path}: must hold one network; got {_places(these)}; save the one that is meant alone"
        )
    return these[0]


def _usual_kind(contents: Contents, found: list[Candidate]) -> bool:
    """Whether averaged weights are taken by default."""
    averaged, plain = (
        max((n for n in found if n.averaged == kind), key=lambda n: n.recognised, default=None)
        for kind in (True, False)
    )
    if averaged is None or plain is None:
        return averaged is not None
    if averaged.recognised < plain.recognised:
        return False
    if averaged.layout.name == "pycls" or averaged.holder.endswith(_PYCLS):
        # As in pycls: averaged weights if their test error is lower.
        beside = averaged.holder.removesuffix(_PYCLS)
        errors = (contents.numbers.get(beside + name, _UNTOLD) for name in ("ema_err", "test_err"))
        return next(errors) < next(errors)
    return averaged.layout.prefers_averaged


def _network(contents: Contents, layout: Layout, prefix: str, prefixes: Iterable[str]) -> Candidate:
    longer = tuple(p for p in prefixes if p != prefix and p.startswith(prefix))
    names = [n for n in contents.arrays if n.startswith(prefix) and not n.startswith(longer)]
    own = {name: layout.own_name(name.removeprefix(prefix)) for name in names}
    # A network's arrays are in one mapping; other mappings may hold an optimizer's.
    holders = Counter(contents.holders[n] for n in names if layout.canonical(own[n]))
    arrays = {
        own[name]: contents.arrays[name]
        for name in names
        if contents.holders[name] in holders and name.rpartition(".")[2] not in _COUNTERS
    }
    others = tuple(
        name
        for name, item in contents.arrays.items()
        if contents.holders[name] in holders
        and not name.startswith(tuple(prefixes) if prefix else "")
        and (item.shape or item.dtype.startswith("float"))
    )
    holder = holders.most_common(1)[0][0]
    return Candidate(layout, prefix, holder, _with_one_head(layout, arrays), others)


def _with_one_head(layout: Layout, arrays: dict[str, LazyArray]) -> dict[str, LazyArray]:
    """With the layout's name for the linear layer of a head that also has dropout."""
    usual = layout.layers["head.fc"]
    around = re.sub(r"\.[0-9]+$", "", usual)
    parts = {
        name: re.fullmatch(rf"({re.escape(around)}\.[0-9]{{1,2}})\.(\w+)", name) for name in arrays
    }
    places = {found[1] for found in parts.values() if found}
    if len(places) != 1 or f"{usual}.weight" in arrays:
        return arrays
    return {f"{usual}.{f[2]}" if (f := parts[name]) else name: a for name, a in arrays.items()}


def _unwrapped(contents: Contents) -> Contents:
    """Without the prefixes that `torch.compile` and FSDP insert anywhere in a name."""
    short = {name: _WRAPPERS.sub("", name) for name in contents.arrays}
    if len(set(short.values())) < len(short):
        return contents
    return Contents(
        {short[name]: item for name, item in contents.arrays.items()},
        {short[name]: holder for name, holder in contents.holders.items()},
        contents.numbers,
    )


def _word(averaged: bool) -> str:
    return "averaged" if averaged else "plain"


def _places(networks: list[Candidate]) -> str:
    return some(
        [shortened(network.prefix.removesuffix(".") or "no prefix") for network in networks]
    )
