"""Convolutions without the biases that their batch norms cancel.

Only in `joined_norms`, the context of a learner's training step, and only layers of this package,
inside of its blocks and its stem; all others are called as they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
from flax.linen import module as flax_module

from anynet_jax.blocks import ResNetBlock, ResNeXtBlock, VanillaBlock
from anynet_jax.convolution import Conv
from anynet_jax.layers import BatchNorm, Chain
from anynet_jax.v_blocks import VBlock, VRBlock

__all__ = ["joined_norms"]

_AROUND = (Chain, ResNeXtBlock, ResNetBlock, VanillaBlock, VBlock, VRBlock)
"""What calls a convolution and then its norm: the chain of a stem, and blocks."""
_CALL: dict[type, Any] = {layer: layer.__call__ for layer in (Conv, BatchNorm, *_AROUND)}
"""Those of this package, which a user may replace."""


@contextmanager
def joined_norms() -> Iterator[None]:
    """Context in which a bias in front of a batch norm is not added but moves the running mean.

    The norm would subtract it again with the mean of the batch, and to add it would take a
    twentieth of the time of a training step on a CPU. Where a user intercepts methods, layers are
    called as they are.
    """
    around: list[tuple[nn.Module, dict[str, str]]] = []
    """The calls that are running, and the names of convolutions by that of the norm behind."""

    def call(
        method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: Any
    ) -> Any:
        module = context.module
        if context.method_name != "__call__" or module.is_initializing() or not _is_own(module):
            return method(*args, **kwargs)
        if isinstance(module, _AROUND):
            around.append((module, {}))
            try:
                return method(*args, **kwargs)
            finally:
                around.pop()
        outer, convs = around[-1] if around else (None, {})
        if outer is None or outer.path != module.path[:-1]:
            return method(*args, **kwargs)
        if isinstance(module, Conv) and module.cancelled and (norm := _norm_after(module, outer)):
            convs[norm] = module.name
            kwargs = {**kwargs, "adds_bias": False}
        if isinstance(module, BatchNorm) and module.name in convs:
            before = module.parent.get_variable("params", convs[module.name])
            kwargs = {**kwargs, "offset": before.get("bias")}
        return method(*args, **kwargs)

    with nn.intercept_methods(call):
        yield


def _is_own(module: nn.Module) -> bool:
    """Whether a module does what this package says, and nobody intercepts its calls."""
    known = type(module).__call__ is _CALL.get(type(module))
    stack = getattr(flax_module, "_global_interceptor_stack", [None])
    return known and all(getattr(one, "__module__", "").startswith("anynet_jax.") for one in stack)


def _norm_after(conv: Conv, outer: nn.Module) -> str | None:
    """The name of the norm of a convolution, if it is a `BatchNorm` of this package."""
    if BatchNorm.__call__ is not _CALL[BatchNorm]:
        return None
    if isinstance(outer, Chain):
        pairs = zip(outer.layers, outer.layers[1:], strict=False)
        behind = [norm for layer, norm in pairs if getattr(layer, "name", None) == conv.name]
        return next((norm.name for norm in behind if type(norm) is BatchNorm), None)
    is_own = getattr(outer.norm, "func", outer.norm) is BatchNorm
    return conv.name.replace("conv", "bn") if is_own else None
