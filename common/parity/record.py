"""Records on disk: one safetensors file per backend, and one for the reference."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from common.backends import load_backend
from common.errors import WeightsError, shortened
from common.files import PRODUCER, check_format, open_regular, reading, write_bytes
from common.parity.cases import CASES, Case
from common.parity.compare import CHANGE, REFERENCE
from common.parity.measure import (
    PRECISIONS,
    TRUTH,
    Measured,
    Record,
    Subject,
    measure,
    second_derivatives,
)
from common.parity.sensitivity import sensitivity
from common.processes import process_pool

FORMAT = 1
"""Of records; those of version 0.1 have none."""

_HEADER = f"{PRODUCER} parity"
"""The entry of the metadata."""

_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
}
"""Environment of the processes that record, so that every machine adds in the same order.

There is a process per core, so each has one thread.
"""


def record(subject: Subject, case: Case) -> Record:
    """Everything that `subject` computes on a case."""
    name = case.name
    if subject is not TRUTH:
        return {
            f"{name}/{precision}/{key}": array
            for precision in PRECISIONS
            for key, array in measure(subject, case, precision)
        } | {f"{name}/float64/{key}": array for key, array in second_derivatives(subject, case)}

    def under(label: str, measured: Measured) -> Record:
        return {f"{name}/{label}/{key}": array for key, array in measured}

    found = under("float64", measure(subject, case)) | under(
        f"float32{CHANGE}", sensitivity(case, "float32")
    )
    found |= under("float64", second_derivatives(subject, case))
    return found | (under(f"float64{CHANGE}", sensitivity(case, "float64")) if case.chaotic else {})


def find_subject(name: str) -> Subject:
    """The reference or a backend by name. Raises `BackendError`."""
    return TRUTH if name == REFERENCE else load_backend(name)


def write_record(subject: str, path: Path, cases: tuple[Case, ...] = CASES) -> None:
    """Record all cases of the reference or a backend to one file, whole or not at all.

    Each case runs in a process of its own, one per core at a time: the programs that XLA compiles
    for all of them would be more than one process may map. Raises `BackendError`.
    """
    from rich.progress import track
    from safetensors.numpy import save

    find_subject(subject)
    arrays: Record = {}
    with process_pool(_THREADS) as pool:
        found = pool.map(partial(_recorded, subject), cases)
        for part in track(found, path.stem, len(cases), transient=True):
            arrays |= part
    write_bytes(path, save(arrays, {_HEADER: json.dumps({"format": FORMAT})}))


def _recorded(subject: str, case: Case) -> Record:
    arrays = record(find_subject(subject), case)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def read_records(directory: Path) -> dict[str, Record]:
    """Every record in `directory` by backend. Raises `WeightsError`."""
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
                check_format(json.loads(metadata[_HEADER])["format"], FORMAT, str(path))
            records[path.stem] = {name: file.get_tensor(name) for name in list(file.keys())}
    if REFERENCE not in records or len(records) < 2:
        raise WeightsError(
            f"{directory}: must hold the records of the reference and of one backend or more; "
            f"got {shortened(', '.join(records)) or 'none'}; `anynet parity record` writes them"
        )
    return records


def check_expected(
    records: Mapping[str, Record],
    expected: Iterable[str],
    directory: Path,
    cases: Iterable[Case] = CASES,
) -> None:
    """Raise `WeightsError` unless every expected backend has a record and every case is in them.

    The reference decides which cases are compared, so one that it lacks would be left out.
    """
    if missing := [name for name in expected if name not in records]:
        raise WeightsError(
            f"{directory}: must hold the records of {', '.join(expected)}; got none of "
            f"{', '.join(missing)}; `anynet parity record` writes them, and --expect says which "
            "backends are enough"
        )
    found = {key.split("/")[0] for key in records[REFERENCE]}
    if left_out := [case.name for case in cases if case.name not in found]:
        raise WeightsError(
            f"{directory}: the reference must have every case; got none of "
            f"{shortened(', '.join(left_out))}; record it anew"
        )
