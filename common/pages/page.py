"""A page: a template, its data as JSON, and the style and scripts that all pages share."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from common.files import write_text

_FOLDER: Final = Path(__file__).parent

_KIT: Final = ("dom.js", "tables.js", "chart.js")
"""Scripts that every page has, before its own."""

_ESCAPES: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""Signs that could end a script element, or begin a comment in it."""


def write_page(
    path: Path, template: Path, scripts: Iterable[str], data: object, values: Mapping[str, Any]
) -> None:
    """Write a page to `path` that needs no other file and asks no host for anything.

    - `template`: a Jinja template that extends page.html.j2; every value is escaped
    - `scripts`: files of this package, run in this order after the shared ones; they read `data`
    - `data`: plain data; numbers that are not finite become null
    - `values`: what the template shows
    """
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader([_FOLDER, template.parent])
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["short"] = short
    page = environment.get_template(template.name).render(
        values,
        page_style=_text("page.css"),
        page_script="\n".join(_text(name) for name in (*_KIT, *scripts)),
        page_data=to_json(data),
    )
    write_text(path, page)


def to_json(data: object) -> str:
    """Plain data as JSON that may stand in a script element: no sign of it can end the element.

    NaN and infinity, which JSON lacks, become null.
    """
    text = json.dumps(_finite(data), allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def rounded(value: float | None, digits: int = 6) -> float | int | None:
    """A number with so many significant digits, an integer where it is one; None for no number."""
    if value is None or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def short(value: float) -> str:
    """A number with three significant digits: 0.25, 12.5, 48, 1.25k, 2M."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
