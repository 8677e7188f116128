"""Proof that the backends are the same network, by what they compute."""

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
