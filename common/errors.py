"""Every error a user can cause: each says where, which rule, what it got and the remedy."""


class AnyNetError(Exception):
    """Base of all errors that this project raises for bad input or a failed run."""


class SpecError(AnyNetError, ValueError):
    """A network description breaks a rule of the design space."""


class ConfigError(AnyNetError, ValueError):
    """A training or command setting is out of its range."""


class WeightsError(AnyNetError, ValueError):
    """A weight file or a set of arrays does not fit the network."""


class DataError(AnyNetError, ValueError):
    """A data set is missing, incomplete or corrupt."""


class BackendError(AnyNetError, RuntimeError):
    """A framework is not installed, or cannot do what was asked of it."""


class TrainingError(AnyNetError, RuntimeError):
    """A run could not go on, for example because its loss stopped being finite."""


class StudyError(AnyNetError, RuntimeError):
    """A study or its storage is not there, not reachable, or not this project's."""
