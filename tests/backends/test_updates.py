"""What a step does to the weights beside SGD: AdamW, clipping and averaging."""

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.errors import WeightsError
from common.parity import Case
from common.training import Recipe
from common.weights import load_weights
from tests.batches import Batches

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, conv_bias=False)
_CASE = Case("updates", _SPEC, 8, batch=8)
_ALONE = {
    "AdamW": Recipe(weight_decay=0.1, optimizer="adamw", beta1=0.8, beta2=0.9, epsilon=1e-3),
    "clipping": Recipe(0.9, True, 5e-4, clip_norm=0.1),
    "averaging": Recipe(ema_decay=0.7),
}
_ALL = Recipe(weight_decay=0.1, optimizer="adamw", epsilon=1e-3, clip_norm=0.1, ema_decay=0.7)


def _learner(subject, recipe, precision="float64", state=None):
    network = subject.create(_CASE.spec)
    learner = subject.Learner(network, _CASE.image_shape, recipe, "cpu", precision)
    learner.load_state(_CASE.arrays() if state is None else state)
    return learner


def _train(learner, steps, first=0):
    for step in range(first, first + steps):
        learner.train_step(_CASE.images(step), _CASE.labels(step), 0.01 * (step + 1))
    return learner


def _differing(found, expected, tolerance):
    assert found.keys() == expected.keys()
    return {
        name: error
        for name, array in expected.items()
        if (error := np.abs(found[name] - array).max() / np.abs(array).max()) > tolerance
    }


@pytest.mark.parametrize(
    "recipe",
    [_ALL, *(pytest.param(recipe, marks=pytest.mark.full) for recipe in _ALONE.values())],
    ids=["all", *_ALONE],
)
def test_steps_are_the_references(backend, recipe):
    truth, learner = (_train(_learner(each, recipe), 3) for each in (reference, backend))
    assert _differing(learner.state(), truth.state(), 1e-10) == {}
    np.testing.assert_allclose(
        learner.eval_step(_CASE.images()), truth.eval_step(_CASE.images()), rtol=1e-5, atol=1e-6
    )


def test_a_run_of_another_framework_continues_with_its_state(backend):
    truth = _train(_learner(reference, _ALL), 2)
    learner = _learner(backend, _ALL, state=truth.state())
    assert _differing(learner.state(), truth.state(), 0) == {}
    for each in (truth, learner):
        _train(each, 1, first=2)
    assert _differing(learner.state(), truth.state(), 1e-10) == {}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_state_put_back_continues_bit_for_bit(backend, precision):
    if precision == "bfloat16" and not backend.SUPPORTS_BFLOAT16:
        pytest.skip("no bfloat16")
    learner = _train(_learner(backend, _ALL, precision), 2)
    state = learner.state()
    other = _learner(backend, _ALL, precision, state)
    for each in (learner, other):
        _train(each, 1, first=2)
    assert _differing(other.state(), learner.state(), 0) == {}


def test_weights_alone_start_the_optimizer_and_the_average_anew(backend):
    learner = _train(_learner(backend, _ALL, "float32"), 2)
    learner.load_state(_CASE.arrays())
    state = learner.state()
    assert state["optimizer_steps"] == 0
    for name, array in _CASE.arrays().items():
        np.testing.assert_array_equal(state[f"{name}.average"], array)
    assert not any(state[name].any() for name in state if ".moment" in name)


def test_arrays_of_another_optimizer_are_refused(backend):
    state = _learner(backend, _ALL, "float32").state()
    with pytest.raises(WeightsError, match="extra .*head.fc.bias.average"):
        _learner(backend, Recipe(), "float32", state)


def test_the_averaged_network_is_validated_kept_and_returned(backend, tmp_path):
    images, labels = _CASE.images(), _CASE.labels()
    model = backend.AnyNet.from_spec(_CASE.spec, lr=0.5)
    trainer = backend.Trainer(2, 0, Recipe(ema_decay=0.9), out=tmp_path / "run", progress=False)
    trainer.fit(model, Batches(images, labels, 4))
    averaged = load_weights(tmp_path / "run" / "model.safetensors")[1]
    plain = load_weights(tmp_path / "run" / "checkpoint.safetensors")[1]
    network = backend.get_weights(trainer.network)
    assert [n for n in averaged if not np.array_equal(averaged[n], network[n])] == []
    assert not np.array_equal(averaged["head.fc.weight"], plain["head.fc.weight"])
    logits = backend.logits(trainer.network, images.astype(np.float32) / 255)
    assert trainer.evaluation.accuracy == (logits.argmax(1) == labels).mean()
