"""The two helpers that the chapter's code takes from d2l in every framework (section 3.2.1)."""

import inspect
from collections.abc import Callable
from typing import Any


def add_to_class(target: type) -> Callable[[Callable[..., Any]], None]:
    """Decorate a function to become a method of `target`, as the chapter's cells do."""

    def register(function: Callable[..., Any]) -> None:
        setattr(target, function.__name__, function)

    return register


class HyperParameters:
    """Mix-in that keeps the arguments of a constructor as attributes."""

    def save_hyperparameters(self, ignore: tuple[str, ...] = ()) -> None:
        """Set every argument of the calling method as an attribute of `self`."""
        caller = inspect.stack(0)[1].frame
        names, _, _, values = inspect.getargvalues(caller)
        for name in names:
            if name != "self" and name not in ignore:
                setattr(self, name, values[name])
