"""Studies: populations of sampled networks, trained by many workers and compared."""

from common.studies.config import StudyConfig
from common.studies.launch import run_workers
from common.studies.networks import SampledNetwork, design
from common.studies.study import Study
from common.studies.trials import Claim, Result
from common.studies.worker import train_network, work

__all__ = [
    "Claim",
    "Result",
    "SampledNetwork",
    "Study",
    "StudyConfig",
    "design",
    "run_workers",
    "train_network",
    "work",
]
