"""Design spaces: sets of networks with a uniform distribution over their parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise, product
from math import comb, prod
from typing import Any, Literal, get_args

import numpy as np

from common.arch import AnyNetSpec, StageSpec
from common.errors import SpecError
from common.spaces.intervals import check_shape, rising
from common.spaces.limits import Limits
from common.spaces.population import Integers, Population, Template, fitted
from common.spaces.sampling import sample_within

Rule = Literal["free", "shared", "increasing", "decreasing"]
"""How a parameter may differ from stage to stage; increasing and decreasing include equal."""


@dataclass(frozen=True)
class Dimension:
    """One parameter of the stages: the values it takes, in order, and how stages may differ.

    Raises `SpecError`.
    """

    values: Sequence[int]
    rule: Rule = "free"

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", rising("values", self.values))
        if self.rule not in get_args(Rule):
            rules = ", ".join(get_args(Rule))
            raise SpecError(f"rule must be one of {rules}; got {self.rule!r}")

    def size(self, stages: int) -> int:
        """Number of ways to choose a value for each of the stages."""
        values = len(self.values)
        match self.rule:
            case "free":
                return int(values**stages)
            case "shared":
                return values
            case _:
                return comb(values + stages - 1, stages)

    def sample(self, rows: int, stages: int, stream: np.random.Generator) -> Integers:
        """Uniform choices (rows, stages)."""
        values = np.array(self.values, np.int64)
        match self.rule:
            case "free":
                return values[stream.integers(len(values), size=(rows, stages))]
            case "shared":
                return values[stream.integers(len(values), size=(rows, 1)).repeat(stages, 1)]
            case "increasing":
                return values[_ascending(rows, stages, len(values), stream)]
            case "decreasing":
                return values[_ascending(rows, stages, len(values), stream)[:, ::-1]]

    def allows(self, choices: Sequence[int]) -> bool:
        """Whether stages may have these values."""
        pairs = list(pairwise(choices))
        return (
            set(choices) <= set(self.values)
            and {
                "free": True,
                "shared": len(set(choices)) == 1,
                "increasing": all(before <= after for before, after in pairs),
                "decreasing": all(before >= after for before, after in pairs),
            }[self.rule]
        )


def _ascending(rows: int, stages: int, values: int, stream: np.random.Generator) -> Integers:
    """Uniform non-descending indices (rows, stages) below `values`.

    They are the sets of `stages` different numbers below values + stages - 1, which are drawn,
    in order and less 0, 1, 2, ...; rows with a number twice are drawn again.
    """
    drawn = np.empty((0, stages), np.int64)
    while len(drawn) < rows:
        more = stream.integers(values + stages - 1, size=(rows - len(drawn), stages))
        more.sort(axis=1)
        drawn = np.concatenate([drawn, more[(np.diff(more) > 0).all(axis=1)]])
    return drawn - np.arange(stages)


@dataclass(frozen=True)
class Space:
    """Networks of `stages` stages whose parameters are those of four dimensions.

    A candidate is one choice of all parameters, and candidates are equally likely. Where a group
    width does not divide a bottleneck, `compatible_stage` makes both fit, as in pycls. With
    `limits`, only networks of that complexity belong to the space. Raises `SpecError`.
    """

    name: str
    depths: Dimension
    widths: Dimension
    bottleneck_ratios: Dimension
    group_widths: Dimension
    stages: int = 4
    template: Template = field(default_factory=Template)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check_shape(self.name, self.stages, self.template, self.bottleneck_ratios.values,
                    self.group_widths.values)  # fmt: skip

    def but(self, name: str, **rules: Rule) -> "Space":
        """This space with other rules for the dimensions that are named."""
        changed: dict[str, Any] = {
            key: replace(getattr(self, key), rule=rule) for key, rule in rules.items()
        }
        return replace(self, name=name, **changed)

    def size(self) -> int:
        """Exact number of candidates, whatever the limits."""
        return prod(dimension.size(self.stages) for dimension in self._dimensions)

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks, for equal seeds the first ones of one sequence.

        Raises `SpecError` when the limits leave too few.
        """
        return sample_within(self.name, self._candidates, self.limits, n, seed)

    def contains(self, spec: AnyNetSpec) -> bool:
        """Whether some candidate of this space is `spec`."""
        if len(spec.stages) != self.stages or not self.template.describes(spec):
            return False
        if not self.depths.allows([stage.depth for stage in spec.stages]):
            return False
        origins = [self._origins.get(replace(stage, depth=1), {}) for stage in spec.stages]
        if not all(origins):
            return False
        ratios = [round(1 / stage.bottleneck_multiplier) for stage in spec.stages]
        candidate = self.bottleneck_ratios.allows(ratios) and any(
            self.group_widths.allows(chosen)
            and _has_path(self.widths.rule, [by[g] for by, g in zip(origins, chosen, strict=True)])
            for chosen in product(*origins)
        )
        return candidate and bool(self.limits.mask(Population.of([spec], self.template))[0])

    @cached_property
    def _origins(self) -> dict[StageSpec, dict[int, list[int]]]:
        """By stage of depth 1: the widths of its candidates by their group width."""
        values = [d.values for d in (self.widths, self.bottleneck_ratios, self.group_widths)]
        chosen = np.array(list(product(*values)), np.int64)[:, None]
        widths, ratios, group_widths = np.moveaxis(chosen, -1, 0)
        networks = fitted(np.ones_like(widths), widths, ratios, group_widths, self.template)
        origins: dict[StageSpec, dict[int, list[int]]] = {}
        for spec, (width, _, group_width) in zip(networks, chosen[:, 0].tolist(), strict=True):
            origins.setdefault(spec.stages[0], {}).setdefault(group_width, []).append(width)
        return origins

    def _candidates(self, rows: int, stream: np.random.Generator) -> Population:
        depths, widths, ratios, group_widths = (
            dimension.sample(rows, self.stages, stream) for dimension in self._dimensions
        )
        return fitted(depths, widths, ratios, group_widths, self.template)

    @property
    def _dimensions(self) -> tuple[Dimension, ...]:
        return self.depths, self.widths, self.bottleneck_ratios, self.group_widths


def _has_path(rule: Rule, choices: list[list[int]]) -> bool:
    """Whether one of the values of each stage can be chosen so that all obey the rule."""
    match rule:
        case "free":
            return all(choices)
        case "shared":
            return bool(set.intersection(*map(set, choices)))
        case "decreasing":
            return _has_path("increasing", choices[::-1])
    last = 0
    for values in choices:
        later = [value for value in values if value >= last]
        if not later:
            return False
        last = min(later)
    return True
