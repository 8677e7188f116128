"""What the design-space explorer knows of `common`: `docs/assets/explorer/published.js`.

The limits of all numbers, the fields of a spec, the 24 RegNets of the paper and the networks of the
published studies.
"""

import csv
import json
from pathlib import Path
from typing import Any, Final

from common.arch import REGNETS, RegNetSpec, count
from common.arch.constants import IMAGENET_IMAGE_SIZE
from common.arch.regnet import WIDTH_STEP
from common.backends import FRAMEWORKS
from common.bounds import MAX_BLOCKS, MAX_CHANNELS, MAX_SIDE

STUDIES: Final = ("spaces", "exercises")
"""Those of convolutional networks; a space of the same name is that of the first."""

_STUDIES = Path(__file__).parent / "studies"
_COSTS = ("params", "flops", "activations")


def module() -> str:
    """The source of the module."""
    parts = {
        "limits": {
            "blocks": MAX_BLOCKS, "channels": MAX_CHANNELS, "side": MAX_SIDE, "step": WIDTH_STEP,
        },
        "template": _template(),
        "frameworks": {item.package: item.title for item in FRAMEWORKS.values()},
        "models": [_model(name, spec) for name, spec in REGNETS.items()],
        "populations": _populations(),
    }  # fmt: skip
    return "".join(
        f"export const {name} = {json.dumps(value, separators=(',', ':'))};\n"
        for name, value in parts.items()
    )


def _template() -> dict[str, Any]:
    """The fields of a spec and of a stage, and the names of those that hold floats."""
    spec = RegNetSpec(1, 8, 0, 2, 8).network().to_dict()
    (stage,) = spec["stages"]
    floats = [
        name for fields in (spec, stage) for name, value in fields.items() if type(value) is float
    ]
    return {"spec": spec, "stage": stage, "floats": floats}


def _model(name: str, spec: RegNetSpec) -> dict[str, Any]:
    """Parameters and costs of one of the paper's models, for the paper's images."""
    costs = count(spec.network(), IMAGENET_IMAGE_SIZE)
    return {"name": name, **vars(spec), **{cost: getattr(costs, cost) for cost in _COSTS}}


def _populations() -> dict[str, list[dict[str, float]]]:
    """Costs and errors of the networks of each space of the studies."""
    found: dict[str, list[dict[str, float]]] = {}
    for study in STUDIES:
        with (_STUDIES / study / "networks.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["state"] == "complete"]
        for space in dict.fromkeys(row["space"] for row in rows):
            found.setdefault(space, [_costs(row) for row in rows if row["space"] == space])
    return found


def _costs(row: dict[str, str]) -> dict[str, float]:
    return {**{cost: int(row[cost]) for cost in _COSTS}, "error": round(float(row["error"]), 4)}
