"""The data of the report's figures: errors by layer and backend, and the losses of free runs."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from common.parity.compare import REFERENCE, Finding
from common.parity.quantities import EVAL_OUTPUTS, FREE_RUN, Record
from common.plotting.parity import ErrorTable, FreeRun

_DEFAULT_CASE = "regnetx32"
"""The case that is shown when all of them agree."""


def error_table(findings: list[Finding]) -> ErrorTable:
    """Errors of the layers' outputs in the first case that fails, otherwise in RegNetX32."""
    found = [item for item in findings if item.pair[1] == REFERENCE]
    shown = next((item.key.case for item in found if not item.within), _DEFAULT_CASE)
    if all(item.key.case != shown for item in found):
        shown = found[0].key.case
    outputs = [
        item for item in found if item.key.case == shown and item.key.quantity.kind == "outputs"
    ]
    # Rows in the order of the backend that exposes most layers.
    counts = Counter(item.pair for item in outputs)
    outputs.sort(key=lambda item: -counts[item.pair])
    rows = list(dict.fromkeys(item.key.layer for item in outputs))
    columns = sorted({_column(item) for item in outputs})
    ratios = np.full((len(rows), len(columns)), np.nan)
    for item in outputs:
        ratios[rows.index(item.key.layer), columns.index(_column(item))] = item.ratio
    return ErrorTable(shown, rows, [" ".join(column) for column in columns], ratios)


def _column(item: Finding) -> tuple[str, str, str]:
    """Precision, mode of batch norms and backend of an output."""
    mode = "eval" if item.key.quantity == EVAL_OUTPUTS else "train"
    return item.key.precision, mode, item.pair[0]


def free_runs(records: Mapping[str, Record]) -> list[FreeRun]:
    """Differences in loss of the free runs, one item for every case that has such runs."""
    truth = records[REFERENCE]
    found = []
    for key in [key for key in truth if key.quantity == FREE_RUN and not key.is_change]:
        differences = {
            name: np.abs(record[key] - truth[key])
            for name, record in records.items()
            if name != REFERENCE and key in record
        }
        allowed = truth[key._replace(is_change=True)]
        found.append(FreeRun(key.case, allowed, differences))
    return found
