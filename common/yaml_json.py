"""Plain data in YAML and JSON files that people write."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import yaml

from common.errors import AnyNetError, shown
from common.files import MAX_TEXT, read_text, reading

ENDINGS: Final = (".yaml", ".yml", ".json")
"""Endings of the names of such files."""


def read_plain(
    path: str | Path, what: str, error: type[AnyNetError], max_bytes: int = MAX_TEXT
) -> Any:
    """The data in a file: JSON if its name ends in `.json`, otherwise YAML.

    `what` says what the file must be, such as "a readable file of a space". Raises `error`, also
    for repeated keys and for aliases of YAML, with which a short file could expand to any size.
    """
    text = read_text(path, what, error, max_bytes=max_bytes)
    with reading(path, "YAML or JSON as its name says", error):
        if str(path).lower().endswith(".json"):
            return json.loads(text, object_pairs_hook=_unique)
        return yaml.load(text, _Loader)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"a key twice, {shown(twice)}")
    return found


class _Loader(yaml.SafeLoader):
    """YAML without aliases and repeated keys, in which 360e6 is a number, as in YAML 1.2."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias, which is not read; write out what it stands for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            problem = "be text" if not isinstance(key, str) else "stand once" if key in keys else ""
            if problem:
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key must {problem}; got {shown(key)}", node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
