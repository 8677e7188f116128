"""What the site makes of the repository's Markdown, which reads well without it.

- A Python block that imports `anynet_torch` appears in four tabs, one per framework.
- A block in the language `source` names code, which appears in its place: `model.py AnyNet.stem`
  once per framework, `anynet_jax/layers.py grouped_conv` or `docs/examples/space.py` once.
- A link to a file elsewhere in the repository leads to the page that shows this file.
"""

import ast
import re
import textwrap
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from common.backends import FRAMEWORKS

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+) *\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)#:\s]+)(?=[)#])")
_LANGUAGES = {".md": "markdown", ".py": "python", ".json": "json", ".toml": "toml"}


def expand(markdown: str) -> str:
    """The text with its blocks in tabs, and with the code that they name."""
    return _FENCE.sub(_expanded, markdown)


def _expanded(block: re.Match[str]) -> str:
    body = textwrap.dedent(block["body"])
    if block["language"] == "source":
        text = _named(body)
    elif block["language"] == "python" and "import anynet_torch" in body and not block["indent"]:
        text = _tabs({package: _code(body, package) for package in _packages()})
    else:
        return block[0]
    return textwrap.indent(text, block["indent"]).rstrip()


def _named(lines: str) -> str:
    """The code that each line names by file and, inside of it, by class and function."""
    sources = [(PurePosixPath(line.split()[0]), line.split()[1:]) for line in lines.splitlines()]
    if all(path.parts[1:] for path, _ in sources):
        return "\n".join(_block(path, *name) for path, name in sources)
    return _tabs(
        {
            package: "\n".join(_block(package / path, *name) for path, name in sources)
            for package in map(PurePosixPath, _packages())
        }
    )


def _packages() -> list[str]:
    return [framework.package for framework in FRAMEWORKS.values()]


def _tabs(texts: dict[PurePosixPath | str, str]) -> str:
    titles = {framework.package: framework.title for framework in FRAMEWORKS.values()}
    return "\n".join(
        f'=== "{titles[str(package)]}"\n\n{textwrap.indent(text, "    ")}'
        for package, text in texts.items()
    )


def _code(body: str, package: str) -> str:
    return f"```python\n{body.replace('anynet_torch', package)}```\n"


def _block(path: PurePosixPath, name: str | None = None) -> str:
    code = (ROOT / path).read_text()
    if name is not None:
        code = definition(code, name)
    language = _LANGUAGES.get(path.suffix, "text")
    fence = "`" * 4 if "```" in code else "```"
    return f'{fence}{language} title="{path}"\n{code.rstrip()}\n{fence}\n'


def definition(code: str, name: str) -> str:
    """The class or function `name` of a module, decorators and indentation included.

    `name` is dotted, as in `AnyNet.stem`. Raises `KeyError`.
    """
    node: ast.AST = ast.parse(code)
    for part in name.split("."):
        found = {item.name: item for item in getattr(node, "body", ()) if hasattr(item, "name")}
        node = found[part]
    first = min(item.lineno for item in [node, *node.decorator_list])
    return textwrap.dedent("\n".join(code.splitlines()[first - 1 : node.end_lineno]) + "\n")


def section(markdown: str, heading: str) -> str:
    """The part of a page below a second-level heading, as a page."""
    _, found, rest = f"\n{markdown}".partition(f"\n## {heading}\n")
    if not found:
        raise KeyError(heading)
    body = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return f"# {heading}\n{body}".replace("\n###", "\n##")


def targets(markdown: str, origin: str) -> set[str]:
    """Files of the repository that the text of file `origin` links to."""
    return {_resolved(link["target"], origin) for link in _LINK.finditer(markdown)}


def relink(markdown: str, origin: str, page: str, pages: dict[str, str]) -> str:
    """The text of file `origin` with its links as they are from `page` of the site.

    `pages` holds the site's path of files outside of docs.
    """

    def moved(link: re.Match[str]) -> str:
        target = _resolved(link["target"], origin)
        return relpath(pages.get(target, relpath(target, "docs")), str(PurePosixPath(page).parent))

    return _LINK.sub(moved, markdown)


def _resolved(target: str, origin: str) -> str:
    return normpath(PurePosixPath(origin).parent / target)


def source_page(path: str) -> str:
    """The page that shows a file of the repository."""
    return f"---\nsearch: {{exclude: true}}\n---\n# {path}\n\n{_block(PurePosixPath(path))}"
