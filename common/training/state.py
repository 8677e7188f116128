"""States of a learner: the one that a run starts from, and the last one that is good."""

import logging
from collections.abc import Sequence

from common.arch import AnyNetSpec, plan
from common.errors import ConfigError
from common.training.evaluate import check_state
from common.training.learner import Learner
from common.training.progress import Progress
from common.training.run import RunDirectory
from common.weights import State
from common.weights.foreign import starting_weights


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


def read_weights(
    path: str, spec: AnyNetSpec | None, seed: int, classes: Sequence[str] = ()
) -> State:
    """The arrays of any weights, with a head drawn from `seed` if theirs has other classes.

    What becomes of the head is logged as a warning, unless it is kept. `classes` are names. Raises
    `ConfigError` unless the weights are of the network `spec`, apart from the number of classes,
    and `WeightsError`.
    """
    found = None if spec is None else starting_weights(path, spec.num_classes, seed, classes)
    if spec is None or found is None or not _is_same_network(found.spec, spec):
        raise ConfigError(
            f"weights: must be of the network that is trained; got another network in {path}"
        )
    if found.head:
        logging.getLogger("anynet").warning("head: %s", found.head)
    return dict(found.arrays)


def _is_same_network(one: AnyNetSpec, other: AnyNetSpec) -> bool:
    """Whether two specs describe the same layers, even if written differently.

    The spec of another library's file may differ in how stages are given, for example.
    """
    if one == other:
        return True
    names = ("block", "bn_epsilon", "bn_momentum", "batch_norm", "image_size")
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    return same and plan(one) == plan(other)
