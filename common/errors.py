"""Every error a user can cause: each says where, which rule, what it got and the remedy."""

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
"""Characters of the input that a message repeats at the most."""


def shortened(value: object) -> str:
    """`value` as a message shows it: at most `MAX_REPEATED` characters, found in bounded time.

    Text stands as it is and anything else as its `repr`; the middle of what is longer is left out.
    """
    text = value if isinstance(value, str) else _repr.repr(value)
    if len(text) <= MAX_REPEATED:
        return text
    half = (MAX_REPEATED - len(_LEFT_OUT)) // 2
    return text[:half] + _LEFT_OUT + text[-half:]


def shown(value: object) -> str:
    """`repr` of `value`, strings in quotes, as short as `shortened` and found as fast."""
    return shortened(_repr.repr(value))


def told(error: BaseException) -> str:
    """What an error of another library says, shortened to part of a line; its type if nothing.

    Objects of the library, such as its handle of a file, mean nothing to a reader and are named by
    their types alone.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError) and error.args:
        text = f"no {text}"  # a key says alone that it is missing
    return shortened(_OBJECT.sub(r"\1", text))


_LEFT_OUT = " ... "
_OBJECT = re.compile(r"<(?:\w+\.)*(\w+) [^<>]*>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class _Repr(reprlib.Repr):
    """`repr` that looks at a few items of a collection alone."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 8
        self.maxarray = self.maxdeque = 8
        self.maxstring = self.maxother = MAX_REPEATED

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or how many bits it has when it has very many digits."""
        bits = x.bit_length()
        return repr(x) if bits < 2 * MAX_REPEATED else f"a number of {bits} bits"

    def repr_instance(self, x: Any, level: int) -> str:
        """Any other object, without its address in memory."""
        return _ADDRESS.sub("", super().repr_instance(x, level))


_repr = _Repr()
