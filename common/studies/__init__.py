"""Studies: populations of sampled networks, trained by many workers and compared."""

from common.studies.columns import Table
from common.studies.config import ObjectiveName, StudyConfig
from common.studies.evaluate import evaluate_network
from common.studies.importing import import_study
from common.studies.launch import run_workers
from common.studies.listed import ListedNetwork, ListedSpace, Source
from common.studies.networks import SampledNetwork, design
from common.studies.objective import Objective, ObjectiveError
from common.studies.population import collect_population, load_population, save_population
from common.studies.several import Together, Told, put_together
from common.studies.study import Study
from common.studies.table import Results
from common.studies.trials import Claim, Result
from common.studies.worker import train_network, work

__all__ = [
    "Claim",
    "ListedNetwork",
    "ListedSpace",
    "Objective",
    "ObjectiveError",
    "ObjectiveName",
    "Result",
    "Results",
    "SampledNetwork",
    "Source",
    "Study",
    "StudyConfig",
    "Table",
    "Together",
    "Told",
    "collect_population",
    "design",
    "evaluate_network",
    "import_study",
    "load_population",
    "put_together",
    "run_workers",
    "save_population",
    "train_network",
    "work",
]
