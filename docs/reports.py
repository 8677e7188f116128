"""The reports of the published studies, written again from their tables and records.

`python -m docs.reports` writes `index.html` and `results.json` of every study in `docs/studies`, or
of those named.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any, Final

from common.arch import AnyNetSpec
from common.files import write_text
from common.reports.analysis import analyse, numbers
from common.reports.study import write_study_page
from common.studies import Result, SampledNetwork, StudyConfig

STUDIES: Final = Path(__file__).parent / "studies"

_HOMES: Final = {
    "spaces": "design-spaces", "paper": "design-spaces", "exercises": "exercises",
    "freed": "exercises", "mlps-small": "mlp", "mlps-large": "mlp",
}  # fmt: skip
"""The page of the site that tells of each study."""


def read_study(folder: Path) -> tuple[StudyConfig, list[Result]]:
    """The config and the networks of a published study, without the rows of their records."""
    settings = json.loads((folder / "study.json").read_text())
    settings.pop("producer", None)
    with (folder / "networks.csv").open(newline="") as file:
        results = [_result(row) for row in csv.DictReader(file)]
    return StudyConfig.from_dict(settings), results


def write_page_of(folder: Path) -> None:
    """Write page and numbers of a published study, with the pairs of its results.json."""
    config, results = read_study(folder)
    compared = json.loads((folder / "results.json").read_text())["comparisons"]
    analysis = analyse(config, results, [(one["first"], one["second"]) for one in compared])
    write_text(folder / "results.json", numbers(analysis))
    write_study_page(
        folder / "index.html",
        folder.name,
        config,
        results,
        analysis,
        records=(folder / "records").is_dir(),
        home=f"../../{_HOMES[folder.name]}/" if folder.name in _HOMES else "../../studies/",
    )


def _result(row: dict[str, Any]) -> Result:
    network = SampledNetwork(row["space"], int(row["index"]), AnyNetSpec.from_json(row["spec"]))
    costs = [int(row[name]) for name in ("params", "flops", "activations")]
    epochs = [name for name in row if name.startswith("error_") and row[name]]
    return Result(
        network,
        row["state"],
        *costs,
        error=float(row["error"]) if row["error"] else None,
        errors=tuple(float(row[name]) for name in epochs),
        seconds=float(row["seconds"]) if row["seconds"] else None,
        attempts=int(row["attempts"]),
        message=row["message"],
    )


if __name__ == "__main__":
    for path in sorted(STUDIES.glob("*/results.json")):
        if not sys.argv[1:] or path.parent.name in sys.argv[1:]:
            write_page_of(path.parent)
            print(f"written to {path.parent / 'index.html'}")
