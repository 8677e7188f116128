"""A design space of your own: networks that narrow in depth as they widen."""

import json
from pathlib import Path

from common.spaces import ANYNETX_A, Dimension, Space, Template, small, space_to_dict

wedge = Space(
    "wedge",
    depths=Dimension(range(1, 5), "decreasing"),
    widths=Dimension(range(16, 129, 16), "increasing"),
    bottleneck_ratios=Dimension((1,)),
    group_widths=Dimension((8, 16), "shared"),
    stages=3,
    template=Template(stem_channels=16, stem_stride=1),
)
for space in (small(ANYNETX_A), wedge):
    flops = sorted(space.sample(1000, seed=0).costs(image_size=28).flops)
    print(f"{space.name}: {space.size():,} candidates, {flops[500] / 1e6:.1f}M multiply-adds")
Path("wedge.json").write_text(json.dumps(space_to_dict(wedge)))
