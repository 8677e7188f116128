"""The numbers of a text that none of its claims contains."""

import re

_NUMBER = re.compile(r"(?<![\w`-])-?\d[\d,]*(?:\.\d+)*(?:e-?\d+)?(?: x \d+)?(?: %)?(?![\w`])")


def left_over(text, claims):
    """The numbers that remain after all claims are cut out of a text."""
    for claim in sorted(claims, key=len, reverse=True):
        text = text.replace(claim, " ")
    return {number.rstrip(",.") for number in _NUMBER.findall(text)}
