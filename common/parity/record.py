"""Records on disk: one safetensors file per backend, and one for the reference."""

from pathlib import Path

import numpy as np

from common import reference
from common.errors import WeightsError
from common.files import write_bytes
from common.parity.cases import CASES, Case
from common.parity.compare import CHANGE, REFERENCE
from common.parity.measure import PRECISIONS, Measured, Record, Subject, measure, sensitivity


def record(subject: Subject, case: Case) -> Record:
    """Everything that `subject` computes on a case."""
    name = case.name
    if subject is not reference:
        return {
            f"{name}/{precision}/{key}": array
            for precision in PRECISIONS
            for key, array in measure(subject, case, precision)
        }

    def under(label: str, measured: Measured) -> Record:
        return {f"{name}/{label}/{key}": array for key, array in measured}

    found = under("float64", measure(subject, case)) | under(
        f"float32{CHANGE}", sensitivity(case, "float32")
    )
    return found | (
        under(f"float64{CHANGE}", sensitivity(case, "float64")) if case.chaotic else {}
    )


def write_record(subject: Subject, path: Path, cases: tuple[Case, ...] = CASES) -> None:
    """Record all cases to one file, whole or not at all."""
    from rich.progress import track
    from safetensors.numpy import save

    arrays = {
        name: np.ascontiguousarray(array)
        for case in track(cases, description=path.stem, transient=True)
        for name, array in record(subject, case).items()
    }
    write_bytes(path, save(arrays))


def read_records(directory: Path) -> dict[str, Record]:
    """Every record in `directory` by backend. Raises `WeightsError`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    records = {}
    for path in sorted(directory.glob("*.safetensors")):
        try:
            records[path.stem] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: must be a parity record; got {error}") from error
    if REFERENCE not in records or len(records) < 2:
        raise WeightsError(
            f"{directory}: must hold the records of the reference and of one backend or more; "
            f"got {', '.join(records) or 'none'}; `anynet parity record` writes them"
        )
    return records
