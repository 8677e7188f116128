"""The report: figures, a page, JSON, and JUnit XML for continuous integration."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import numpy as np

from common.files import PRODUCER, replacing, write_text
from common.parity.compare import Finding
from common.parity.page import write_parity_page
from common.parity.quantities import Record
from common.parity.tables import error_table, free_runs
from common.plotting import save_figure
from common.plotting.parity import draw_errors, draw_free_runs

FORMAT: Final = 1
"""Format of report.json."""

REPORT_FILES: Final = ("report.png", "free_runs.png", "report.html", "report.json", "junit.xml")
"""Names of the files that `write_report` writes."""


def summarise(findings: Iterable[Finding]) -> list[Finding]:
    """The worst finding of every pair, case, precision, quantity, step and layer, in order."""
    worst: dict[tuple[object, ...], Finding] = {}
    for item in findings:
        place = (item.pair, item.key._replace(array=item.key.layer))
        if place not in worst or item.ratio > worst[place].ratio:
            worst[place] = item
    return list(worst.values())


def write_report(findings: list[Finding], records: Mapping[str, Record], directory: Path) -> None:
    """Write `REPORT_FILES` to `directory`, each of them whole or not at all.

    free_runs.png is left out when `records` have no free runs.
    """
    table, runs = error_table(findings), free_runs(records)
    save_figure(draw_errors(table), directory / "report.png", dpi=110)
    if runs:
        save_figure(draw_free_runs(runs), directory / "free_runs.png", dpi=110)
    write_parity_page(directory / "report.html", findings, table.case, runs)
    found = {"producer": PRODUCER, "format": FORMAT, "findings": [_row(x) for x in findings]}
    write_text(directory / "report.json", json.dumps(found, indent=0))
    _write_junit(findings, directory / "junit.xml")


def _row(item: Finding) -> dict[str, object]:
    """A finding as report.json has it; infinite numbers, which JSON lacks, are null."""
    return {
        "pair": item.pair,
        "case": item.key.case,
        "precision": item.key.precision,
        "quantity": item.key.label,
        "array": item.key.array,
        "error": item.error if np.isfinite(item.error) else None,
        "ratio": item.ratio if np.isfinite(item.ratio) else None,
        "causes": item.causes,
    }


def _write_junit(findings: list[Finding], path: Path) -> None:
    """A suite per case, and in it a test per pair and precision, with its failures."""
    suites = ElementTree.Element("testsuites", name=f"{PRODUCER} parity")
    for case in dict.fromkeys(item.key.case for item in findings):
        tests = dict[tuple[tuple[str, str], str], list[str]]()
        for item in (item for item in findings if item.key.case == case):
            outside = tests.setdefault((item.pair, item.key.precision), [])
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
