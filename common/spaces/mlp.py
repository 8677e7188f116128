"""MLPs: one free space, the same under a rule for the widths, and widths on a line that falls.

They are for Fashion-MNIST, at 28x28 pixels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from common.arch import AnyNetSpec, StageSpec
from common.errors import SpecError
from common.spaces.limits import Limits
from common.spaces.population import Population, Template
from common.spaces.regnet import Range, RegNetSpace
from common.spaces.sampling import sample_within
from common.spaces.space import Dimension, Space

_TEMPLATE: Final = Template(stem_channels=256, block="mlp", image_size=28)
_NONE: Final = Dimension((1,), "shared")
"""Of linear layers, which have no groups and no bottleneck."""

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
"""Three stages of up to 4 linear layers of up to 512 units, all of them free."""

MLPS_FALLING: Final = MLPS.but("MLP-falling", widths="decreasing")
"""Widths that never increase towards the classes: a funnel."""

MLPS_RISING: Final = MLPS.but("MLP-rising", widths="increasing")
"""Widths that never decrease: the rule of AnyNetX D."""

MLPS_CONSTANT: Final = MLPS.but("MLP-constant", widths="shared")
"""One width in all stages."""


@dataclass(frozen=True)
class MLPSpace:
    """The networks of `MLPSpec`: widths that fall to the classes, on a RegNet's line backwards.

    `depths` counts the blocks of all stages, `initial_widths` are those of the last block, and the
    rest is as in `RegNetSpace`, whose candidates these are: depth, w_0, w_a and w_m, equally
    likely, of which those with another number of stages are no networks of the space.
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
        """Exact number of candidates, whatever their stages and the limits."""
        return self._lines.size()

    def sample(self, n: int, seed: int) -> Population:
        """`n` networks, the same for equal seeds. Raises `SpecError` when limits leave too few."""
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
        """RegNets with the same widths in the other order."""
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
"""Widths that fall along a quantised line: two numbers for them instead of one per stage."""
