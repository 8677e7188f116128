"""What all pages share: data that cannot leave its element, numbers, and no other host."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import common.pages
from common.marks import is_ours
from common.pages import rounded, to_json, write_page, write_runs_page

HOSTILE = ["</script><script>alert(1)</script>", "<!-- <script>", "a & b \u2028 c", "]]>", '"\\']


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.scripts += [""] if tag == "script" else []

    def handle_data(self, data):
        if self.found and self.found[-1][0] == "script":
            self.scripts[-1] += data


def _template(folder, content="{{ name }}"):
    path = folder / "page.j2"
    path.write_text('{% extends "page.html.j2" %}{% block content %}' + content + "{% endblock %}")
    return path


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_its_script_element(text, tmp_path):
    write_page(tmp_path / "a.html", _template(tmp_path), (), {"a": text}, {"name": text})
    page = Elements((tmp_path / "a.html").read_text())
    assert [tag for tag, _ in page.found].count("script") == 2
    assert json.loads(page.scripts[0]) == {"a": text}


def test_numbers_that_are_not_finite_are_null():
    data = {"a": [math.nan, math.inf, -math.inf, 0.5], "b": (1, None)}
    assert to_json(data) == '{"a":[null,null,null,0.5],"b":[1,null]}'


@pytest.mark.parametrize(
    ("value", "short"),
    [(0.15700000000000003, 0.157), (1234567.0, 1234570), (3, 3), (math.nan, None), (None, None)],
)
def test_numbers_are_rounded(value, short):
    assert rounded(value) == short


def test_a_page_may_ask_no_host_for_anything(tmp_path):
    write_page(tmp_path / "a.html", _template(tmp_path), (), {}, {"name": "a"})
    text = (tmp_path / "a.html").read_text()
    assert is_ours(tmp_path / "a.html")
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


def _run(losses, accuracies):
    rows = [{"kind": "interval", "epoch": (k + 1) / 2, "step": k + 1, "loss": loss}
            for k, loss in enumerate(losses)]  # fmt: skip
    return rows + [
        {"kind": "epoch", "epoch": k + 1, "val_accuracy": one, "val_loss": 1.0, "train_loss": 2.0}
        for k, one in enumerate(accuracies)
    ]


def test_the_page_of_runs_has_their_curves_and_their_differences(tmp_path):
    runs = {"<b>one</b>": _run([2.0, math.nan], [0.5]), "two": _run([2.1, 1.5], [0.6])}
    write_runs_page(tmp_path / "a.html", runs, [], {"two": (0.05, 0.05)})
    text = (tmp_path / "a.html").read_text()
    data = json.loads(Elements(text).scripts[0])
    assert data["runs"][0]["name"] == "<b>one</b>"
    assert data["runs"][0]["interval"] == {"epoch": [0.5, 1], "loss": [2, None]}
    assert "<b>one</b>" not in text
    assert "<td>0.05</td>" in text


def test_long_runs_are_thinned(tmp_path):
    write_runs_page(tmp_path / "a.html", {"one": _run([1.0] * 10_000, [])}, [], {})
    data = json.loads(Elements((tmp_path / "a.html").read_text()).scripts[0])
    assert 2000 < len(data["runs"][0]["interval"]["loss"]) <= 3000


_SCRIPTS = sorted(Path(common.pages.__file__).parent.glob("*.js"))


@pytest.mark.parametrize("last", ["study.js", "parity.js", "curves.js"])
def test_no_two_scripts_of_a_page_define_a_name(last):
    """They share a scope, in which a second definition is a syntax error."""
    others = {"study.js", "parity.js", "curves.js"} - {last}
    texts = [path.read_text() for path in _SCRIPTS if path.name not in others]
    definition = re.compile(r"^(?:const|let|class|function) (\w+)", re.MULTILINE)
    names = [name for text in texts for name in definition.findall(text)]
    assert names
    assert [name for name in set(names) if names.count(name) > 1] == []
