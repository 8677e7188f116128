"""Spaces by name, as plain data, and in YAML and JSON files."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from common.errors import SpecError, shortened, shown
from common.files import check_format
from common.spaces.dimension import Dimension
from common.spaces.limits import Limits
from common.spaces.mlp import MLPSpace
from common.spaces.named import SPACES, DesignSpace
from common.spaces.regnet import RegNetSpace
from common.spaces.space import Space
from common.spaces.template import Template
from common.yaml_json import ENDINGS, read_plain

_KINDS: Final[dict[str, type[DesignSpace]]] = {
    "anynet": Space,
    "regnet": RegNetSpace,
    "mlp": MLPSpace,
}
FORMAT: Final = 1
"""Version of the data that describe a space; data without one are read as version 1."""

_MAX_VALUES: Final = 100_000
_MAX_BYTES: Final = 1 << 18
"""Size limit of a file, a hundred times that of a large space."""

_USUAL: Final = (("distribution", "uniform"), ("stem", "simple"))
"""Values that are left out of plain data."""

_TRIVIAL: Final = ("bottleneck_ratios", "group_widths")
"""Dimensions that only resnext blocks have."""


def find_space(name_or_path: str | Path) -> DesignSpace:
    """The named space (in upper or lower case), or the one that a file describes.

    Raises `SpecError`, which suggests the closest names or says which key of the file is wrong.
    """
    text = str(name_or_path)
    if text.lower().endswith(ENDINGS):
        data = read_plain(text, "a readable file of a space", SpecError, _MAX_BYTES)
        return space_from_dict(data, text)
    return _ready(text, "space", f"a ready space or a file in {', '.join(ENDINGS)}")


def space_to_dict(space: DesignSpace) -> dict[str, Any]:
    """Plain data for JSON, from which `space_from_dict` gives an equal space."""
    kind = next(name for name, made in _KINDS.items() if isinstance(space, made))
    data = {"format": FORMAT, "kind": kind, **cast(dict[str, Any], _plain(asdict(space)))}
    for key, value in data.items():
        if isinstance(value, dict) and "values" in value:
            data[key] = {**_shortened(value.pop("values")), **value}
    return data


def space_from_dict(data: object, where: str = "space") -> DesignSpace:
    """The space that plain data describe; docs/spaces.md lists their keys.

    With the key `base`, the name of a space, the data hold only the differences. Raises
    `SpecError`, which names `where` and the key.
    """
    given = _mapping(data, where)
    base = _ready(given["base"], f"{where}: base", "a ready space") if "base" in given else None
    kind = given.get("kind", _kind_of(base))
    if not isinstance(kind, str) or kind not in _KINDS:
        _refuse(f"{where}: kind", f"must be one of {', '.join(_KINDS)}", kind)
    if base is not None and not isinstance(base, _KINDS[kind]):
        _refuse(f"{where}: kind", f"must be that of the base, {_kind_of(base)}", kind)
    if "format" in given:
        check_format(given["format"], FORMAT, where, SpecError)
    made = _KINDS[kind]
    known = [field.name for field in fields(made)]
    _check_keys(given, [*known, "base", "kind", "format"], where)
    if "name" not in given:
        _refuse(where, "must have a name", list(given))
    values: dict[str, Any] = {
        key: _value(made, base, key, given[key], f"{where}: {key}") for key in known if key in given
    }
    if base is not None:
        return cast(DesignSpace, _inside(where, lambda: replace(base, **values)))
    if made is Space:
        if values.get("template", Template()).block != "resnext":
            values = {**dict.fromkeys(_TRIVIAL, Dimension((1,), "shared")), **values}
        needed = ("depths", "widths", *_TRIVIAL)
        if missing := [key for key in needed if key not in values]:
            raise SpecError(
                f"{where}: must have {', '.join(needed)}; got no {', '.join(missing)}; give them, "
                "or a base that has them"
            )
    return cast(DesignSpace, _inside(where, lambda: made(**values)))


def _value(
    made: type[DesignSpace], base: DesignSpace | None, key: str, value: object, where: str
) -> object:
    """The value of one field, from plain data and, for what they leave out, from `base`."""
    before = getattr(base, key, None)
    if key == "template":
        return _part(before or Template(), value, where)
    if key == "limits":
        return _part(before or Limits(), value, where)
    if made is Space and key not in ("name", "stages"):
        return _dimension(cast(Dimension | None, before), value, where)
    return tuple(value) if isinstance(value, list) else value


def _part(before: Any, data: object, where: str) -> Any:
    """A template, or limits, with the fields changed that the data name."""
    given = _mapping(data, where)
    _check_keys(given, [field.name for field in fields(before)], where)
    values = {
        key: tuple(math.inf if end is None else end for end in value)
        if isinstance(value, list)
        else value
        for key, value in given.items()
    }
    return _inside(where, lambda: replace(before, **values))


def _dimension(before: Dimension | None, data: object, where: str) -> Dimension:
    """A dimension from a list of values or a closed range, a rule and a distribution."""
    given = _mapping(data, where)
    _check_keys(given, ["values", "range", "rule", "distribution"], where)
    if "range" in given:
        if "values" in given:
            _refuse(where, "must have values or a range", "both", "; drop one")
        values: Iterable[float] = _range(given["range"], f"{where}: range")
    elif "values" in given:
        values = given["values"]
        if not isinstance(values, list):
            _refuse(f"{where}: values", "must be a list", values)
    elif before is not None:
        values = before.values
    else:
        _refuse(where, "must have values or a range", list(given))
    rule = given.get("rule", before.rule if before else "free")
    distribution = given.get("distribution", before.distribution if before else "uniform")
    return cast(Dimension, _inside(where, lambda: Dimension(tuple(values), rule, distribution)))


def _range(data: object, where: str) -> range:
    rule = "must be [first, last, step] of positive integers, the last included"
    if not isinstance(data, list) or len(data) not in (2, 3):
        _refuse(where, rule, data)
    if any(not isinstance(end, int) or isinstance(end, bool) or end < 1 for end in data):
        _refuse(where, rule, data)
    first, last, step = (*data, 1)[:3]
    values = range(first, last + 1, step)
    if last >= first + step * _MAX_VALUES:
        _refuse(where, f"must be at most {_MAX_VALUES:,} values", data)
    return values


def _shortened(values: list[float]) -> dict[str, list[float]]:
    """Values as a range if they are one of more than two elements."""
    whole = [value for value in values if isinstance(value, int)]
    if len(whole) == len(values) > 2:
        first, last, step = whole[0], whole[-1], whole[1] - whole[0]
        if whole == list(range(first, last + 1, step)):
            return {"range": [first, last, step]}
    return {"values": values}


def _ready(name: object, where: str, rule: str) -> DesignSpace:
    """The named space, in upper or lower case."""
    names = {known.casefold(): known for known in SPACES}
    key = shortened(name).casefold()
    if key in names:
        return SPACES[names[key]]
    raise SpecError(f"{where}: must be {rule}; got {shown(name)}; {_nearest(key, names)}")


def _nearest(key: str, names: dict[str, str]) -> str:
    nearest = [names[close] for close in difflib.get_close_matches(key, names, 3, 0.5)]
    return f"did you mean {' or '.join(nearest)}?" if nearest else "anynet spaces lists them"


def _kind_of(base: DesignSpace | None) -> str:
    return next((name for name, made in _KINDS.items() if isinstance(base, made)), "anynet")


def _mapping(data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        _refuse(where, "must be a mapping of keys to values", data)
    return data


def _check_keys(given: dict[str, Any], known: list[str], where: str) -> None:
    for key in given:
        if key not in known:
            nearest = difflib.get_close_matches(shortened(key), known, 1)
            remedy = f"; did you mean {nearest[0]}?" if nearest else ""
            _refuse(where, f"keys must be among {', '.join(known)}", key, remedy)


def _refuse(where: str, rule: str, value: object, remedy: str = "") -> NoReturn:
    raise SpecError(f"{where}: {rule}; got {shown(value)}{remedy}")


def _inside(where: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from error


def _plain(value: Any) -> Any:
    """JSON's types: lists for tuples, None for infinity.

    Fields that are None are left out, and uniform distributions and simple stems, the only ones in
    version 0.1.
    """
    if value == math.inf:
        return None
    if isinstance(value, dict):
        return {
            key: _plain(inner)
            for key, inner in value.items()
            if inner is not None and (key, inner) not in _USUAL
        }
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
