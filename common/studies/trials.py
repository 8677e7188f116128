"""Conversion between networks and Optuna's trials, and the state of a network.

This package uses Optuna's private `_trial_id`, `_study_id` and `FrozenStudy`: a storage addresses
trials and studies by these ids, and only through a storage can a worker take a given trial, return
it or send a heartbeat. The public `Study.ask` and `Study.tell` cannot, as of Optuna 5.0.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from common.arch import AnyNetSpec
from common.errors import StudyError
from common.studies.distributions import distributions
from common.studies.listed import ListedNetwork
from common.studies.networks import SampledNetwork, complexity, stage_parameters
from common.training import Row

NetworkState = Literal["waiting", "running", "complete", "pruned", "failed", "lost"]
"""A `lost` network's worker is gone; it will be requeued."""

STATES: Final[tuple[NetworkState, ...]] = (
    "waiting",
    "running",
    "complete",
    "pruned",
    "failed",
    "lost",
)

AnyNetwork = SampledNetwork | ListedNetwork
"""A network of a study; only that of an imported one may be no AnyNet."""

ATTEMPTS: Final = 3
"""Number of workers lost while training a network after which it counts as failed."""

METRICS: Final = "metrics"
"""The kind, and the key, of the row of a record that has an objective's own metrics."""

GRACE: Final = 60.0
"""Seconds without a heartbeat after which a worker counts as gone."""


@dataclass(frozen=True)
class Result:
    """A network of a study with its state and results.

    - `params`, `flops`, `activations`: costs at the study's image size; None where an imported
      table does not tell those of a network that is no AnyNet
    - `error`: 1 - validation accuracy, after the last epoch or the least of all epochs, as the
      study says; 1 if training diverged
    - `errors`: the error after each epoch
    - `record`: the rows of its run
    - `seconds`: the duration of its training
    - `attempts`: the number of workers that started it
    - `message`: why it failed or diverged
    - `trainings`: of a network that is trained with several seeds, the result with each of them
    """

    network: AnyNetwork
    state: NetworkState
    params: int | None
    flops: int | None
    activations: int | None
    error: float | None = None
    errors: tuple[float, ...] = ()
    record: tuple[Row, ...] = ()
    seconds: float | None = None
    attempts: int = 0
    worker: str = ""
    message: str = ""
    trainings: tuple["Result", ...] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """What an objective measured beside the error, by name: means over several seeds."""
        found = [row[METRICS] for row in self.record if row["kind"] == METRICS]
        if len(found) < 2:
            return found[0] if found else {}
        shared = [name for name in found[0] if all(name in one for one in found)]
        return {name: sum(one[name] for one in found) / len(found) for name in shared}


class TakenError(Exception):
    """Another worker has taken over or finished a claimed network."""


@dataclass(frozen=True)
class Claim:
    """A network that one worker has taken."""

    trial_id: int
    number: int
    network: SampledNetwork


def waiting_trials(
    networks: Sequence[SampledNetwork], spaces: Sequence[str], image_size: tuple[int, int]
) -> list[FrozenTrial]:
    """Waiting trials for networks, with parameters that Optuna's dashboard can show."""
    parameters = [stage_parameters(network.spec) for network in networks]
    kinds = distributions(parameters)
    space = {"space": CategoricalDistribution(tuple(spaces))}
    return [
        optuna.create_trial(
            state=TrialState.WAITING,
            params={"space": network.space, **values},
            distributions={**space, **{name: kinds[name] for name in values}},
            user_attrs={
                "network": network.name,
                "index": network.index,
                "spec": network.spec.to_json(),
                **complexity(network.spec, image_size),
                **({"repeat": network.repeat} if network.repeat else {}),
            },
        )
        for network, values in zip(networks, parameters, strict=True)
    ]


_HELD: Final = {
    "network": str,
    "index": int,
    "spec": str,
    "params": int,
    "flops": int,
    "activations": int,
}
"""The user attributes of every trial of a study."""

_LISTED: Final = {"network": str, "index": int, "label": str, "numbers": dict}
"""The same of an imported network that is no AnyNet; it may have costs."""


