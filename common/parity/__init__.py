"""Parity: the backends compute the same numbers as the NumPy reference.

`cases.py` has the networks and inputs, `quantities.py` what is compared and how closely,
`measure.py` computes it, `record.py` stores it, `compare.py` judges it, `report.py` shows it.
"""

from common.parity.cases import CASES, Case
from common.parity.compare import REFERENCE, Finding, compare
from common.parity.measure import measure
from common.parity.quantities import QUANTITIES, Key, Quantity, Record
from common.parity.record import check_expected, read_records, record, write_record
from common.parity.report import summarise, write_report

__all__ = [
    "CASES",
    "QUANTITIES",
    "REFERENCE",
    "Case",
    "Finding",
    "Key",
    "Quantity",
    "Record",
    "check_expected",
    "compare",
    "measure",
    "read_records",
    "record",
    "summarise",
    "write_record",
    "write_report",
]
