"""A RegNet space that is small enough for all its candidates to be gone through."""

from common.spaces import RegNetSpace

TINY = RegNetSpace(
    "tiny",
    depths=(2, 6),
    initial_widths=(8, 16),
    slopes=(8.0, 8.2),
    width_ratios=(2.24, 2.26),
    bottleneck_ratios=(1, 2),
    group_widths=(4, 16),
    stages=2,
)


def choices(space):
    """The values of each parameter of a `RegNetSpec`."""

    def steps(ends, parts):
        return [
            value / parts for value in range(round(parts * ends[0]), round(parts * ends[1]) + 1)
        ]

    log = space.distribution == "log"
    return (
        range(space.depths[0], space.depths[1] + 1),
        range(space.initial_widths[0], space.initial_widths[1] + 1, 8),
        steps(space.slopes, 10 if log else 100),
        steps(space.width_ratios, 1000 if log else 100),
        space.group_widths,
        [1 / ratio for ratio in space.bottleneck_ratios],
    )
