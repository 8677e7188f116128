"""Studies: populations of sampled networks, trained by many workers and compared."""

from common.studies.columns import Table
from common.studies.config import ObjectiveName, StudyConfig
from common.studies.evaluate import evaluate_network
from common.studies.launch import run_workers
from common.studies.networks import SampledNetwork, design
from common.studies.objective import Objective, ObjectiveError
from common.studies.population import collect_population, load_population, save_population
from common.studies.study import Study
from common.studies.table import Results
from common.studies.trials import Claim, Result
from common.studies.worker import train_network, work

__all__ = [
    "Claim",
    "Objective",
    "ObjectiveError",
    "ObjectiveName",
    "Result",
    "Results",
    "SampledNetwork",
    "Study",
    "StudyConfig",
    "Table",
    "collect_population",
    "design",
    "evaluate_network",
    "load_population",
    "run_workers",
    "save_population",
    "train_network",
    "work",
]
