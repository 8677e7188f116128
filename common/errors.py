"""Every error that a user can cause. Messages have the form `where: rule; got value; remedy`."""

import re
import reprlib
from typing import Any


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


MAX_REPEATED = 200
"""Maximum number of characters of the input that a message quotes."""


def shortened(value: object) -> str:
    """`value` for a message: text as it is, anything else as its `repr`.

    The middle is left out beyond `MAX_REPEATED` characters. Takes bounded time for values of any
    size.
    """
    text = value if isinstance(value, str) else _repr.repr(value)
    if len(text) <= MAX_REPEATED:
        return text
    half = (MAX_REPEATED - len(_LEFT_OUT)) // 2
    return text[:half] + _LEFT_OUT + text[-half:]


def shown(value: object) -> str:
    """`shortened`, but with text in quotes."""
    return shortened(_repr.repr(value))


def told(error: BaseException) -> str:
    """The message of another library's error on one line, shortened; its type if it has none.

    The `repr` of an object, such as a file handle, is replaced by its type.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError) and error.args:
        text = f"no {text}"  # str() of a KeyError is the key alone
    return shortened(_OBJECT.sub(r"\1", text))


_LEFT_OUT = " ... "
_OBJECT = re.compile(r"<(?:\w+\.)*(\w+) [^<>]*>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class _Repr(reprlib.Repr):
    """`repr` that visits only a few items of a collection."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 8
        self.maxarray = self.maxdeque = 8
        self.maxstring = self.maxother = MAX_REPEATED

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or its number of bits if it has hundreds of digits."""
        bits = x.bit_length()
        return repr(x) if bits < 2 * MAX_REPEATED else f"a number of {bits} bits"

    def repr_instance(self, x: Any, level: int) -> str:
        """Any other object, without its memory address."""
        return _ADDRESS.sub("", super().repr_instance(x, level))


_repr = _Repr()
