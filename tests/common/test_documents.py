"""The pages' commands exist, and their code that needs no framework runs."""

import ast
import itertools
import re
import tomllib

import pytest

from common.cli import main
from common.spaces import ANYNETX_E, small
from common.studies import Study, StudyConfig
from common.training import TrainConfig
from tests.documents import PAGES, ROOT, read, runnable

_BLOCKS = [block for page in PAGES for block in read(page)]
_COMMANDS = [
    pytest.param(words, id=f"{block}-{' '.join(words[:3])}")
    for block in _BLOCKS
    if block.language == "bash"
    for words in block.commands()
]
_NEUTRAL = [page for page in PAGES if (blocks := runnable(page)) and all(b.neutral for b in blocks)]
_SESSIONS = {
    node.name
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and node.decorator_list
}
_EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


_STAND_INS = {"BACKEND": "torch", "EPOCHS": "10", "SEED": "0"}
"""Values for the words in capitals that stand for a choice."""


def _of(program):
    return [parameter for parameter in _COMMANDS if parameter.values[0][0] == program]


@pytest.mark.parametrize("words", _of("anynet"))
def test_a_command_of_a_page_is_understood(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    group, arguments, context = main, [_STAND_INS.get(word, word) for word in words[1:]], None
    while hasattr(group, "commands"):
        context = group.make_context("anynet", arguments, parent=context)
        _, group, arguments = group.resolve_command(
            context, [*context._protected_args, *context.args]
        )
    group.make_context("anynet", arguments, parent=context)


_READERS = dict.fromkeys(block.section for block in read(ROOT / "docs/start.md") if block.section)


@pytest.mark.parametrize("reader", _READERS)
@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_every_reader_is_sent_on(page, reader):
    anchor = "#" + reader.lower().replace(" ", "-")
    target = "docs/start.md" if page == "README.md" else ""
    assert f"[{reader}]({target}{anchor})" in (ROOT / page).read_text()


@pytest.mark.parametrize("words", _of("nox"))
def test_a_session_of_a_page_exists(words):
    options = words[1 : words.index("--")] if "--" in words else words[1:]
    assert {word for word in options if word[0] != "-"} <= _SESSIONS


@pytest.mark.parametrize("words", _of("pip"))
def test_an_extra_of_a_page_exists(words):
    named = [word[word.index("[") + 1 : -1].split(",") for word in words if "[" in word]
    assert set(itertools.chain(*named)) <= _EXTRAS.keys()


@pytest.mark.parametrize("block", [b for b in _BLOCKS if b.language == "python"], ids=str)
def test_the_python_of_a_page_is_python(block):
    assert ast.parse(block.code).body


@pytest.mark.parametrize("page", _NEUTRAL, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_without_a_framework(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name == "studies.md":
        sample = TrainConfig("torch", spec=None, data="sample")
        config = StudyConfig((small(ANYNETX_E),), networks=2, training=sample)
        Study.create("first", "anynet-studies.db", config)
    names = {"__name__": "page"}
    for block in runnable(page):
        block.run(names, tmp_path)


_ROWS = [
    pytest.param(line, id=f"{page}-{line[2:30].strip()}")
    for page in ("README.md", "docs/architecture.md")
    for line in (ROOT / page).read_text().splitlines()
    if re.match(r"\|.*`[a-z_/]+\.py`", line)
]


@pytest.mark.parametrize("row", _ROWS)
def test_the_files_in_a_row_of_the_folders_are_there(row):
    named = re.findall(r"`([\w/]+(?:\.py)?)`", row)
    folders = [ROOT, *(ROOT / name for name in named if (ROOT / name).is_dir())]
    files = [name for name in named if name.endswith(".py")]
    assert [name for name in files if not any((f / name).exists() for f in folders)] == []
