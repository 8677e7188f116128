"""Records, in memory and on disk: a safetensors file per backend, and one for the reference."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from common.backends import load_backend
from common.errors import WeightsError, shortened
from common.files import PRODUCER, check_format, open_regular, reading, write_bytes
from common.parity.cases import CASES, Case
from common.parity.compare import REFERENCE
from common.parity.measure import PRECISIONS, TRUTH, Subject, measure, second_derivatives
from common.parity.quantities import Key, Record
from common.parity.sensitivity import sensitivity
from common.processes import process_pool

FORMAT = 1
"""Format of the files; those of version 0.1 do not state it."""

_HEADER = f"{PRODUCER} parity"
"""Entry of a file's metadata that states the format."""

_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
}
"""Environment of the processes that record: one per core, so one thread each.

With one thread, sums do not depend on the machine's number of cores.
"""

_FEW = 6
"""So many cases may share a process."""


def record(subject: Subject, case: Case) -> Record:
    """Everything that is compared of a backend, or of the reference, on one case.

    A backend computes in float64 and float32. The reference computes in float64, and says for both
    precisions how far rounding moves what it computes.
    """
    found: Record = {}
    for precision in PRECISIONS if subject is not TRUTH else PRECISIONS[:1]:
        found |= measure(subject, case, precision)
    found |= second_derivatives(subject, case)
    if subject is TRUTH:
        found |= sensitivity(case, "float32")
        if case.chaotic:
            found |= sensitivity(case, "float64")
    return found


def find_subject(name: str) -> Subject:
    """The reference or a backend by name.

    Raises `BackendError` for any other name, and for a framework that is not installed.
    """
    return TRUTH if name == REFERENCE else load_backend(name)


def write_record(subject: str, path: Path, cases: tuple[Case, ...] = CASES) -> None:
    """Record `cases` of the reference or a backend to one file, whole or not at all.

    `subject` is `reference` or the name of a backend; raises `BackendError` as `find_subject` does.
    As many run at a time as there are cores. Each of many cases has a process of its own: the
    programs that XLA compiles for all of them exceed the memory mappings that Linux allows one
    process. Starting one takes seconds, so a few cases share theirs.
    """
    from rich.progress import track
    from safetensors.numpy import save

    find_subject(subject)
    arrays: Record = {}
    with process_pool(_THREADS, one_task_each=len(cases) > _FEW) as pool:
        found = pool.map(partial(_recorded, subject), cases)
        for part in track(found, path.stem, len(cases), transient=True):
            arrays |= part
    named = {str(key): array for key, array in arrays.items()}
    write_bytes(path, save(named, {_HEADER: json.dumps({"format": FORMAT})}))


def _recorded(subject: str, case: Case) -> Record:
    arrays = record(find_subject(subject), case)
    return {key: np.ascontiguousarray(array) for key, array in arrays.items()}


def read_records(directory: Path) -> dict[str, Record]:
    """Every record in `directory`, by the name of its backend, which is that of its file.

    Raises `WeightsError` for a file that is no record, and unless there are the reference's and at
    least one backend's.
    """
    from safetensors import safe_open

    records = {}
    for path in sorted(directory.glob("*.safetensors")):
        with (
            reading(path, "a parity record", WeightsError),
            open_regular(path),
            safe_open(str(path), framework="numpy") as file,
        ):
            metadata = file.metadata() or {}
            if _HEADER in metadata:
                header = json.loads(metadata[_HEADER])
                check_format(header["format"], FORMAT, str(path), WeightsError)
            records[path.stem] = {
                Key.parse(name): file.get_tensor(name) for name in list(file.keys())
            }
    if REFERENCE not in records or len(records) < 2:
        raise WeightsError(
            f"{directory}: must hold the records of the reference and of at least one backend; "
            f"got {shortened(', '.join(records)) or 'none'}; `anynet parity record` writes them"
        )
    return records


def check_expected(
    records: Mapping[str, Record],
    expected: Iterable[str],
    directory: Path,
    cases: Iterable[Case] = CASES,
) -> None:
    """Raise `WeightsError` unless the expected backends have records, and the reference all cases.

    Only the cases in the reference's record are compared, so a missing one would pass unnoticed.
    `directory` is named in the message.
    """
    if missing := [name for name in expected if name not in records]:
        raise WeightsError(
            f"{directory}: must hold the records of {', '.join(expected)}; got none of "
            f"{', '.join(missing)}; write them with `anynet parity record`, or name the backends "
            "to compare with --expect"
        )
    found = {key.case for key in records[REFERENCE]}
    if left_out := [case.name for case in cases if case.name not in found]:
        raise WeightsError(
            f"{directory}: the reference must have every case; got none of "
            f"{shortened(', '.join(left_out))}; record the reference again"
        )
