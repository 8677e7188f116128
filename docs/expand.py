"""The site's extensions of the repository's Markdown, which is readable without them.

- A block that names PyTorch, by `anynet_torch`, `--backend torch` or in a command of parity, is
  expanded into four tabs.
- A block in the language `source` names code and is replaced by it: `model.py AnyNet.stem` once per
  framework, `anynet_jax/convolution.py grouped_conv` or `docs/examples/space.py` once.
- A block in the language `help` names a command and is replaced by its help and its subcommands'.
- A picture with a line in italics below it is a figure with this caption; a PNG is replaced on dark
  pages by NAME-dark.png.
- A link to a file outside docs leads to a page that shows this file.
"""

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

import click

from common.backends import FRAMEWORKS
from common.cli import main

ROOT = Path(__file__).parents[1]

DARK = "-dark"
"""What the names of figures for dark pages end in."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+) *\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_PYTORCH = re.compile(r"(import anynet_|--backend |parity record |--expect )torch\b")
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)#:\s]+)(?=[)#])")
FIGURE = re.compile(
    r"^!\[(?P<text>[^]]*)\]\((?P<path>[^)#]+)\)\n\n\*(?P<caption>[^*]+)\*$", re.MULTILINE
)
"""A picture, and its caption in italics below it."""

_LANGUAGES = {".md": "markdown", ".py": "python", ".json": "json", ".toml": "toml"}


def expand(markdown: str) -> str:
    """The text with its blocks and figures expanded."""
    return FIGURE.sub(_in_both_schemes, _FENCE.sub(_expanded, markdown))


def _in_both_schemes(figure: re.Match[str]) -> str:
    """A figure with its caption, once for light and once for dark pages."""
    text, caption = (" ".join(figure[name].split()) for name in ("text", "caption"))
    path = PurePosixPath(figure["path"])
    images = [f"![{text}]({path})"]
    if path.suffix == ".png":
        dark = path.with_name(f"{path.stem}{DARK}{path.suffix}")
        images = [f"![{text}]({path}#only-light)", f"![{text}]({dark}#only-dark)"]
    shown = "\n".join(images)
    return f'<figure markdown="span">\n{shown}\n<figcaption>{caption}</figcaption>\n</figure>'


def _expanded(block: re.Match[str]) -> str:
    language, body = block["language"], textwrap.dedent(block["body"])
    if language == "source":
        text = _shown([line.split() for line in body.splitlines()])
    elif language == "help":
        text = "\n".join(_help(body.strip(), main))
    elif _PYTORCH.search(body) and not block["indent"]:
        text = _in_tabs(lambda name: _fenced(language, _of(name, body)))
    else:
        return block[0]
    return textwrap.indent(text, block["indent"]).rstrip()


def _shown(sources: list[list[str]]) -> str:
    """The code of each source (a file, and optionally a name in it), in tabs if it is fourfold."""
    blocks = [_read(*source) for source in sources if "/" in source[0]]
    if not blocks:
        return _in_tabs(
            lambda name: "\n".join(
                _read(f"{FRAMEWORKS[name].package}/{file}", *names) for file, *names in sources
            )
        )
    text = "\n".join(blocks)
    return _in_tabs(lambda name: _of(name, text)) if _PYTORCH.search(text) else text


def _in_tabs(text_of: Callable[[str], str]) -> str:
    """Four tabs with the text that a function returns for each backend's name."""
    return "\n".join(
        f'=== "{framework.title}"\n\n{textwrap.indent(text_of(name), "    ")}'
        for name, framework in FRAMEWORKS.items()
    )


def _of(backend: str, code: str) -> str:
    """Code for PyTorch, adapted to another backend."""
    code = code.replace("anynet_torch", FRAMEWORKS[backend].package)
    return _PYTORCH.sub(lambda found: f"{found[1]}{backend}", code)


def _read(path: str, name: str | None = None) -> str:
    code = (ROOT / path).read_text()
    if name is not None:
        code = definition(code, name)
    return _fenced(_LANGUAGES.get(PurePosixPath(path).suffix, "text"), code, path)


def _fenced(language: str, code: str, title: str | None = None) -> str:
    head = language if title is None else f'{language} title="{title}"'
    fence = "````" if "```" in code else "```"
    return f"{fence}{head}\n{code.rstrip()}\n{fence}\n"


def _help(name: str, command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    """What `--help` prints for a command and its subcommands."""
    settings = {**command.context_settings, "terminal_width": 80}
    context = click.Context(command, parent, info_name=name, **settings)
    yield f"## {context.command_path}\n\n{_fenced('text', command.get_help(context))}"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _help(below, command.get_command(context, below), context)


def definition(code: str, name: str) -> str:
    """The source of the class or function `name` in a module's `code`, with its decorators.

    `name` may be dotted, as in `AnyNet.stem`. Raises `KeyError`.
    """
    node: ast.AST = ast.parse(code)
    for part in name.split("."):
        found = {item.name: item for item in getattr(node, "body", ()) if hasattr(item, "name")}
        node = found[part]
    first = min(item.lineno for item in [node, *node.decorator_list])
    return textwrap.dedent("\n".join(code.splitlines()[first - 1 : node.end_lineno]) + "\n")


def targets(markdown: str, origin: str) -> set[str]:
    """The repository's files that a text in file `origin` links to."""
    return {_resolved(link["target"], origin) for link in _LINK.finditer(markdown)}


def relink(markdown: str, origin: str, page: str, pages: dict[str, str]) -> str:
    """The text of file `origin` with its links adapted to `page` of the site.

    `pages` maps files outside docs to their pages.
    """

    def moved(link: re.Match[str]) -> str:
        target = _resolved(link["target"], origin)
        return relpath(pages.get(target, relpath(target, "docs")), str(PurePosixPath(page).parent))

    return _LINK.sub(moved, markdown)


def _resolved(target: str, origin: str) -> str:
    return normpath(PurePosixPath(origin).parent / target)


def source_page(path: str) -> str:
    """The page that shows a file of the repository."""
    return f"---\nsearch: {{exclude: true}}\n---\n# {path}\n\n{_read(path)}"
