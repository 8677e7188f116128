"""The optimizer of a training step: SGD by the recipe, or the model's own."""

import inspect
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anynet_torch.model import Classifier
from anynet_torch.weights import to_numpy
from common.chapter import overrides_optimizer
from common.errors import BackendError, WeightsError, shortened
from common.training import Recipe, own_optimizer
from common.weights import OWN

__all__ = ["load_own", "make_optimizer", "own_arrays"]

_NUMBER = ".number"
"""Ending of the names of arrays that are Python numbers in the optimizer."""


def make_optimizer(model: Classifier, recipe: Recipe) -> tuple[torch.optim.Optimizer, bool]:
    """The optimizer of `model`, and whether it is its own, by `configure_optimizers`.

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
    sgd = torch.optim.SGD(
        model.parameters(),
        lr=torch.tensor(model.lr, device="cuda") if on_gpu else model.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        fused=on_gpu or None,
    )
    if on_gpu and recipe.momentum:  # allocated now, so that a graph captures the first step
        for parameter in model.parameters():
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return sgd, False


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
