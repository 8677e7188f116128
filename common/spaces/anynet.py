"""AnyNetX A to E: the RegNet paper's sequence of design spaces (section 3.2, chapter 8.8.2).

Each space is the one before with one constraint more. Depths and widths are log-uniform, as in the
paper.
"""

from typing import Final

from common.spaces.dimension import Dimension
from common.spaces.space import Space
from common.spaces.template import Template

ANYNETX_A: Final = Space(
    "AnyNetXA",
    depths=Dimension(tuple(range(1, 17)), distribution="log"),
    widths=Dimension(tuple(range(8, 1025, 8)), distribution="log"),
    bottleneck_ratios=Dimension((1, 2, 4)),
    group_widths=Dimension((1, 2, 4, 8, 16, 32)),
    template=Template(num_classes=1000, in_channels=3),
)
"""Four stages with 4 free parameters each: 36,864^4 candidates."""

ANYNETX_B: Final = ANYNETX_A.but("AnyNetXB", bottleneck_ratios="shared")
"""A with one bottleneck ratio for all stages."""

ANYNETX_C: Final = ANYNETX_B.but("AnyNetXC", group_widths="shared")
"""B with one group width for all stages."""

ANYNETX_D: Final = ANYNETX_C.but("AnyNetXD", widths="increasing")
"""C with widths that never decrease."""

ANYNETX_E: Final = ANYNETX_D.but("AnyNetXE", depths="increasing")
"""D with depths that never decrease."""

ANYNETX: Final = (ANYNETX_A, ANYNETX_B, ANYNETX_C, ANYNETX_D, ANYNETX_E)
"""The sequence from the free space to the constrained one."""

FREED: Final = {
    "bottleneck ratios": ANYNETX_E.but("AnyNetXE-free-b", bottleneck_ratios="free"),
    "group widths": ANYNETX_E.but("AnyNetXE-free-g", group_widths="free"),
    "widths": ANYNETX_E.but("AnyNetXE-free-w", widths="free"),
    "depths": ANYNETX_E.but("AnyNetXE-free-d", depths="free"),
}
"""AnyNetX E with one of its rules dropped: that parameter is free in every stage.

All four on one base tell which rule matters; `VIONETS` reverse the orders of widths and depths,
which no ratio has.
"""

VIONETS: Final = {
    "bottleneck ratios differ": ANYNETX_E.but("VioNet-b", bottleneck_ratios="free"),
    "group widths differ": ANYNETX_E.but("VioNet-g", group_widths="free"),
    "widths decrease": ANYNETX_E.but("VioNet-w", widths="decreasing"),
    "depths decrease": ANYNETX_E.but("VioNet-d", depths="decreasing"),
    "all of these": ANYNETX_E.but(
        "VioNet-all",
        bottleneck_ratios="free",
        group_widths="free",
        widths="decreasing",
        depths="decreasing",
    ),
}
"""AnyNetX E with one of its rules violated, and with all of them (chapter exercise 3)."""
