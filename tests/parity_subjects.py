"""Subjects for parity tests: the reference posing as a backend, and broken variants of backends."""

from dataclasses import replace
from math import prod
from types import SimpleNamespace

import numpy as np

from common import AnyNetSpec, plan, reference
from common.arch import shared_momentum
from common.parity import Case
from common.parity.quantities import EVAL_OUTPUTS, SHAPES, STATISTICS

SMALL = Case("small", AnyNetSpec.from_arch(((2, 16, 8, 1),), 8, num_classes=7), 16, 4, 2)
LAYERS = {layer.name: layer for layer in plan(SMALL.spec, 16)}

_PARTS = (
    "create", "get_weights", "set_weights", "layer_outputs", "hessian_product", "Learner",
    "SUPPORTS_SECOND_DERIVATIVES",
)  # fmt: skip


class AnyPrecision(reference.Learner):
    def __init__(self, model, image_shape, recipe, device="auto", precision="float64", freeze=()):
        super().__init__(model, image_shape, recipe, device, freeze=freeze)


def variant(backend, **parts):
    """`backend` with some parts replaced."""
    return SimpleNamespace(**{name: getattr(backend, name) for name in _PARTS} | parts)


PRETENDER = variant(reference, Learner=AnyPrecision)
"""The reference under another identity, so that it is recorded as a backend is."""


def with_spec(backend, change):
    """`backend`, except that it builds the network of `change(spec)` instead of that of a spec."""
    return variant(backend, create=lambda spec, seed=0: backend.create(change(spec), seed))


def loading(backend, change):
    """`backend`, except that it loads `change(arrays)` instead of the arrays that it is given."""

    class Changed(backend.Learner):
        def load_state(self, arrays):
            super().load_state(change(dict(arrays)))

    return variant(backend, Learner=Changed)


def averaging(backend, change):
    """`backend`, except that a step gives running variances `change(name, old, new)`."""

    class Changed(backend.Learner):
        def train_step(self, images, labels, learning_rate):
            before = self.state()
            result = super().train_step(images, labels, learning_rate)
            after = self.state()
            for name in after:
                if name.endswith("running_var"):
                    after[name] = change(name, before[name], after[name])
            super().load_state(after)
            return result

    return variant(backend, Learner=Changed)


def _transposed(arrays):
    name = "stage1.block2.conv2.weight"
    return arrays | {name: np.ascontiguousarray(arrays[name].swapaxes(2, 3))}


def _without_bias(arrays):
    name = "stage1.block2.conv1.bias"
    return arrays | {name: np.zeros_like(arrays[name])}


def _unbiased(name, old, new):
    positions = 4 * prod(LAYERS[name.removesuffix(".running_var")].out_shape[1:])
    momentum = shared_momentum(SMALL.spec.bn_momentum)
    kept = (1 - momentum) * old
    return kept + (new - kept) * positions / (positions - 1)


def _swapped(spec):
    (stage,) = spec.stages
    return replace(spec, stages=(replace(stage, group_width=stage.groups),))


_BN, _BLOCK = "stem.bn", "stage1.block2"
BROKEN = {
    "epsilon": (with_spec, lambda s: replace(s, bn_epsilon=1e-3), EVAL_OUTPUTS, _BN, "epsilon"),
    "momentum": (with_spec, lambda s: replace(s, bn_momentum=0.01), STATISTICS, _BN, "momentum"),
    "group width": (with_spec, _swapped, SHAPES, "stage1.block1.conv2", "group width"),
    "no bias": (with_spec, lambda s: replace(s, conv_bias=False), SHAPES, "stem.conv", "bias"),
    "unused bias": (loading, _without_bias, EVAL_OUTPUTS, f"{_BLOCK}.conv1", "bias"),
    "transposed kernel": (loading, _transposed, EVAL_OUTPUTS, f"{_BLOCK}.conv2", "transposed"),
    "unbiased variance": (averaging, _unbiased, STATISTICS, _BN, "unbiased"),
}
"""Name: (how to break a backend, change, and quantity, layer and cause of the first finding)."""
