"""The report: a picture, a page, a JSON record, and JUnit XML for continuous integration."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

import numpy as np

from common.files import PRODUCER, replacing, write_text
from common.parity.compare import REFERENCE, Finding
from common.parity.measure import Record
from common.parity.tables import error_table, free_runs
from common.plotting import save_figure
from common.plotting.parity import draw_errors, draw_free_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT: Final = 1
"""Of report.json."""

REPORT_FILES: Final = ("report.png", "free_runs.png", "report.html", "report.json", "junit.xml")
"""What `write_report` writes."""


def summarise(findings: Iterable[Finding]) -> list[Finding]:
    """The worst finding of every case, pair, precision, quantity and layer, in order."""
    worst: dict[tuple[object, ...], Finding] = {}
    for item in findings:
        key = (item.pair, item.case, item.precision, item.quantity, item.layer)
        if key not in worst or item.ratio > worst[key].ratio:
            worst[key] = item
    return list(worst.values())


def write_report(findings: list[Finding], records: Mapping[str, Record], directory: Path) -> None:
    """Write report.png, free_runs.png, report.html, report.json and junit.xml.

    Each is whole or not at all; there is no free_runs.png without such runs in `records`.
    """
    pictures = [_picture(draw_errors(error_table(findings)), directory / "report.png")]
    if runs := free_runs(records):
        pictures.append(_picture(draw_free_runs(runs), directory / "free_runs.png"))
    write_text(directory / "report.html", _page(findings, pictures))
    rows = [{**asdict(item), "error": _finite(item.error), "ratio": _finite(item.ratio)}
            for item in findings]  # fmt: skip
    found = {"producer": PRODUCER, "format": FORMAT, "findings": rows}
    write_text(directory / "report.json", json.dumps(found, indent=0))
    _write_junit(findings, directory / "junit.xml")


def _picture(figure: "Figure", path: Path) -> str:
    """Write a figure; its bytes in base64."""
    save_figure(figure, path, dpi=110)
    return base64.b64encode(path.read_bytes()).decode()


def _page(findings: list[Finding], pictures: list[str]) -> str:
    from jinja2 import Environment

    cases = list(dict.fromkeys(item.case for item in findings))
    backends = [pair[0] for pair in dict.fromkeys(i.pair for i in findings) if pair[1] == REFERENCE]
    tables = []
    for case in cases:
        own = [item for item in findings if item.case == case]
        kinds = list(dict.fromkeys((item.precision, item.quantity) for item in own))
        table = [
            (*kind, [_worst(own, kind, (backend, REFERENCE)) for backend in backends])
            for kind in kinds
            if not kind[1].startswith("restarted") or kind[1].endswith(" 1")
        ]
        tables.append((case, all(item.within for item in own), table))
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(Path(__file__).with_name("report.html.j2").read_text())
    outside = [item for item in findings if not item.within]
    return template.render(tables=tables, backends=backends, outside=outside, pictures=pictures)


def _worst(findings: list[Finding], kind: tuple[str, str], pair: tuple[str, str]) -> Finding | None:
    own = [i for i in findings if (i.precision, i.quantity) == kind and i.pair == pair]
    return max(own, key=lambda item: item.ratio, default=None)


def _write_junit(findings: list[Finding], path: Path) -> None:
    """A suite per case; a test per pair and precision, which fails by what is outside."""
    suites = ElementTree.Element("testsuites", name=f"{PRODUCER} parity")
    for case in dict.fromkeys(item.case for item in findings):
        tests = dict[tuple[tuple[str, str], str], list[str]]()
        for item in (item for item in findings if item.case == case):
            outside = tests.setdefault((item.pair, item.precision), [])
            outside += [] if item.within else [str(item)]
        counts = {"tests": str(len(tests)), "failures": str(sum(map(bool, tests.values())))}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": case, **counts})
        for (pair, precision), outside in tests.items():
            name = f"{' and '.join(pair)}, {precision}"
            test = ElementTree.SubElement(suite, "testcase", {"name": name, "classname": "parity"})
            if outside:
                failure = ElementTree.SubElement(test, "failure", {"message": outside[0]})
                failure.text = "\n".join(outside)
    ElementTree.indent(suites)
    with replacing(path) as temporary:
        ElementTree.ElementTree(suites).write(temporary, "utf-8", xml_declaration=True)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
