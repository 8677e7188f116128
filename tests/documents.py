"""The code blocks of the pages, run from top to bottom as a reader would run them.

`python -P tests/documents.py PAGE BACKEND` runs those of one page in this environment, which needs
nothing but the package.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

from common.backends import FRAMEWORKS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / ".github/CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
"""Those with code that is written in them."""

_BLOCK = re.compile(
    r"""^(?:\ *<!--\ not\ run:(?P<reason>[^>]*)-->\n+)?
        ^(?P<indent>\ *)```(?P<language>python|bash)\ *\n(?P<code>.*?)^(?P=indent)```$""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_TAB = re.compile(r'^=== "(?P<title>[^"]+)"$', re.MULTILINE)
_BACKEND = re.compile(
    rf"(?:(?<=--backend )|(?<=parity record )|(?<=--expect ))(?:{'|'.join(FRAMEWORKS)})\b"
)


@dataclass(frozen=True)
class Block:
    """Code in a page, in the `section` of the last heading above it.

    `reason` says why it is not run, `tab` to which framework it belongs.
    """

    page: Path
    line: int
    language: str
    code: str
    tab: str | None
    reason: str | None
    section: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def neutral(self) -> bool:
        """Whether it needs no framework."""
        naming = (
            "--backend|parity record" if self.language == "bash" else r"import anynet_|\banynet\."
        )
        return not re.search(naming, self.code)

    def of(self, backend: str) -> "Block":
        """This block with its backend replaced by another."""
        code = self.code.replace("anynet_torch", FRAMEWORKS[backend].package)
        return replace(self, code=_BACKEND.sub(backend, code))

    def run(self, names: dict[str, Any], folder: Path) -> None:
        """Run it in `folder`; `names` are those of the page's Python."""
        if self.language == "python":
            # Empty lines in front, for an error to show the line of the page.
            code = compile("\n" * self.line + self.code, str(self.page), "exec")
            with contextlib.chdir(folder):
                exec(code, names)
            return
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", "-euo", "pipefail", "-c", self.code]
        environment = {**os.environ, "PATH": programs, "MPLBACKEND": "Agg", "PYTHONSAFEPATH": "1"}
        subprocess.run(command, cwd=folder, check=True, env=environment)

    def commands(self) -> Iterator[list[str]]:
        """The commands of a Bash block, word by word."""
        if self.language != "bash":
            return
        for line in self.code.replace("\\\n", " ").split("\n"):
            words = shlex.split(line, comments=True)
            while "&&" in words:
                yield words[: words.index("&&")]
                words = words[words.index("&&") + 1 :]
            if words:
                yield words


def read(page: Path) -> list[Block]:
    """The blocks of a page in Python and Bash."""
    text = page.read_text()
    return [
        Block(
            page,
            text[: found.start("language")].count("\n") + 1,
            found["language"],
            dedent(found["code"]),
            _TAB.findall(text[: found.start()])[-1] if found["indent"] else None,
            found["reason"],
            ["", *_SECTION.findall(text[: found.start()])][-1],
        )
        for found in _BLOCK.finditer(text)
    ]


def runnable(page: Path, backend: str | None = None) -> list[Block]:
    """The blocks of a page that run in a backend's environment, or in all together.

    Those that make environments are left out, and those that need ONNX where it is missing.
    """
    return [
        block.of(backend) if backend else block
        for block in read(page)
        if not block.reason
        and (backend is None or block.tab in (None, FRAMEWORKS[backend].title))
        and not any(words[0] in ("nox", "pip") for words in block.commands())
        and not ("onnx" in block.code and find_spec("onnxruntime") is None)
    ]


def main(page: str, backend: str) -> None:
    """Run the blocks of a page in a folder of their own."""
    blocks = runnable(Path(page).resolve(), backend)
    names: dict[str, Any] = {"__name__": "page"}
    with tempfile.TemporaryDirectory() as folder:
        for block in blocks:
            print(f"{block}\n{block.code}", flush=True)
            block.run(names, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
