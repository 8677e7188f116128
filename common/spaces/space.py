"""Design spaces: sets of networks with a distribution over their parameters."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, cast

import numpy as np

from common.arch import AnyNetSpec
from common.bounds import MAX_BLOCKS, MAX_WIDTH
from common.numbers import checked_rising
from common.spaces.checks import check_shape
from common.spaces.dimension import Dimension, Rule
from common.spaces.limits import Limits
from common.spaces.population import Integers, Population, fitted
from common.spaces.sampling import sample_within
from common.spaces.template import Template


@dataclass(frozen=True)
class Space:
    """Networks of `stages` stages, by depth, width, bottleneck ratio and group width of each stage.

    A candidate is one choice of all parameters; its probability is the product of those of its
    dimensions. Where a group width does not divide the bottleneck, `compatible_stage` adjusts the
    stage, as in pycls. Only networks within the `limits` belong to the space. Raises `SpecError`.
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
        stages = check_shape(self.name, self.stages, self.template, self.bottleneck_ratios.values,
                             self.group_widths.values)  # fmt: skip
        object.__setattr__(self, "stages", stages)
        checked_rising("depths", self.depths.values, MAX_BLOCKS // stages)
        checked_rising("widths", self.widths.values, MAX_WIDTH)
        checked_rising("group_widths", self.group_widths.values)

    def but(self, name: str, **rules: Rule) -> "Space":
        """This space under another name, with other rules for the given dimensions."""
        changed: dict[str, Any] = {
            key: replace(getattr(self, key), rule=rule) for key, rule in rules.items()
        }
        return replace(self, name=name, **changed)

    def size(self) -> int:
        """Number of candidates, including those beyond the limits."""
        return prod(dimension.size(self.stages) for dimension in self._dimensions)

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks; samples of one seed begin alike.

        Raises `SpecError` if too few candidates are within the limits.
        """
        return sample_within(self.name, self._candidates, self.limits, n, seed)

    def contains(self, spec: AnyNetSpec) -> bool:
        """Whether some candidate of this space is `spec`."""
        if len(spec.stages) != self.stages or not self.template.describes(spec):
            return False
        if not self.depths.allows([stage.depth for stage in spec.stages]):
            return False
        network = Population.of([spec], self.template)
        if network[0] != spec:  # strides, or multipliers that are no inverse of a ratio
            return False
        ratios = network.bottleneck_ratios[0].tolist()
        grouped = self.template.block == "resnext"
        made = network.group_widths[0].tolist() if grouped else [1] * self.stages
        chosen = self._group_widths(made)
        if not chosen or not self.bottleneck_ratios.allows(ratios):
            return False
        origins = [
            self._widths(stage.channels, *others)
            for stage, *others in zip(spec.stages, ratios, made, chosen, strict=True)
        ]
        return _has_path(self.widths.rule, origins) and bool(self.limits.mask(network)[0])

    def _group_widths(self, made: list[int]) -> list[int]:
        """The smallest group widths of the space that `fitted` may turn into `made`, or none.

        `fitted` keeps a group width or reduces it to the bottleneck. Every width that leads to the
        stage with the larger group width does so with the smaller one, too, so the smallest are
        enough.
        """
        rule, chosen = self.group_widths.rule, list[int]()
        if rule == "shared":
            made = [max(made)] * len(made)
        for group_width in made[::-1] if rule == "decreasing" else made:
            before = chosen[-1] if chosen and rule in ("increasing", "decreasing") else 0
            at = bisect_left(self.group_widths.values, max(group_width, before))
            if at == len(self.group_widths.values):
                return []
            chosen.append(int(self.group_widths.values[at]))
        return chosen[::-1] if rule == "decreasing" else chosen

    def _widths(self, channels: int, ratio: int, made: int, group_width: int) -> list[int]:
        """The widths from which `fitted` makes `channels` channels and a group width of `made`."""
        widths = np.array(self.widths.values)
        networks = fitted(
            np.ones_like(widths),
            widths,
            np.full(widths.shape, ratio),
            np.full_like(widths, group_width),
            self.template,
        )
        fits = (networks.widths == channels) & (networks.group_widths == made)
        return cast(list[int], widths[fits].tolist())

    def _candidates(self, rows: int, stream: np.random.Generator) -> Population:
        depths, widths, ratios, group_widths = (
            dimension.sample(rows, self.stages, stream) for dimension in self._dimensions
        )
        return fitted(
            cast(Integers, depths),
            cast(Integers, widths),
            ratios,
            cast(Integers, group_widths),
            self.template,
        )

    @property
    def _dimensions(self) -> tuple[Dimension, ...]:
        return self.depths, self.widths, self.bottleneck_ratios, self.group_widths


def _has_path(rule: Rule, choices: list[list[int]]) -> bool:
    """Whether a value can be chosen for each stage, among its own, so that all obey the rule."""
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