def checked(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials, after checking their attributes. Raises `StudyError` for a modified storage."""
    for trial in trials:
        held = _LISTED if "label" in trial.user_attrs else _HELD
        wrong = [
            name for name, kind in held.items() if not isinstance(trial.user_attrs.get(name), kind)
        ]
        if wrong or "space" not in trial.params:
            raise StudyError(
                f"trial {trial.number}: must describe a network of the study; "
                f"got a wrong {', '.join(wrong) or 'space'}; restore the storage from a copy"
            )
    return trials


def again(trial: FrozenTrial) -> FrozenTrial:
    """A new waiting trial for the network of `trial`."""
    return optuna.create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={
            name: trial.user_attrs[name] for name in (*_HELD, "repeat") if name in trial.user_attrs
        },
    )


def any_network_of(trial: FrozenTrial) -> AnyNetwork:
    """The network of a trial, which may be one that was imported."""
    attrs = trial.user_attrs
    if "label" not in attrs:
        return network_of(trial)
    where = trial.params["space"], attrs["index"]
    return ListedNetwork(*where, attrs["label"], attrs["numbers"], attrs.get("repeat", 0))


def network_of(trial: FrozenTrial) -> SampledNetwork:
    """The network of a trial, an AnyNet."""
    attrs = trial.user_attrs
    spec = AnyNetSpec.from_json(attrs["spec"])
    return SampledNetwork(trial.params["space"], attrs["index"], spec, attrs.get("repeat", 0))


def claim_of(trial: FrozenTrial) -> Claim:
    """The claim of a worker that has taken a trial."""
    return Claim(trial._trial_id, trial.number, network_of(trial))


def is_stale(trial: FrozenTrial, grace: float) -> bool:
    """Whether a running trial has had no heartbeat for `grace` seconds."""
    if trial.state != TrialState.RUNNING:
        return False
    started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    heard = max(float(trial.user_attrs.get("heartbeat", 0.0)), started)
    return time.time() - heard > grace


def is_double(trial: FrozenTrial, trials: Iterable[FrozenTrial]) -> bool:
    """Whether another trial is training or has trained the network of `trial`.

    Two workers may requeue the same lost network at once. Of its trials, a finished one takes
    precedence, otherwise the first.
    """
    network = trial.user_attrs["network"]
    own = [other for other in trials if other.user_attrs["network"] == network]
    return any(
        other.state in (TrialState.COMPLETE, TrialState.PRUNED)
        or (other.number < trial.number and other.state in (TrialState.RUNNING, TrialState.WAITING))
        for other in own
    )


def by_network(trials: Iterable[FrozenTrial]) -> dict[str, list[FrozenTrial]]:
    """The trials of each network by its name, in order, without discarded duplicates."""
    found: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        if "double" not in trial.user_attrs:
            found.setdefault(trial.user_attrs["network"], []).append(trial)
    return found


def decisive(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The trial that determines a network's state: finished, else running, else waiting."""
    for states in (
        (TrialState.COMPLETE, TrialState.PRUNED),
        (TrialState.RUNNING,),
        (TrialState.WAITING,),
    ):
        for trial in trials:
            if trial.state in states:
                return trial
    return trials[-1]


def state_of(trials: Sequence[FrozenTrial]) -> NetworkState:
    """The state of the network of these trials."""
    trial = decisive(trials)
    match trial.state:
        case TrialState.COMPLETE:
            return "complete"
        case TrialState.PRUNED:
            return "pruned"
        case TrialState.RUNNING:
            return "running"
        case TrialState.WAITING:
            return "waiting"
    attempts = sum(trial.state == TrialState.FAIL for trial in trials)
    gave_up = "message" in trial.user_attrs or attempts >= ATTEMPTS
    return "failed" if gave_up else "lost"


def counted(trials: Iterable[FrozenTrial], spaces: Sequence[str]) -> dict[str, dict[str, int]]:
    """The number of networks by space and state."""
    found: dict[str, dict[str, int]] = {space: {} for space in spaces}
    for own in by_network(trials).values():
        states = found[own[0].params["space"]]
        states[state_of(own)] = states.get(state_of(own), 0) + 1
    return found


def result_of(trials: Sequence[FrozenTrial]) -> Result:
    """The result of the network of these trials."""
    trial, attrs = decisive(trials), decisive(trials).user_attrs
    state = state_of(trials)
    message = attrs.get("message", "")
    if state == "failed" and not message:
        message = f"{len(trials)} workers were lost while training it"
    return Result(
        any_network_of(trial),
        state,
        attrs.get("params"),
        attrs.get("flops"),
        attrs.get("activations"),
        trial.value if state == "complete" else None,
        tuple(value for _, value in sorted(trial.intermediate_values.items())),
        tuple(attrs.get("record", ())),
        attrs.get("seconds"),
        sum(one.state != TrialState.WAITING for one in trials),
        attrs.get("worker", ""),
        message,
    )
