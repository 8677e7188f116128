"""Python functions that evaluate the networks of a study in place of the built-in training."""

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import xxhash

from common.arch import AnyNetSpec
from common.bounds import MAX_EPOCHS, MAX_NAME
from common.errors import ConfigError, StudyError, TrainingError, shortened, shown, told
from common.files import read_bytes
from common.numbers import checked_number
from common.studies.config import ErrorOf, ObjectiveName
from common.studies.trials import TakenError
from common.training import TrainConfig

Report = Callable[[int, float], bool]
"""Tells the error after an epoch, from 1; returns whether the pruner stops the network."""

Function = Callable[[AnyNetSpec, int, TrainConfig, Report], float | Mapping[str, Any]]
"""Evaluates a network with a seed and the study's settings; `Objective` says what it returns."""

_FORM: Final = "FILE.py:function"
_SIGNATURE: Final = "(spec, seed, config, report)"
_METRIC: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KEYS: Final = ("error", "errors", "metrics")
_MAX_METRICS: Final = 100
_LARGEST: Final = 1e300


class ObjectiveError(Exception):
    """What an objective raised or returned that is no result; its message is one line."""


@dataclass(frozen=True)
class Answer:
    """What an objective found: an error from 0 to 1, those after each epoch, and own metrics."""

    error: float
    errors: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Objective:
    """A function that evaluates a network, with the name that a study keeps of it.

    The function is called as `function(spec, seed, config, report)`:

    - `spec`: the network, an `AnyNetSpec`
    - `seed`: that of this evaluation
    - `config`: the study's training settings, a `TrainConfig` of this network and seed
    - `report`: call `report(epoch, error)` after an epoch, from 1, to store the error at once;
      if it returns True, the pruner stops this network, and the function should return

    It returns the error, a number from 0 to 1, or a mapping with `error`, `errors` (after each
    epoch) and `metrics` (other numbers by name), of which `error` may be left out if there are
    `errors`.
    """

    name: ObjectiveName
    function: Function
    path: Path | None = None

    @classmethod
    def load(cls, text: str) -> "Objective":
        """The objective FILE.py:function, imported from that file. Raises `ConfigError`."""
        file, _, function = text.rpartition(":")
        if not file.endswith(".py") or not function.isidentifier():
            raise ConfigError(f"objective: must be {_FORM}; got {shown(text)}")
        path = Path(file).absolute()
        source = read_bytes(path, "a Python file with an objective", ConfigError)
        digest = xxhash.xxh3_128_hexdigest(source)
        found = getattr(_imported(path, source, digest), function, None)
        if not callable(found):
            raise ConfigError(
                f"objective: {shortened(path.name)} must have a function {shortened(function)}; "
                f"got {'no such name' if found is None else shown(found)}"
            )
        return cls(ObjectiveName(function, digest, path.name), _checked(found, function), path)

    @classmethod
    def of(cls, function: Function) -> "Objective":
        """The objective that is a function of a module or a notebook. Raises `ConfigError`.

        That of a file equals the one that `load` reads from it. Of a notebook's function only the
        process that defined it can be a worker.
        """
        name = getattr(function, "__qualname__", type(function).__name__)
        if not inspect.isfunction(function) or not name.isidentifier():
            raise ConfigError(
                f"objective: must be a function of a module; got {shown(function)}; define it "
                "with def, outside of classes and functions"
            )
        path = Path(inspect.getsourcefile(function) or "")
        try:
            source = path.read_bytes() if path.is_file() else inspect.getsource(function).encode()
        except (OSError, TypeError) as error:
            raise ConfigError(f"objective: {name} must have a source; got {told(error)}") from error
        stored = ObjectiveName(name, xxhash.xxh3_128_hexdigest(source), path.name)
        return cls(stored, _checked(function, name), path.absolute() if path.is_file() else None)

    @property
    def argument(self) -> str:
        """FILE.py:function with an absolute path. Raises `ConfigError` if it is in no file."""
        if self.path is None:
            raise ConfigError(
                f"objective: {self.name.function} must be in a file for other processes to find "
                "it; got a function without one"
            )
        return f"{self.path}:{self.name.function}"

    def __call__(
        self, spec: AnyNetSpec, config: TrainConfig, report: Report, of: ErrorOf
    ) -> Answer:
        """Evaluate a network; `of` says which of the errors counts if only these are returned.

        Raises `ObjectiveError` for what the function raises, and unless it returns a result.
        A `TrainingError`, which says that the training diverged, is not converted.
        """
        try:
            found = self.function(spec, config.seed, config, report)
        except (TrainingError, StudyError, TakenError):
            raise
        except (Exception, SystemExit) as error:
            raise ObjectiveError(self._raised(error)) from error
        try:
            return _answer(found, of)
        except ConfigError as error:
            raise ObjectiveError(f"{self.name.place}: {error}") from error

    def _raised(self, error: BaseException) -> str:
        """File and line of the function's own code, and what it raised."""
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
                 if self.path is not None and frame.filename == str(self.path)]  # fmt: skip
        where = f"{self.name.place}, line {lines[-1]}" if lines else self.name.place
        return f"{where}: {type(error).__name__}: {told(error)}"


