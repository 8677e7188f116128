"""The optimizer of a training step: the recipe's, or the model's own."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import functional_call

from anynet_torch.model import Classifier
from anynet_torch.weights import described, named_tensors, to_numpy
from common.chapter import overrides_optimizer
from common.errors import BackendError, WeightsError, shortened
from common.training import Recipe, own_optimizer
from common.weights import AVERAGE, MOMENTS, MOMENTUM, OWN, STEPS, FittedState, averaged_names

__all__ = [
    "Average",
    "clip_gradients",
    "load_own",
    "load_recipe",
    "make_optimizer",
    "own_arrays",
    "recipe_arrays",
]

_NUMBER = ".number"
"""Ending of the names of arrays that are Python numbers in the optimizer."""

_KEYS = {MOMENTUM: "momentum_buffer", MOMENTS[0]: "exp_avg", MOMENTS[1]: "exp_avg_sq"}
"""PyTorch's names of an optimizer's arrays, by the suffix of theirs in a training state."""


def make_optimizer(
    model: Classifier, recipe: Recipe, trained: Iterable[torch.nn.Parameter]
) -> tuple[torch.optim.Optimizer, bool]:
    """The optimizer of `model`, and whether it is its own, by `configure_optimizers`.

    That of a recipe moves the parameters in `trained`.

    Raises `ConfigError` for a recipe beside one, `BackendError` for what is no optimizer.
    """
    if "loss" in dict(model.named_children()):
        raise BackendError(
            "loss: must be a method; got a layer of that name, which the method hides; name it "
            "otherwise, and call it in loss(self, logits, labels)"
        )
    if overrides_optimizer(model):
        own = own_optimizer(model, recipe)
        _check(own, model)
        return own, True
    # The fused optimizer reads its learning rate from a tensor on the GPU, so a captured CUDA graph
    # sees each new rate. That tensor is float32, which would round the rates of a float64 network.
    on_gpu = all(p.is_cuda and p.dtype == torch.float32 for p in model.parameters())
    parameters = list(trained)
    rate = torch.tensor(model.lr, device="cuda") if on_gpu else model.lr
    if recipe.optimizer == "adamw":
        return _adamw(parameters, recipe, rate, on_gpu), False
    sgd = torch.optim.SGD(
        parameters,
        lr=rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        fused=on_gpu or None,
    )
    if on_gpu and recipe.momentum:  # allocated now, so that a graph captures the first step
        for parameter in parameters:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return sgd, False


def _adamw(
    parameters: list[torch.nn.Parameter], recipe: Recipe, rate: float | torch.Tensor, on_gpu: bool
) -> torch.optim.AdamW:
    """AdamW whose arrays are allocated, so that a graph captures the first step."""
    adamw = torch.optim.AdamW(
        parameters,
        lr=rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        weight_decay=recipe.weight_decay,
        capturable=on_gpu,
        fused=on_gpu or None,
    )
    for parameter in parameters:
        steps = torch.zeros((), dtype=torch.float32, device=parameter.device if on_gpu else None)
        moments = {_KEYS[ending]: torch.zeros_like(parameter) for ending in MOMENTS}
        adamw.state[parameter] = {"step": steps, **moments}
    return adamw


def clip_gradients(trained: Iterable[torch.nn.Parameter], clip_norm: float) -> None:
    """Scale all gradients so that their common norm is at most `clip_norm`, on the device."""
    found = [parameter.grad for parameter in trained if parameter.grad is not None]
    factor = (clip_norm / torch.nn.utils.get_total_norm(found)).clamp(max=1)
    for gradient in found:
        gradient.mul_(factor)


def recipe_arrays(
    optimizer: torch.optim.Optimizer, trained: Mapping[str, torch.nn.Parameter], recipe: Recipe
) -> dict[str, NDArray[Any]]:
    """Copies of the state of a recipe's optimizer, named as in a training state.

    Momentum buffers that no step has made yet are zero if others are there, and else left out.
    """
    found = {
        (name, ending): optimizer.state[parameter].get(_KEYS[ending])
        for ending in recipe.buffers
        for name, parameter in trained.items()
    }
    if all(buffer is None for buffer in found.values()):
        return {}
    arrays = {
        name + ending: to_numpy(torch.zeros_like(trained[name]) if buffer is None else buffer)
        for (name, ending), buffer in found.items()
    }
    if recipe.optimizer == "adamw":
        steps = optimizer.state[next(iter(trained.values()))]["step"]
        arrays[STEPS] = np.array(int(steps), np.int64)
    return arrays


def load_recipe(
    optimizer: torch.optim.Optimizer,
    trained: Mapping[str, torch.nn.Parameter],
    recipe: Recipe,
    fitted: FittedState,
) -> None:
    """Restore what `recipe_arrays` returned; an optimizer without arrays starts anew."""
    for name, parameter in trained.items():
        state = optimizer.state[parameter]
        for ending in recipe.buffers:
            array, buffer = fitted.buffers.get(ending, {}).get(name), state.get(_KEYS[ending])
            is_fixed = parameter.is_cuda or recipe.optimizer == "adamw"
            if buffer is not None and is_fixed:  # in place: a captured graph holds its address
                buffer.zero_() if array is None else buffer.copy_(torch.from_numpy(array))
            elif array is not None:
                copy = torch.empty_like(parameter).copy_(torch.from_numpy(array))
                state[_KEYS[ending]] = copy.detach()
            else:
                state[_KEYS[ending]] = None
        if recipe.optimizer == "adamw":
            state["step"].fill_(fitted.steps)


class Average:
    """Averages of a network's weights and running statistics over the steps.

    Without a `decay` there are none.
    """

    def __init__(self, network: Classifier, decay: float) -> None:
        self._network, self._new = network, 1 - decay
        named = named_tensors(network)
        names = averaged_names(described(network)) if decay else []
        self.arrays = {name: named[name].detach().clone() for name in names}

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the weights after a step."""
        named = named_tensors(self._network) if self.arrays else {}
        for name, average in self.arrays.items():
            average.lerp_(named[name], self._new)

    def network(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network, or the same function of its input with averaged weights."""
        if not self.arrays:
            return self._network
        averages = {f"net.{name}": average for name, average in self.arrays.items()}
        return lambda x: functional_call(self._network, averages, (x,))

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of the averages, named as in a training state."""
        return {name + AVERAGE: to_numpy(average) for name, average in self.arrays.items()}

    def load(self, fitted: FittedState) -> None:
        """Restore what `state` returned; without averages they start as the weights."""
        arrays = fitted.average or fitted.weights
        for name, average in self.arrays.items():
            average.copy_(torch.from_numpy(arrays[name]))


def _check(own: Any, model: Classifier) -> None:
    where = "configure_optimizers: must return"
    if not isinstance(own, torch.optim.Optimizer):
        raise BackendError(f"{where} a torch.optim.Optimizer; got {type(own).__name__}")
    closure = inspect.signature(own.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise BackendError(
            f"{where} an optimizer that steps without a closure; got {type(own).__name__}"
        )
    known = set(model.parameters())
    if any(moved not in known for group in own.param_groups for moved in group["params"]):
        raise BackendError(
            f"{where} an optimizer of the model's parameters; got one with others; make it from "
            "self.parameters()"
        )


def own_arrays(optimizer: torch.optim.Optimizer, model: Classifier) -> dict[str, NDArray[Any]]:
    """Copies of the state of a model's own optimizer, by parameter name and key.

    Raises `BackendError` for a value that is neither a tensor nor a number.
    """
    arrays = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor):
                arrays[f"{OWN}{name}.{key}"] = to_numpy(value)
            elif isinstance(value, int | float):
                arrays[f"{OWN}{name}.{key}{_NUMBER}"] = np.array(value)
            elif value is not None:
                raise BackendError(
                    f"configure_optimizers: the optimizer must keep tensors and numbers; "
                    f"got {type(value).__name__} as {shortened(key)} of {type(optimizer).__name__}"
                )
    return arrays


def load_own(
    optimizer: torch.optim.Optimizer, model: Classifier, arrays: dict[str, NDArray[Any]]
) -> None:
    """Restore what `own_arrays` returned, by names without the beginning `OWN`.

    Raises `WeightsError` for arrays of parameters that the optimizer does not have.
    """
    indices = _indices(optimizer)
    state: dict[int, dict[str, Any]] = {}
    parameters = {n: p for n, p in model.named_parameters() if p in indices}
    for full, array in arrays.items():
        name, _, key = full.removesuffix(_NUMBER).rpartition(".")
        if name not in parameters:
            raise WeightsError(
                f"state: an optimizer's arrays must be of the parameters that it moves; "
                f"got {shortened(OWN + full)}"
            )
        value = array.item() if full.endswith(_NUMBER) else _like(parameters[name], array)
        state.setdefault(indices[parameters[name]], {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _like(parameter: torch.Tensor, array: NDArray[Any]) -> torch.Tensor:
    """An array as a tensor, in the parameter's memory format when it has its shape."""
    tensor = torch.from_numpy(np.array(array))
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _indices(optimizer: torch.optim.Optimizer) -> dict[torch.Tensor, int]:
    """The index of each parameter in the optimizer's state dict."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {parameter: index for index, parameter in enumerate(parameters)}
