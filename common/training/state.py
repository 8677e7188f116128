"""States of a learner: the one that a run starts from, and the last one that is good."""

from common.arch import AnyNetSpec, plan
from common.errors import ConfigError
from common.training.evaluate import check_state
from common.training.learner import Learner
from common.training.progress import Progress
from common.training.run import RunDirectory
from common.weights import State
from common.weights.foreign import load_or_import


class KeptState:
    """The state of a learner at the last checkpoint; all its arrays are finite."""

    def __init__(self, learner: Learner, run: RunDirectory | None) -> None:
        self.state: State = {}
        self._learner, self._run = learner, run

    def keep(self, progress: Progress) -> None:
        """Copy the learner's state, and write it if the run has a directory.

        Raises `TrainingError` if an array is not finite.
        """
        state = self._learner.state()
        check_state(state, f"step {progress.step}: all arrays")
        self.state = state
        if self._run:
            self._run.keep(state, progress)


def read_weights(path: str, spec: AnyNetSpec | None) -> State:
    """The arrays of any weight file. Raises `ConfigError` unless it is of the network `spec`."""
    found, arrays = load_or_import(path)
    if not _is_same_network(found, spec):
        raise ConfigError(
            f"weights: must be of the network that is trained; got another network in {path}"
        )
    return dict(arrays)


def _is_same_network(one: AnyNetSpec, other: AnyNetSpec | None) -> bool:
    """Whether two specs describe the same layers, even if written differently.

    The spec of another library's file may differ in how stages are given, for example.
    """
    if one == other or other is None:
        return one == other
    names = ("block", "bn_epsilon", "bn_momentum", "batch_norm", "image_size")
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    return same and plan(one) == plan(other)
