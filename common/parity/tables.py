"""What the report draws: errors by layer and backend, and the losses of free runs."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from common.parity.compare import CHANGE, REFERENCE, Finding
from common.parity.measure import Record
from common.plotting.parity import ErrorTable, FreeRun

_FLAGSHIP = "regnetx32"
"""The case whose layers are shown when all cases agree."""


def error_table(findings: list[Finding]) -> ErrorTable:
    """Errors of the layers' outputs in the first case that fails, or of RegNetX32."""
    star = [item for item in findings if item.pair[1] == REFERENCE]
    shown = next((item.case for item in star if not item.within), _FLAGSHIP)
    if all(item.case != shown for item in star):
        shown = star[0].case
    outputs = [item for item in star if item.case == shown and item.quantity.endswith("outputs")]
    # In the order of the backend in which most layers can be observed.
    counts = Counter(item.pair for item in outputs)
    outputs.sort(key=lambda item: -counts[item.pair])
    rows = list(dict.fromkeys(item.layer for item in outputs))
    columns = sorted({_column(item) for item in outputs})
    ratios = np.full((len(rows), len(columns)), np.nan)
    for item in outputs:
        ratios[rows.index(item.layer), columns.index(_column(item))] = item.ratio
    return ErrorTable(shown, rows, [" ".join(column) for column in columns], ratios)


def _column(item: Finding) -> tuple[str, str, str]:
    """Precision, mode ("eval" or "train") and backend of an output."""
    return item.precision, item.quantity.split()[0], item.pair[0]


def free_runs(records: Mapping[str, Record]) -> list[FreeRun]:
    """Losses at the chapter's rate in float64, of every case that has such runs."""
    truth = records[REFERENCE]
    ending = f"/float64{CHANGE}/free run/losses"
    found = []
    for case in [name.removesuffix(ending) for name in truth if name.endswith(ending)]:
        key = f"{case}/float64/free run/losses"
        differences = {
            name: np.abs(record[key] - truth[key])
            for name, record in records.items()
            if name != REFERENCE and key in record
        }
        found.append(FreeRun(case, truth[case + ending], differences))
    return found
