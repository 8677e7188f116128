"""The page on why frameworks differ: its numbers stand in the pages that measured them."""

import re

import pytest

from tests.documents import ROOT, read

_PAGE = ROOT / "docs/why.md"
_LINKED = re.compile(r"\]\((?P<page>[\w-]+\.md)#?[\w-]*\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(
    r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?:e-?\d+)? %|\d+\.\d+(?:e-?\d+)?|\d+e-?\d+"
    r"|\b(?:thirteen|fifteen|tenth|fifth)\b"
)


def _stories():
    """The prose of each section with numbers and a source, and the text of its sources."""
    sections = re.split(r"^## ", _PAGE.read_text(), flags=re.MULTILINE)[1:]
    for section in sections:
        title, _, text = section.partition("\n")
        sources = {found["page"] for found in _LINKED.finditer(text)}
        measured = "\n".join((ROOT / "docs" / page).read_text() for page in sorted(sources))
        yield title, _FENCED.sub("", text), measured


_QUOTES = [
    pytest.param(number, measured, id=f"{title}-{number}")
    for title, text, measured in _stories()
    for number in dict.fromkeys(_NUMBER.findall(text))
]


@pytest.mark.parametrize(("number", "measured"), _QUOTES)
def test_a_number_stands_where_it_was_measured(number, measured):
    assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d,]*\d)", measured)


def test_the_stories_have_numbers():
    assert len(_QUOTES) >= 40


_RESULTS = [
    pytest.param(*line.split("  # ", 1), id=line)
    for block in read(_PAGE)
    for line in block.code.splitlines()
    if re.match(r"[a-z][^=]*\(.*\).*  # |nan if", line)
]


@pytest.fixture(scope="module")
def names():
    """What the page's code defines, from top to bottom."""
    found = {}
    for block in read(_PAGE):
        exec(block.code, found)
    return found


@pytest.mark.parametrize(("expression", "shown"), _RESULTS)
def test_a_result_that_the_page_shows_is_computed(expression, shown, names):
    assert repr(eval(expression, names)) == shown


def test_every_snippet_shows_a_result():
    assert len(_RESULTS) >= len(read(_PAGE))
