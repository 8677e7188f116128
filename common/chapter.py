"""What the book's code takes from d2l in every framework, and may override (section 3.2)."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from common.errors import BackendError, SpecError

MODEL_HOOKS: Final = {
    "training_step": "override loss or forward, or write a loop over Learner.train_step",
    "validation_step": "override loss or forward, or evaluate by Learner.eval_step",
    "accuracy": "it counts the images that are classified right; give your measure another name",
    "plot": "it records loss and accuracy itself; read Trainer.history",
}
"""Methods of d2l's models that training does not call, and what to do instead."""

TRAINER_HOOKS: Final = {
    "fit_epoch": "write a loop over Learner.train_step",
    "prepare_data": "override train_batches and val_batches of the data",
    "prepare_model": "prepare the model before fit",
    "prepare_batch": "override train_batches and val_batches of the data",
    "clip_gradients": "there is no clipping yet; leave it out",
}
"""Methods of d2l's `Trainer` that `fit` does not call, and what to do instead."""

DATA_HOOKS: Final = dict.fromkeys(
    ("get_dataloader", "train_dataloader", "val_dataloader"),
    "override train_batches and val_batches, which give pixels as they are stored",
)
"""Methods of d2l's data that training does not read, and what to do instead."""

OPTIMIZER: Final = "configure_optimizers"

BUILDERS: Final = (
    "stem", "stage", "make_block", "head", "create_net", "setup", "forward", "call", "__call__",
)  # fmt: skip
"""Methods of which a network is made, so that a spec describes it no longer with others."""

_SHIPPED = {
    "anynet_torch", "anynet_mx", "anynet_tf", "anynet_jax", "common",
    "torch", "mxnet", "keras", "tensorflow", "flax",
}  # fmt: skip


def add_to_class(target: type) -> Callable[[Callable[..., Any]], None]:
    """Decorate a function to become a method of `target`, as the chapter's cells do."""

    def register(function: Callable[..., Any]) -> None:
        setattr(target, function.__name__, function)

    return register


class HyperParameters:
    """Mix-in that keeps the arguments of a constructor as attributes."""

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Sequence[str] = ()) -> None:
        """Set every local variable of the calling method as an attribute of `self`, as d2l does.

        They are in `hparams` too. `self`, those in `ignore` and private names are left out.
        """
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        left_out = {"self", *ignore}
        found = {
            name: value
            for name, value in frame.f_back.f_locals.items()
            if name not in left_out and not name.startswith("_")
        }
        self.hparams = found
        for name, value in found.items():
            setattr(self, name, value)


def own_method(thing: object, name: str) -> Callable[..., Any] | None:
    """The method `name` of `thing` that its user wrote, `None` where it is the shipped one.

    It may stand in a class, be added to one by `add_to_class`, or be set on the object.
    """
    found: Callable[..., Any] | None = getattr(thing, name, None)
    if not callable(found):
        return None
    if name in getattr(thing, "__dict__", {}):
        return found
    owners = [kind for kind in type(thing).__mro__ if name in vars(kind)]
    shipped = _is_shipped(found) and all(_is_shipped(kind) for kind in owners[:1])
    return None if shipped else found


def _is_shipped(thing: object) -> bool:
    """Whether a class or function is this project's or a framework's."""
    return (getattr(thing, "__module__", None) or "").split(".")[0] in _SHIPPED


def refuse_overrides(thing: object, hooks: Mapping[str, str]) -> None:
    """Raise `BackendError` when `thing` has a method of its user's that is never called."""
    for name, remedy in hooks.items():
        if own_method(thing, name) is not None:
            raise BackendError(
                f"{name}: must not be overridden, for training does not call it; "
                f"got one of {type(thing).__name__}; {remedy}"
            )


def overrides_optimizer(model: object) -> bool:
    """Whether a user gave a model, or the module of a Flax network, a `configure_optimizers`."""
    return own_method(getattr(model, "module", model), OPTIMIZER) is not None


def overrides_loss(model: object) -> bool:
    """Whether a user gave a model, or the module of a Flax network, a `loss`."""
    return own_method(getattr(model, "module", model), "loss") is not None


def own_builders(model: object) -> list[str]:
    """The methods by which a user made a network, or the module of a Flax network, another one."""
    module = getattr(model, "module", model)
    return [name for name in BUILDERS if own_method(module, name) is not None]


def call_builder(
    method: Callable[..., Any], *arguments: Any, needed: int, name: str | None = None
) -> Any:
    """What `method` makes of as many arguments as it takes: the chapter's methods take fewer.

    `name` is for those that take one. Raises `SpecError` when it takes fewer than `needed`.
    """
    parameters = inspect.signature(method).parameters
    kinds = [parameter.kind for parameter in parameters.values()]
    taken = len(arguments)
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        taken = min(taken, sum(kind in plain for kind in kinds) - ("name" in parameters))
    if taken < needed:
        raise SpecError(
            f"{method.__name__}: must take {needed} arguments for this network; got one that takes "
            f"{taken}: {', '.join(parameters)}"
        )
    if name is not None and "name" in parameters:
        return method(*arguments[:taken], name=name)
    return method(*arguments[:taken])


def check_signature(thing: object, name: str, *arguments: str) -> None:
    """Raise `BackendError` unless a user's method `name` can be called with these arguments."""
    method = own_method(thing, name)
    if method is None:
        return
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # of C functions, which tell none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise BackendError(
            f"{name}: must take ({', '.join(arguments)}); got one of {type(thing).__name__} that "
            f"takes {signature}"
        ) from error
