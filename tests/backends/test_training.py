"""Each backend's training step against the recipe, and the loop around it."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from common import AnyNetSpec
from common.data import prepare
from common.errors import BackendError, DataError, SpecError, TrainingError
from common.training import Recipe
from common.weights import load_weights
from tests.backends.native import to_layout, to_nchw
from tests.batches import Batches

_SPEC = AnyNetSpec.from_arch(((2, 16, 4, 1),), 8)
_MLP = AnyNetSpec.from_arch(((2, 32), (1, 16)), 32, block="mlp", image_size=16)
_SHAPE = (1, 16, 16)
_STREAM = np.random.default_rng(0)
_IMAGES = _STREAM.integers(0, 256, (16, *_SHAPE), np.uint8)
_LABELS = _STREAM.integers(0, 10, 16, np.int32)
_FC = "head.fc.weight"


def _learner(backend, recipe, state=None):
    learner = backend.Learner(backend.create(_SPEC), _SHAPE, recipe, device="cpu")
    if state is not None:
        learner.load_state(state)
    return learner


def _weights_after(backend, recipe, rates):
    learner = _learner(backend, recipe)
    for rate in rates:
        learner.train_step(_IMAGES, _LABELS, rate)
    return learner.state()


def _gradient(backend, state=None):
    """The gradient of the last layer, from one plain step at rate 1."""
    learner = _learner(backend, Recipe(), state)
    before = learner.state()[_FC]
    learner.train_step(_IMAGES, _LABELS, 1.0)
    return before - learner.state()[_FC]


@pytest.mark.parametrize(("size", "resize"), [((28, 28), (96, 96)), ((9, 12), (20, 7)),
                                              ((8, 8), (8, 8))])  # fmt: skip
def test_resizing_equals_the_shared_definition(backend, native, size, resize):
    images = np.random.default_rng(1).integers(0, 256, (3, 2, *size), np.uint8)
    ours = backend.resize_images(native.array(to_layout(backend, images)), resize)
    assert np.abs(to_nchw(backend, ours) - prepare(images, resize)).max() <= 1e-6


@pytest.mark.parametrize("change", [lambda x: x / np.float32(255), lambda x: x > 9, lambda x: x[0]])
def test_what_are_no_pixels_is_not_scaled(backend, native, change):
    images = change(np.zeros((2, 1, 4, 4), np.uint8))
    with pytest.raises(DataError, match="images: must be pixels, uint8 of four axes; got "):
        backend.resize_images(native.array(images), (8, 8))


def test_plain_steps_follow_the_rate(backend):
    start = _learner(backend, Recipe()).state()[_FC]
    gradient = _gradient(backend)
    after = _weights_after(backend, Recipe(), [0.1])[_FC]
    np.testing.assert_allclose(after, start - 0.1 * gradient, atol=1e-6)


def test_weight_decay_is_coupled(backend):
    start = _learner(backend, Recipe()).state()[_FC]
    gradient = _gradient(backend) + 0.1 * start
    after = _weights_after(backend, Recipe(weight_decay=0.1), [0.1])[_FC]
    np.testing.assert_allclose(after, start - 0.1 * gradient, atol=1e-6)


def test_the_momentum_buffer_holds_no_rate(backend):
    state = _weights_after(backend, Recipe(momentum=0.9), [0.001])
    np.testing.assert_allclose(state[f"{_FC}.momentum"], _gradient(backend), atol=1e-5)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_second_step_is_the_recipes(backend, nesterov):
    recipe = Recipe(momentum=0.9, nesterov=nesterov)
    first = _weights_after(backend, recipe, [0.001])
    plain = {name: array for name, array in first.items() if not name.endswith(".momentum")}
    gradient = _gradient(backend, plain)
    buffer = 0.9 * first[f"{_FC}.momentum"] + gradient
    move = gradient + 0.9 * buffer if nesterov else buffer
    second = _weights_after(backend, recipe, [0.001, 0.01])[_FC]
    np.testing.assert_allclose(second, first[_FC] - 0.01 * move, atol=1e-5)


def test_weight_decay_reaches_batch_norms_and_biases(backend):
    plain = _weights_after(backend, Recipe(), [0.1])
    decayed = _weights_after(backend, Recipe(weight_decay=0.5), [0.1])
    np.testing.assert_allclose(decayed["stem.bn.weight"], plain["stem.bn.weight"] - 0.05, atol=1e-6)


def test_running_statistics_average_the_biased_variance(backend):
    spec = AnyNetSpec.from_arch(((1, 4),), 4, bn_momentum=0.25)
    images = np.random.default_rng(2).integers(0, 256, (2, 1, 4, 4), np.uint8)
    learner = backend.Learner(backend.create(spec), (1, 4, 4), device="cpu")
    state = learner.state()
    learner.train_step(images, np.zeros(2, np.int32), 0.0)
    x = np.pad(images / 255, ((0, 0), (0, 0), (1, 1), (1, 1)))
    kernel = state["stem.conv.weight"].astype(np.float64)
    patches = np.lib.stride_tricks.sliding_window_view(x[:, 0], (3, 3), (1, 2))[:, ::2, ::2]
    outputs = np.einsum("nhwij,oij->onhw", patches, kernel[:, 0]).reshape(4, -1)
    after = learner.state()
    np.testing.assert_allclose(after["stem.bn.running_mean"], 0.25 * outputs.mean(1), atol=1e-6)
    np.testing.assert_allclose(
        after["stem.bn.running_var"], 0.75 + 0.25 * outputs.var(1), atol=1e-6
    )


def test_the_step_reports_the_loss_and_the_correct_images(backend):
    learner = _learner(backend, Recipe())
    images = prepare(_IMAGES, (16, 16))
    logits = backend.logits(backend.create(_SPEC), images, training=True).astype(np.float64)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(16), _LABELS]
    loss, correct = learner.train_step(_IMAGES, _LABELS, 0.1)
    assert float(loss) == pytest.approx(losses.mean(), rel=1e-5)
    assert float(correct) == (logits.argmax(1) == _LABELS).sum()


def test_predict_uses_the_running_statistics(backend):
    learner = _learner(backend, Recipe())
    expected = backend.logits(backend.create(_SPEC), prepare(_IMAGES, (16, 16)))
    np.testing.assert_allclose(learner.eval_step(_IMAGES), expected, atol=1e-5)


def test_training_makes_the_loss_smaller(backend):
    learner = _learner(backend, Recipe(momentum=0.9))
    losses = [float(learner.train_step(_IMAGES, _LABELS, 0.05)[0]) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_state_put_back_continues_bit_for_bit(backend):
    recipe = Recipe(0.9, True, 5e-4)
    learner = _learner(backend, recipe)
    learner.train_step(_IMAGES, _LABELS, 0.05)
    other = _learner(backend, recipe, learner.state())
    for each in (learner, other):
        each.train_step(_IMAGES, _LABELS, 0.05)
    ours, theirs = learner.state(), other.state()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_state_put_back_into_a_trained_learner_starts_again(backend, precision):
    learner = backend.Learner(backend.create(_SPEC), _SHAPE, device="cpu", precision=precision)
    start, ends = learner.state(), []
    for _ in range(2):
        learner.load_state(start)
        for _ in range(3):
            learner.train_step(_IMAGES, _LABELS, 0.05)
        ends.append(learner.state())
    assert [name for name in start if not np.array_equal(ends[0][name], ends[1][name])] == []


def test_a_state_is_a_copy(backend):
    learner = _learner(backend, Recipe())
    state = learner.state()
    kept = {name: array.copy() for name, array in state.items()}
    learner.train_step(_IMAGES, _LABELS, 0.5)
    assert [name for name in kept if not np.array_equal(kept[name], state[name])] == []


def test_a_gpu_that_is_not_there_is_a_backend_error(backend):
    if backend.devices() != ["cpu"]:
        pytest.skip("this machine has a GPU")
    with pytest.raises(BackendError, match="use --device cpu"):
        backend.Learner(backend.create(_SPEC), _SHAPE, device="gpu")


def test_tf32_on_a_cpu_is_a_backend_error(backend):
    with pytest.raises(BackendError, match="precision.*tf32"):
        backend.Learner(backend.create(_SPEC), _SHAPE, device="cpu", precision="tf32")


@pytest.mark.parametrize("spec", [_SPEC, _MLP], ids=["resnext", "mlp"])
def test_bfloat16_trains_or_says_that_it_cannot(backend, spec):
    if not backend.SUPPORTS_BFLOAT16:
        with pytest.raises(BackendError, match="bfloat16"):
            backend.Learner(backend.create(spec), _SHAPE, precision="bfloat16")
        return
    learner = backend.Learner(backend.create(spec), _SHAPE, device="cpu", precision="bfloat16")
    losses = [float(learner.train_step(_IMAGES, _LABELS, 0.05)[0]) for _ in range(15)]
    assert losses[-1] < losses[0]
    assert learner.state()[_FC].dtype == np.float32


def _fit(backend, out, epochs, resume=False, lr=0.05, seed=0, spec=_SPEC, precise_bn=0):
    model = backend.AnyNet.from_spec(spec, lr=lr, seed=seed)
    recipe = Recipe(0.9, True, 5e-4)
    trainer = backend.Trainer(epochs, 0, recipe, out=out, progress=False, precise_bn=precise_bn)
    trainer.fit(model, Batches(_IMAGES, _LABELS, 11), resume=resume)
    return trainer


@pytest.mark.bare("torch", "mx")
def test_a_run_leaves_its_files(backend, tmp_path):
    _fit(backend, tmp_path / "run", 2)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "checkpoint.safetensors",
        "config.json",
        "curves.png",
        "model.safetensors",
        "record.jsonl",
    ]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(_SPEC, id="resnext"),
        pytest.param(_MLP, id="mlp", marks=pytest.mark.bare("torch", "mx")),
    ],
)
def test_a_resumed_run_ends_in_the_same_bytes(backend, tmp_path, spec):
    _fit(backend, tmp_path / "whole", 3, spec=spec)
    _fit(backend, tmp_path / "parts", 1, spec=spec)
    _fit(backend, tmp_path / "parts", 3, resume=True, seed=7, spec=spec)
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.bare("torch", "mx")
def test_precise_batch_norm_changes_statistics_and_no_step(backend, tmp_path):
    _fit(backend, tmp_path / "running", 3)
    _fit(backend, tmp_path / "precise", 1, precise_bn=16)
    _fit(backend, tmp_path / "precise", 3, resume=True, precise_bn=16)
    running, precise = (
        load_weights(tmp_path / name / "model.safetensors")[1] for name in ("running", "precise")
    )
    for name, array in running.items():
        assert ("running" in name) != np.array_equal(array, precise[name]), name


@pytest.mark.bare("torch", "mx")
def test_the_trained_network_is_the_saved_one(backend, tmp_path):
    trainer = _fit(backend, tmp_path / "run", 2)
    images = prepare(_IMAGES, (16, 16))
    saved = backend.load(tmp_path / "run" / "model.safetensors")
    np.testing.assert_allclose(
        backend.logits(trainer.network, images), backend.logits(saved, images), atol=1e-6
    )


def test_an_mlp_is_not_trained_on_images_of_another_size(backend):
    model = backend.AnyNet.from_spec(replace(_MLP, image_size=28))
    with pytest.raises(SpecError, match="image_size must be that of the mlp, 28x28; got 16x16"):
        backend.Trainer(1, 0, progress=False).fit(model, Batches(_IMAGES, _LABELS, 11))


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(backend, tmp_path):
    with pytest.raises(TrainingError, match="step 2: the loss must stay finite"):
        _fit(backend, tmp_path / "run", 50, lr=1e30)


def test_the_last_good_state_survives_a_loss_that_is_not_finite(backend, tmp_path):
    model = backend.AnyNet.from_spec(_SPEC, lr=1e30)
    trainer = backend.Trainer(50, 0, progress=False)
    with pytest.raises(TrainingError):
        trainer.fit(model, Batches(_IMAGES, _LABELS, 11))
    arrays = backend.get_weights(trainer.network)
    assert [name for name, array in arrays.items() if not np.isfinite(array).all()] == []


def _left_after(backend, channels):
    """Python objects that are left after a network of so many channels was trained."""
    spec = AnyNetSpec.from_arch(((1, channels, 4, 1),), 8)
    learner = backend.Learner(backend.create(spec), _SHAPE, Recipe(momentum=0.9), device="cpu")
    for _ in range(2):
        learner.train_step(_IMAGES, _LABELS, 0.1)
    learner.eval_step(_IMAGES)
    del learner
    backend.clear_caches()
    return len(gc.get_objects())


@pytest.mark.bare("torch", "mx", "tf")
def test_networks_that_are_gone_leave_nothing(backend):
    _left_after(backend, 4)  # what is made once
    left = [_left_after(backend, channels) for channels in (8, 12)]
    assert left[-1] - left[0] < 500, left  # a step's graph has thousands of objects
