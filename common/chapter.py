"""What the book's code uses of d2l in every framework, and what it may override (section 3.2)."""

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
"""Methods of d2l's models that training does not call, with the alternative."""

TRAINER_HOOKS: Final = {
    "fit_epoch": "write a loop over Learner.train_step",
    "prepare_data": "override train_batches and val_batches of the data",
    "prepare_model": "prepare the model before fit",
    "prepare_batch": "override train_batches and val_batches of the data",
    "clip_gradients": "training clips by the recipe; give Trainer a gradient_clip_val",
}
"""Methods of d2l's `Trainer` that `fit` does not call, with the alternative."""

DATA_HOOKS: Final = dict.fromkeys(
    ("get_dataloader", "train_dataloader", "val_dataloader"),
    "override train_batches and val_batches, which give pixels as they are stored",
)
"""Methods of d2l's data that training does not call, with the alternative."""

OPTIMIZER: Final = "configure_optimizers"

BUILDERS: Final = (
    "stem", "stage", "make_block", "head", "create_net", "setup", "forward", "call", "__call__",
)  # fmt: skip
"""Methods that build or run a network: with one overridden, its spec no longer describes it."""

_SHIPPED = {
    "anynet_torch", "anynet_mx", "anynet_tf", "anynet_jax", "common",
    "torch", "mxnet", "keras", "tensorflow", "flax",
}  # fmt: skip


def add_to_class(target: type) -> Callable[[Callable[..., Any]], None]:
    """Decorator that makes a function a method of `target`, as in the chapter's cells."""

    def register(function: Callable[..., Any]) -> None:
        setattr(target, function.__name__, function)

    return register


class HyperParameters:
    """Mix-in that stores the arguments of a constructor as attributes."""

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Sequence[str] = ()) -> None:
        """Set the local variables of the calling method as attributes of `self`, as d2l does.

        They are in the dictionary `hparams`, too. `self`, names in `ignore` and names that begin
        with an underscore are excluded.
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
    """The method `name` of `thing` if a user wrote it, `None` if it is shipped or missing.

    It may be defined in a class, added to one by `add_to_class`, or set on the object.
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
    """Whether a class or function belongs to this project or to a framework."""
    return (getattr(thing, "__module__", None) or "").split(".")[0] in _SHIPPED


def refuse_overrides(thing: object, hooks: Mapping[str, str]) -> None:
    """Raise `BackendError` if a user gave `thing` one of `hooks`, which are never called."""
    for name, remedy in hooks.items():
        if own_method(thing, name) is not None:
            raise BackendError(
                f"{name}: must not be overridden, since training does not call it; "
                f"got one of {type(thing).__name__}; {remedy}"
            )


def overrides_optimizer(model: object) -> bool:
    """Whether a user gave a model, or the module of a Flax network, a `configure_optimizers`."""
    return own_method(getattr(model, "module", model), OPTIMIZER) is not None


def overrides_loss(model: object) -> bool:
    """Whether a user gave a model, or the module of a Flax network, a `loss`."""
    return own_method(getattr(model, "module", model), "loss") is not None


def own_builders(model: object) -> list[str]:
    """The `BUILDERS` that a user gave a model, or the module of a Flax network."""
    module = getattr(model, "module", model)
    return [name for name in BUILDERS if own_method(module, name) is not None]


def refuse_own_layers(kind: type) -> None:
    """Raise `SpecError` for a class with `BUILDERS` of its own: a spec does not describe it.

    A shipped class that a user added a method to has networks with that method, and is not refused.
    """
    for name in () if _is_shipped(kind) else BUILDERS:
        owner = next((one for one in kind.__mro__ if name in vars(one)), None)
        if owner is not None and not _is_shipped(owner):
            raise SpecError(
                f"from_spec: must be that of a class whose layers a spec describes; got "
                f"{kind.__name__} with its own {name}; call {kind.__name__}(spec=spec)"
            )


def call_builder(
    method: Callable[..., Any], *arguments: Any, needed: int, name: str | None = None
) -> Any:
    """Call `method` with as many of `arguments` as it has positional parameters.

    The chapter's methods have fewer than this project's. `name` is passed to a method with such a
    parameter. Raises `SpecError` if it has fewer than `needed`.
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
    except (TypeError, ValueError):  # C functions have no signature
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise BackendError(
            f"{name}: must take ({', '.join(arguments)}); got one of {type(thing).__name__} that "
            f"takes {signature}"
        ) from error