def check_objective(study: str, wanted: ObjectiveName | None, given: Objective | None) -> None:
    """Raise `StudyError` unless a worker's objective is that of the study, or neither has one."""
    where = f"study {study}: its networks must be evaluated "
    if wanted is None:
        if given is not None:
            raise StudyError(
                f"{where}by the built-in training; got the objective {given.name}; leave out "
                "--objective, or create another study with it"
            )
    elif given is None:
        raise StudyError(
            f"{where}by the objective {wanted}; got none; add --objective {wanted.place}"
        )
    elif given.name != wanted:
        changed = given.name.function == wanted.function
        raise StudyError(
            f"{where}by the objective {wanted}; got {given.name}"
            + (", whose file differs; restore it, or create another study" if changed else "")
        )


def _imported(path: Path, source: bytes, digest: str) -> ModuleType:
    """The module that running a file makes. Raises `ConfigError`."""
    module = ModuleType(f"anynet_objective_{digest[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickling look there
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise ConfigError(
            f"objective: {shortened(str(path))} must run when it is imported; got "
            f"{type(error).__name__}: {told(error)}"
        ) from error
    return module


def _checked(function: Callable[..., Any], name: str) -> Function:
    """The function. Raises `ConfigError` unless it takes four arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return function  # written in C: its call will tell
    try:
        signature.bind(*range(4))
    except TypeError as error:
        raise ConfigError(
            f"objective: {name} must take {_SIGNATURE}; got {shortened(f'{name}{signature}')}"
        ) from error
    return function


def _answer(found: object, of: ErrorOf) -> Answer:
    """The answer that a function returned. Raises `ConfigError`."""
    if not isinstance(found, Mapping):
        return Answer(checked_share("must return an error; it", found))
    if unknown := [key for key in found if key not in _KEYS]:
        raise ConfigError(f"must return {', '.join(_KEYS)} alone; got {shown(unknown[0])}")
    errors = _errors(found.get("errors", ()))
    if "error" in found:
        error = checked_share("error", found["error"])
    elif errors:
        error = errors[-1] if of == "last" else min(errors)
    else:
        raise ConfigError("must return an error or errors; got neither")
    return Answer(error, errors, _metrics(found.get("metrics", {})))


def _errors(found: object) -> tuple[float, ...]:
    rule = "errors must be a sequence of numbers, one for each epoch"
    try:
        values = [] if isinstance(found, str | Mapping) else list(found)  # type: ignore[call-overload]
    except TypeError as error:
        raise ConfigError(f"{rule}; got {shown(found)}") from error
    if isinstance(found, str | Mapping) or len(values) > MAX_EPOCHS:
        raise ConfigError(f"{rule}; got {shown(found)}")
    return tuple(
        checked_share(f"errors: that after epoch {n}", one) for n, one in enumerate(values, 1)
    )


def _metrics(found: object) -> dict[str, float]:
    if not isinstance(found, Mapping) or len(found) > _MAX_METRICS:
        raise ConfigError(
            f"metrics must be a mapping of at most {_MAX_METRICS} names to numbers; got "
            f"{shown(found)}"
        )
    return {name: checked_metric(name, value) for name, value in found.items()}


def checked_metric(name: object, value: object) -> float:
    """A metric's value. Raises `ConfigError`, also for its name."""
    if not isinstance(name, str) or not _METRIC.fullmatch(name) or len(name) > MAX_NAME:
        raise ConfigError(
            f"metrics: names must be letters, digits and '_', beginning with a letter; got "
            f"{shown(name)}"
        )
    return checked_number(f"metrics: {name}", value, -_LARGEST, _LARGEST, error=ConfigError)


def checked_share(where: str, value: object) -> float:
    """An error from 0 to 1. Raises `ConfigError`."""
    rule = "a number from 0 to 1"
    return checked_number(
        where, value, 0, 1, rule, ConfigError, holds=lambda number: 0 <= number <= 1
    )
