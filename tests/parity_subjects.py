"""Subjects for parity tests: the reference posing as a backend, and broken variants."""

from types import SimpleNamespace

from common import reference

_PARTS = ("create", "get_weights", "set_weights", "layer_outputs", "hessian_product", "Learner")


class AnyPrecision(reference.Learner):
    def __init__(self, model, image_shape, recipe, device="auto", precision="float64"):
        super().__init__(model, image_shape, recipe, device)


def variant(backend, **parts):
    """`backend` with some parts replaced."""
    return SimpleNamespace(**{name: getattr(backend, name) for name in _PARTS} | parts)


PRETENDER = variant(reference, Learner=AnyPrecision)
"""Computes what the reference does, but is measured as a backend."""


def with_spec(backend, change):
    """`backend` building another network than it was asked for."""
    return variant(backend, create=lambda spec, seed=0: backend.create(change(spec), seed))


def loading(backend, change):
    """`backend` whose weights are changed on their way in."""

    class Changed(backend.Learner):
        def load_state(self, arrays):
            super().load_state(change(dict(arrays)))

    return variant(backend, Learner=Changed)


def averaging(backend, change):
    """`backend` whose running variances go from old and new to `change(name, old, new)`."""

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
