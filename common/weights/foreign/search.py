"""Which of a file's arrays are a network's, and which of several networks is meant."""

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

_AVERAGED = {"ema", "swa", "averaged", "average", "avg"}
_USUAL = ("model_state.", "state_dict.", "model.")
_WRAPPERS = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_COUNTERS = {"num_batches_tracked", "total_ops", "total_params"}
"""Of batches, by PyTorch's batch norm; of operations and parameters, which thop leaves behind."""
_PYCLS, _UNTOLD = "ema_state.", 100.0


@dataclass(frozen=True)
class Candidate:
    """A network in a file: its arrays without the prefix that all of their names have there.

    `arrays` are by their names in the layout; `others` are names of arrays which lie in the same
    mapping but outside of the prefix.
    """

    layout: Layout
    prefix: str
    holder: str
    arrays: dict[str, LazyArray]
    others: tuple[str, ...]

    @property
    def averaged(self) -> bool:
        """Whether a word of the prefix says that the weights are an average over training."""
        return not _AVERAGED.isdisjoint(re.split("[^a-z]+", self.prefix.lower()))

    @property
    def recognised(self) -> int:
        """How many arrays have a name of the layout."""
        return sum(self.layout.canonical(name) is not None for name in self.arrays)


def find_networks(path: Path, contents: Contents) -> list[Candidate]:
    """Every network in a file, by layout and prefix. Raises `WeightsError` if there is none."""
    contents = _unwrapped(contents)
    counts: Counter[tuple[str, str]] = Counter(
        (prefix, layout.name)
        for layout in LAYOUTS.values()
        for name in contents.arrays
        if (prefix := layout.prefix(name)) is not None
    )
    if not counts:
        raise WeightsError(
            f"{path}: must hold a RegNet of {', '.join(LAYOUTS)}; "
            f"got arrays {shortened(some(list(contents.arrays)))}"
        )
    layouts: dict[str, Layout] = {}
    for (prefix, name), _ in counts.most_common():
        layouts.setdefault(prefix, LAYOUTS[name])
    return [_network(contents, layouts[prefix], prefix, layouts) for prefix in layouts]


def choose(
    path: Path, contents: Contents, found: list[Candidate], averaged: bool | None = None
) -> Candidate:
    """The network that is meant: the averaged or the plain one, or what its library takes.

    Raises `WeightsError` when there is none of that kind, or more than one.
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
    """Whether averaged weights are taken when nobody says so."""
    averaged, plain = (
        max((n for n in found if n.averaged == kind), key=lambda n: n.recognised, default=None)
        for kind in (True, False)
    )
    if averaged is None or plain is None:
        return averaged is not None
    if averaged.recognised < plain.recognised:
        return False
    if averaged.layout.name == "pycls" or averaged.holder.endswith(_PYCLS):
        # As pycls loads its own checkpoints: the averaged ones where they were the better ones.
        beside = averaged.holder.removesuffix(_PYCLS)
        errors = (contents.numbers.get(beside + name, _UNTOLD) for name in ("ema_err", "test_err"))
        return next(errors) < next(errors)
    return averaged.layout.prefers_averaged


def _network(contents: Contents, layout: Layout, prefix: str, prefixes: Iterable[str]) -> Candidate:
    longer = tuple(p for p in prefixes if p != prefix and p.startswith(prefix))
    names = [n for n in contents.arrays if n.startswith(prefix) and not n.startswith(longer)]
    own = {name: layout.own_name(name.removeprefix(prefix)) for name in names}
    # A network's arrays lie in one mapping, beside which there may be those of an optimiser.
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
    """With the usual names for the one linear layer of a head that dropout was put in front of."""
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
    """Without the names that compiling and sharding put in front of a module at any place."""
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
