"""The published studies in docs/studies, read back from their tables."""

import csv
import json
from functools import cache
from itertools import count

import numpy as np

from common import AnyNetSpec
from common.studies import Result, SampledNetwork, StudyConfig
from tests.documents import ROOT

STUDIES = sorted(path.parent for path in (ROOT / "docs" / "studies").glob("*/study.json"))


def config_of(folder):
    """The config of a published study."""
    return StudyConfig.from_dict(json.loads((folder / "study.json").read_text()))


@cache
def results_of(folder):
    """The networks of a published study with their errors, as `Study.results` gave them."""
    with (folder / "networks.csv").open(newline="") as file:
        return [_result(row) for row in csv.DictReader(file)]


def _result(row):
    network = SampledNetwork(row["space"], int(row["index"]), AnyNetSpec.from_json(row["spec"]))
    names = (f"error_{epoch}" for epoch in count(1))
    errors = []
    for name in names:
        if not row.get(name):
            break
        errors.append(float(row[name]))
    return Result(
        network,
        row["state"],
        int(row["params"]),
        int(row["flops"]),
        int(row["activations"]),
        float(row["error"]) if row["error"] else None,
        tuple(errors),
        seconds=float(row["seconds"]) if row["seconds"] else None,
        attempts=int(row["attempts"]),
        message=row["message"],
    )


@cache
def numbers_of(folder):
    """The numbers of a published study's report."""
    return json.loads((folder / "results.json").read_text())


def pairs_of(folder):
    """The pairs of spaces that a published report compares."""
    return [(one["first"], one["second"]) for one in numbers_of(folder)["comparisons"]]


class Population:
    """The complete networks of a published study, or of some of its spaces, as arrays (n,)."""

    def __init__(self, folder, *spaces):
        self.results = [
            one for one in results_of(folder) if not spaces or one.network.space in spaces
        ]
        stages = [one.network.spec.stages for one in self.results]
        self.errors = np.array([one.error for one in self.results])
        self.depths = np.array([sum(stage.depth for stage in own) for own in stages])
        self.params = np.array([one.params for one in self.results])
        self.flops = np.array([one.flops for one in self.results])
        self.activations = np.array([one.activations for one in self.results])
        self.spaces = np.array([one.network.space for one in self.results])
