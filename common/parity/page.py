"""The page of a parity report: a table per case, errors by layer and backend, and free runs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from common.pages import rounded, write_page
from common.parity.compare import REFERENCE, Finding
from common.parity.quantities import Quantity
from common.plotting.parity import FreeRun
from common.training import Precision

_TEMPLATE: Final = Path(__file__).with_name("report.html.j2")


def write_parity_page(
    path: Path, findings: Sequence[Finding], shown: str, runs: Sequence[FreeRun]
) -> None:
    """Write the page to `path`; `shown` is the case whose layers it shows first."""
    cases = list(dict.fromkeys(item.key.case for item in findings))
    backends = [name for name, other in dict.fromkeys(x.pair for x in findings)
                if other == REFERENCE]  # fmt: skip
    against = [item for item in findings if item.pair[1] == REFERENCE]
    tables = []
    for case in cases:
        own = [item for item in findings if item.key.case == case]
        groups = dict.fromkeys((item.key.precision, item.key.quantity) for item in own)
        rows = [
            (precision, quantity.name, [_worst(own, precision, quantity, x) for x in backends])
            for precision, quantity in groups
        ]
        tables.append((case, all(item.within for item in own), rows))
    values = {
        "tables": tables,
        "backends": backends,
        "outside": [item for item in findings if not item.within],
        "runs": runs,
    }
    data = {
        **_by_layer(against, cases, backends),
        "shown": shown,
        "runs": [
            {
                "case": run.case,
                "allowed": [rounded(float(x), 3) for x in run.allowed],
                "differences": {name: [rounded(float(x), 3) for x in own]
                                for name, own in run.differences.items()},
            }
            for run in runs
        ],
    }  # fmt: skip
    write_page(path, _TEMPLATE, ("lines.js", "parity.js"), data, values)


def _worst(
    findings: Sequence[Finding], precision: Precision, quantity: Quantity, backend: str
) -> Finding | None:
    """The worst finding of a quantity, over all steps, of a backend against the reference."""
    own = [
        item
        for item in findings
        if item.pair == (backend, REFERENCE)
        and (item.key.precision, item.key.quantity) == (precision, quantity)
    ]
    return max(own, key=lambda item: item.ratio, default=None)


def _by_layer(
    findings: Iterable[Finding], cases: Sequence[str], backends: Sequence[str]
) -> dict[str, Any]:
    """Tables of ratios and errors by case, precision and quantity: rows layers, columns backends.

    A number is the worst over all steps, "" where a backend has none, None where it is not finite.
    """
    names: dict[str, int] = {}
    worst: dict[tuple[str, str, str], dict[int, dict[str, Finding]]] = {}
    for item in findings:
        key = item.key
        layer = names.setdefault(key.layer, len(names))
        table = worst.setdefault((key.case, key.precision, key.quantity.name), {})
        row = table.setdefault(layer, {})
        known = row.get(item.pair[0])
        if known is None or item.ratio > known.ratio:
            row[item.pair[0]] = item

    def numbers(rows: Iterable[dict[str, Finding]], field: str) -> list[list[Any]]:
        return [
            [rounded(getattr(row[x], field), 2) if x in row else "" for x in backends]
            for row in rows
        ]

    return {
        "backends": backends,
        "layers": list(names),
        "cases": [
            {
                "name": case,
                "tables": [
                    {"precision": precision, "quantity": quantity, "layers": list(rows),
                     "ratio": numbers(rows.values(), "ratio"),
                     "error": numbers(rows.values(), "error")}
                    for (own, precision, quantity), rows in worst.items() if own == case
                ],
            }
            for case in cases
        ],
    }  # fmt: skip
