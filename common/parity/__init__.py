"""Whether the four backends are the same network: cases, records and their comparison."""

from common.parity.cases import CASES, Case
from common.parity.compare import Difference, compare, read_records
from common.parity.record import record, write_record

__all__ = ["CASES", "Case", "Difference", "compare", "read_records", "record", "write_record"]
