"""The report: a picture, a page, a JSON record, and JUnit XML for continuous integration."""

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.files import replacing, write_text
from common.parity.compare import REFERENCE, Finding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLAGSHIP = "regnetx32"
"""The case whose layers the picture shows when all cases agree."""

_FLOOR = 1e-6
"""Ratios below are drawn alike."""


def summarise(findings: Iterable[Finding]) -> list[Finding]:
    """The worst finding of every case, pair, precision, quantity and layer, in order."""
    worst: dict[tuple[object, ...], Finding] = {}
    for item in findings:
        key = (item.pair, item.case, item.precision, item.quantity, item.layer)
        if key not in worst or item.ratio > worst[key].ratio:
            worst[key] = item
    return list(worst.values())


def write_report(findings: list[Finding], directory: Path) -> None:
    """Write report.png, report.html, report.json and junit.xml, each whole or not at all."""
    figure = draw_report(findings)
    with replacing(directory / "report.png") as temporary:
        figure.savefig(temporary, dpi=110)
    picture = base64.b64encode((directory / "report.png").read_bytes()).decode()
    write_text(directory / "report.html", _page(findings, picture))
    rows = [{**asdict(item), "error": _finite(item.error), "ratio": _finite(item.ratio)}
            for item in findings]  # fmt: skip
    write_text(directory / "report.json", json.dumps(rows, indent=0))
    _write_junit(findings, directory / "junit.xml")


def draw_report(findings: list[Finding]) -> "Figure":
    """Layers down, backends across, colour by error in units of the tolerance.

    Layers are those of the first case that fails, or of RegNetX32.
    """
    from matplotlib.colors import TwoSlopeNorm
    from matplotlib.figure import Figure

    star = [item for item in findings if item.pair[1] == REFERENCE]
    shown = next((item.case for item in star if not item.within), _FLAGSHIP)
    if all(item.case != shown for item in star):
        shown = star[0].case
    outputs = [item for item in star if item.case == shown and item.quantity.endswith("outputs")]
    rows = list(dict.fromkeys(item.layer for item in outputs))
    columns = list(
        dict.fromkeys((item.pair[0], item.precision, item.quantity.split()[0]) for item in outputs)
    )
    values = np.full((len(rows), len(columns)), np.nan)
    for item in outputs:
        place = columns.index((item.pair[0], item.precision, item.quantity.split()[0]))
        ratio = min(max(item.ratio, _FLOOR), 1 / _FLOOR)
        values[rows.index(item.layer), place] = np.log10(ratio)
    size = (1.5 + 0.45 * len(columns), 1.8 + 0.16 * len(rows))
    figure = Figure(figsize=(max(size[0], 6), max(size[1], 3)), layout="constrained")
    axes = figure.subplots()
    norm = TwoSlopeNorm(0, np.log10(_FLOOR), -np.log10(_FLOOR))
    image = axes.imshow(values, cmap="RdBu_r", norm=norm, aspect="auto")
    axes.set_xticks(range(len(columns)), [" ".join(c) for c in columns], rotation=90, fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=6)
    axes.set_title(f"{shown}: outputs against the reference", fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.6)
    bar.set_label("log10 of the error over the tolerance; red fails", fontsize=7)
    return figure


def _page(findings: list[Finding], picture: str) -> str:
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
    outside = [str(item) for item in findings if not item.within]
    return template.render(tables=tables, backends=backends, outside=outside, picture=picture)


def _worst(findings: list[Finding], kind: tuple[str, str], pair: tuple[str, str]) -> Finding | None:
    own = [i for i in findings if (i.precision, i.quantity) == kind and i.pair == pair]
    return max(own, key=lambda item: item.ratio, default=None)


def _write_junit(findings: list[Finding], path: Path) -> None:
    from junitparser import Failure, JUnitXml, TestCase, TestSuite

    suites = JUnitXml()
    for case in dict.fromkeys(item.case for item in findings):
        suite = TestSuite(case)
        own = [item for item in findings if item.case == case]
        for pair, precision in dict.fromkeys((item.pair, item.precision) for item in own):
            test = TestCase(f"{' and '.join(pair)}, {precision}", "parity")
            outside = [
                str(item) for item in own
                if (item.pair, item.precision) == (pair, precision) and not item.within
            ]  # fmt: skip
            if outside:
                failure = Failure(outside[0])
                failure.text = "\n".join(outside)
                test.result = [failure]
            suite.add_testcase(test)
        suites.add_testsuite(suite)
    with replacing(path) as temporary:
        suites.write(str(temporary), pretty=True)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
