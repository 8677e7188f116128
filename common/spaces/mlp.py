"""Spaces of MLPs for Fashion-MNIST at 28x28 pixels: free, with a rule for widths, on a line."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from common.arch import AnyNetSpec, StageSpec
from common.errors import SpecError
from common.spaces.dimension import Dimension
from common.spaces.limits import Limits
from common.spaces.population import Population
from common.spaces.regnet import Range, RegNetSpace
from common.spaces.sampling import sample_within
from common.spaces.space import Space
from common.spaces.template import Template

_TEMPLATE: Final = Template(stem_channels=256, block="mlp", image_size=28)
_NONE: Final = Dimension((1,), "shared")
"""For linear layers, which have no groups and no bottleneck."""

MLPS: Final = Space(
    "MLP",
    depths=Dimension(range(1, 5)),
    widths=Dimension(range(16, 513, 16)),
    bottleneck_ratios=_NONE,
    group_widths=_NONE,
    stages=3,
    template=_TEMPLATE,
    limits=Limits(image_size=28),
)
"""Three stages of 1 to 4 linear layers of 16 to 512 units, without rules."""

MLPS_FALLING: Final = MLPS.but("MLP-falling", widths="decreasing")
"""Widths that never increase towards the classes: a funnel."""

MLPS_RISING: Final = MLPS.but("MLP-rising", widths="increasing")
"""Widths that never decrease: the rule of AnyNetX D."""

MLPS_CONSTANT: Final = MLPS.but("MLP-constant", widths="shared")
"""One width in all stages."""


@dataclass(frozen=True)
class MLPSpace:
    """The networks of `MLPSpec`: widths fall towards the classes, along a RegNet's line backwards.

    `depths` counts the blocks of all stages; `initial_widths` are widths of the last block. A
    candidate is one choice of depth, w_0, w_a and w_m, as in `RegNetSpace`. All candidates are
    equally likely, but only those with `stages` stages, within the limits, belong to the space.
    """

    name: str
    depths: tuple[int, int] = (3, 12)
    initial_widths: tuple[int, int] = (16, 128)
    slopes: Range = (8.0, 64.0)
    width_ratios: Range = (1.5, 3.0)
    stages: int = 3
    template: Template = _TEMPLATE
    limits: Limits = MLPS.limits

    def __post_init__(self) -> None:
        lines = self._lines
        for name in ("depths", "initial_widths", "slopes", "width_ratios", "stages"):
            object.__setattr__(self, name, getattr(lines, name))
        if self.template.block != "mlp":
            raise SpecError(
                f"{self.name}: its template must be of mlp blocks; got {self.template.block}"
            )

    def size(self) -> int:
        """Number of candidates, also of those with other numbers of stages or beyond the limits."""
        return self._lines.size()

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks. Raises `SpecError` if too few candidates belong to the space."""
        return sample_within(self.name, self._candidates, self.limits, n, seed)

    def contains(self, spec: AnyNetSpec) -> bool:
        """Whether some candidate of this space is `spec`."""
        if spec.block != "mlp" or spec != self.template.network(spec.stages):
            return False
        rising = tuple(StageSpec(stage.depth, stage.channels, 1) for stage in spec.stages[::-1])
        return self._lines.contains(self._lines.template.network(rising)) and bool(
            self.limits.mask(Population.of([spec], self.template))[0]
        )

    def _candidates(self, rows: int, stream: np.random.Generator) -> Population:
        rising = self._lines.sample(rows, int(stream.integers(2**63)))
        return Population(
            rising.depths[:, ::-1],
            rising.widths[:, ::-1],
            rising.group_widths,
            rising.bottleneck_ratios,
            self.template,
        )

    @property
    def _lines(self) -> RegNetSpace:
        """The RegNets with the same widths in reverse order."""
        return RegNetSpace(
            self.name,
            self.depths,
            self.initial_widths,
            self.slopes,
            self.width_ratios,
            bottleneck_ratios=(1,),
            group_widths=(1,),
            stages=self.stages,
        )


MLPS_LINE: Final = MLPSpace("MLP-line")
"""Widths that fall along a quantised line."""
