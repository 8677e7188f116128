"""What a step does to the weights beside SGD: AdamW, clipping, averaging and freezing."""

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.errors import ConfigError, WeightsError
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


def _learner(subject, recipe, precision="float64", state=None, freeze=()):
    network = subject.create(_CASE.spec)
    learner = subject.Learner(network, _CASE.image_shape, recipe, "cpu", precision, freeze)
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
    ("recipe", "freeze"),
    [
        pytest.param(_ALL, ("stage1",), id="all"),
        *(pytest.param(_ALONE[name], (), id=name, marks=pytest.mark.full) for name in _ALONE),
        pytest.param(Recipe(0.9, True, 5e-4), ("stem",), id="freezing", marks=pytest.mark.full),
    ],
)
def test_steps_are_the_references(backend, recipe, freeze):
    truth, learner = (
        _train(_learner(each, recipe, freeze=freeze), 3) for each in (reference, backend)
    )
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
    settings = {"out": tmp_path / "run", "progress": False, "freeze": ["stem"]}
    trainer = backend.Trainer(2, 0, Recipe(ema_decay=0.9), **settings)
    trainer.fit(model, Batches(images, labels, 4))
    averaged = load_weights(tmp_path / "run" / "model.safetensors")[1]
    plain = load_weights(tmp_path / "run" / "checkpoint.safetensors")[1]
    network = backend.get_weights(trainer.network)
    assert [n for n in averaged if not np.array_equal(averaged[n], network[n])] == []
    assert not np.array_equal(averaged["head.fc.weight"], plain["head.fc.weight"])
    logits = backend.logits(trainer.network, images.astype(np.float32) / 255)
    assert trainer.evaluation.accuracy == (logits.argmax(1) == labels).mean()


def test_frozen_parts_keep_weights_and_statistics_and_have_no_moments(backend):
    learner = _train(_learner(backend, _ALL, "float32", freeze=("stem", "head")), 2)
    state, before = learner.state(), _CASE.arrays()
    kept = {name for name in before if np.array_equal(state[name], before[name])}
    assert kept == {name for name in before if name.startswith(("stem.", "head."))}
    assert not any(name.endswith(("1", "2")) for name in state if name.startswith("stem."))


def test_a_network_that_was_partly_frozen_is_trained_whole_by_the_next_learner(backend):
    network, before = backend.create(_CASE.spec), _CASE.arrays()
    for freeze in (("stem", "stage1"), ()):
        learner = backend.Learner(network, _CASE.image_shape, Recipe(0.9), "cpu", freeze=freeze)
        learner.load_state(before)
        state = _train(learner, 1).state()
    assert [name for name in before if np.array_equal(state[name], before[name])] == []


def test_only_the_head_can_be_trained_and_a_loss_that_is_not_finite_shows(backend):
    recipe = Recipe(weight_decay=1e38)
    learner = _learner(backend, recipe, "float32", freeze=("stem", "stage1"))
    assert np.isfinite(float(learner.train_step(_CASE.images(), _CASE.labels(), 0.0)[0]))
    assert not np.isfinite(float(learner.train_step(_CASE.images(), _CASE.labels(), 1e38)[0]))


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (("stage2", "body"), "must be parts of the network, stem, stage1, head; got stage2, body"),
        (("head", "stem", "stage1"), "must leave a part to train; got all of stem, stage1, head"),
        ("stem", r"must be names of parts, such as \('stem', 'stage1'\); got 'stem'"),
    ],
)
def test_parts_that_cannot_be_frozen_are_refused(backend, freeze, message):
    with pytest.raises(ConfigError, match=f"^freeze: {message}"):
        _learner(backend, Recipe(), freeze=freeze)
