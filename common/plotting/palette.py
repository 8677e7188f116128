"""The palette of all figures: colours, dashes and markers that need no eye for colours.

Six of the colours of Okabe and Ito (jfly.uni-koeln.de/color), which readers with any kind of
colour blindness can tell apart; those with the most contrast on white come first, and the blue is
lighter, for dark pages. Dashes and markers change along with them, so that figures can also be read
in grey.
"""

from typing import Any, Final

COLOURS: Final = ("#1a85c8", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Blue, vermilion, green, purple, orange, sky blue."""

DASHES: Final = ("-", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
"""Styles of lines, as Matplotlib takes them: solid, dashed, dotted, dashes and dots."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
"""Styles of points."""

HATCHES: Final = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
"""Patterns of areas."""

BEST: Final = {"color": COLOURS[0], "ls": DASHES[0]}
WORST: Final = {"color": COLOURS[1], "ls": DASHES[1]}
"""Lines of the best and of the worst networks."""

GREY: Final = "0.5"
"""Lines in the background: legible on light and on dark pages."""

BEHIND: Final = {"color": GREY, "alpha": 0.3, "lw": 0}
"""Areas behind lines."""


def colour(number: int) -> str:
    """The colour of the `number`-th series, from 0."""
    return COLOURS[number % len(COLOURS)]


def line(number: int) -> dict[str, Any]:
    """Colour and dashes of the `number`-th line, from 0; the first 24 lines all differ."""
    every = len(COLOURS) * len(DASHES) // 2  # colours and dashes repeat together
    return {"color": colour(number), "ls": DASHES[(number + number // every) % len(DASHES)]}


def points(number: int) -> dict[str, Any]:
    """Colour and marker of the `number`-th set of points, from 0; the first 42 all differ."""
    return {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}


def area(number: int) -> dict[str, Any]:
    """Colour and pattern of the `number`-th area, from 0."""
    return {"fc": colour(number), "hatch": HATCHES[number % len(HATCHES)]}
