"""What a reader of the book overrides is honoured, or refused by name."""

import numpy as np
import pytest

from common.errors import BackendError, ConfigError, WeightsError
from common.training import Recipe, read_config, read_record
from tests.batches import Batches

_ARCH, _SIDE = ((1, 8, 4, 1),), 8
_SHAPE = (1, _SIDE, _SIDE)
_STREAM = np.random.default_rng(0)
_IMAGES = _STREAM.integers(0, 256, (16, *_SHAPE), np.uint8)
_LABELS = _STREAM.integers(0, 10, 16, np.int32)
_DATA = Batches(_IMAGES, _LABELS, 8)


def _adam(model):
    """Adam at a rate that is not the model's."""
    if hasattr(model, "parameters"):
        from torch.optim import Adam

        return Adam(model.parameters(), lr=0.01)
    from optax import adam

    return adam(0.01)


def _momentum(model):
    if hasattr(model, "parameters"):
        from torch.optim import SGD

        return SGD(model.parameters(), lr=0.05, momentum=0.9)
    from optax import sgd

    return sgd(0.05, momentum=0.9)


def _model(backend, lr=0.1, **methods):
    """A network of a subclass with these methods."""
    return type("Mine", (backend.AnyNet,), methods)(_ARCH, 8, lr=lr)


def _fit(backend, model, epochs=1, resume=False, **settings):
    trainer = backend.Trainer(epochs, 0, progress=False, **settings)
    trainer.fit(model, _DATA, resume=resume)
    return trainer


@pytest.fixture
def honoured(backend):
    if not backend.SUPPORTS_CONFIGURE_OPTIMIZERS:
        pytest.skip("refused by name there")


@pytest.mark.usefixtures("honoured")
def test_an_own_optimizer_takes_the_step(backend):
    recipe = Recipe(momentum=0.9)
    ours = backend.Learner(_model(backend), _SHAPE, recipe, device="cpu")
    own = backend.Learner(_model(backend, configure_optimizers=_momentum), _SHAPE, device="cpu")
    for _ in range(3):
        ours.train_step(_IMAGES, _LABELS, 0.05)
        own.train_step(_IMAGES, _LABELS, 123.0)  # a rate that is the recipe's alone
    expected, found = ours.state(), own.state()
    for name in backend.get_weights(ours.network):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


@pytest.mark.usefixtures("honoured")
def test_adam_moves_no_weight_by_more_than_its_rate_in_its_first_step(backend):
    learner = backend.Learner(_model(backend, configure_optimizers=_adam), _SHAPE, device="cpu")
    before = learner.state()["head.fc.weight"]
    learner.train_step(_IMAGES, _LABELS, 0.1)
    moved = np.abs(learner.state()["head.fc.weight"] - before)
    np.testing.assert_allclose(moved.max(), 0.01, rtol=1e-3)


@pytest.mark.usefixtures("honoured")
def test_a_resumed_run_with_an_own_optimizer_ends_in_the_same_bytes(backend, tmp_path):
    for name, parts in (("whole", [2]), ("parts", [1, 2])):
        for epochs in parts:
            model = _model(backend, configure_optimizers=_adam)
            _fit(backend, model, epochs, resume=epochs > parts[0], out=tmp_path / name)
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    assert read_config(tmp_path / "parts").own_optimizer
    rows = read_record(tmp_path / "parts" / "record.jsonl")
    assert {row["learning_rate"] for row in rows if row["kind"] == "interval"} == {None}
    with pytest.raises(ConfigError, match="the optimizer that it started with; got the recipe"):
        _fit(backend, _model(backend), 3, resume=True, out=tmp_path / "parts")


@pytest.mark.usefixtures("honoured")
def test_the_state_of_another_optimizer_is_refused(backend):
    adam, sgd = (
        backend.Learner(_model(backend, configure_optimizers=own), _SHAPE, device="cpu")
        for own in (_adam, None)
    )
    adam.train_step(_IMAGES, _LABELS, 0.1)
    with pytest.raises(WeightsError, match="optimizer"):
        sgd.load_state(adam.state())


@pytest.mark.usefixtures("honoured")
def test_a_recipe_beside_an_own_optimizer_is_refused(backend):
    model = _model(backend, configure_optimizers=_adam)
    with pytest.raises(ConfigError, match="recipe: must be left out"):
        _fit(backend, model, recipe=Recipe(momentum=0.9))


@pytest.mark.usefixtures("honoured")
@pytest.mark.parametrize("returned", [None, "adam", ([], [])])
def test_what_is_no_optimizer_is_refused(backend, returned):
    model = _model(backend, configure_optimizers=lambda self: returned)
    with pytest.raises(BackendError, match="configure_optimizers: must return an? "):
        _fit(backend, model)


def test_an_own_optimizer_is_refused_by_name_where_it_would_be_ignored(backend):
    if backend.SUPPORTS_CONFIGURE_OPTIMIZERS:
        pytest.skip("honoured there")
    with pytest.raises(BackendError, match="configure_optimizers: must not be overridden"):
        _fit(backend, _model(backend, configure_optimizers=_adam))


def _nothing(self, *arguments):
    """A method as a reader writes it."""


@pytest.mark.parametrize("method", ["training_step", "validation_step", "accuracy", "plot"])
def test_methods_of_a_model_that_training_does_not_call_are_refused_by_name(backend, method):
    model = _model(backend, **{method: _nothing})
    with pytest.raises(BackendError, match=f"^{method}: must not be overridden"):
        _fit(backend, model)
    with pytest.raises(BackendError, match=f"^{method}: must not be overridden"):
        backend.Learner(model, _SHAPE)


@pytest.mark.parametrize(
    "method", ["fit_epoch", "prepare_data", "prepare_model", "prepare_batch", "clip_gradients"]
)
def test_methods_of_a_trainer_that_fit_does_not_call_are_refused_by_name(backend, method):
    trainer = type("Mine", (backend.Trainer,), {method: _nothing})(1, 0, progress=False)
    with pytest.raises(BackendError, match=f"^{method}: must not be overridden"):
        trainer.fit(_model(backend), _DATA)


@pytest.mark.parametrize("method", ["get_dataloader", "train_dataloader", "val_dataloader"])
def test_loaders_that_training_does_not_read_are_refused_by_name(backend, method):
    data = type("Mine", (backend.FashionMNIST,), {method: _nothing})(source="sample")
    with pytest.raises(BackendError, match=f"^{method}: must not be overridden"):
        backend.Trainer(1, 0, progress=False).fit(_model(backend), data)


def test_a_method_that_is_added_to_the_shipped_class_is_seen(backend, monkeypatch):
    monkeypatch.setattr(backend.Classifier, "training_step", _nothing, raising=False)
    with pytest.raises(BackendError, match="^training_step: must not be overridden"):
        _fit(backend, backend.RegNetX32())


def test_an_own_loss_is_that_of_training_and_of_validation(backend):
    plain, doubled = _model(backend), _model(backend, loss=_doubled)
    (*_, expected, _), (*_, found, _) = (
        _fit(backend, model, device="cpu").history for model in (plain, doubled)
    )
    assert found["train_loss"] > 1.5 * expected["train_loss"]
    assert found["val_loss"] > 1.5 * expected["val_loss"]


def _doubled(self, logits, labels):
    return 2 * type(self).__mro__[1].loss(self, logits, labels)


def test_a_loss_of_each_image_is_refused(backend):
    def loss(self, logits, labels):
        return backend.RegNetX32.loss(self, logits, labels, averaged=False)

    with pytest.raises(BackendError, match="^loss: must return one number"):
        _fit(backend, _model(backend, loss=loss))


def test_a_loss_object_does_not_hide_the_method_in_silence(backend, native):
    if not backend.MODULES_HOLD_WEIGHTS:
        pytest.skip("such a module takes no attributes")
    model = _model(backend)
    model.loss = native.loss_object()
    with pytest.raises(BackendError, match="^loss: must "):
        _fit(backend, model)


@pytest.mark.parametrize("taken", [("params", "X", "Y", "state"), ("Y_hat",)])
def test_a_loss_that_takes_other_arguments_is_refused_by_name(backend, taken):
    names = {}
    exec(f"def loss(self, {', '.join(taken)}): return 0", names)
    with pytest.raises(BackendError, match=r"^loss: must take \(logits, labels\)"):
        _fit(backend, _model(backend, loss=names["loss"]))


@pytest.mark.parametrize("value", [-1, float("nan"), "1"])
def test_a_norm_to_clip_at_that_is_none_is_refused_by_name(backend, value):
    with pytest.raises(ConfigError, match="^gradient_clip_val: must be a number, at least 0"):
        backend.Trainer(1, gradient_clip_val=value)


def test_the_books_gradient_clipping_is_the_recipes(backend):
    assert backend.Trainer(1, gradient_clip_val=0.5).recipe == Recipe(clip_norm=0.5)
    with pytest.raises(ConfigError, match="^gradient_clip_val: must be the recipe's clip_norm, 2"):
        backend.Trainer(1, 0, Recipe(clip_norm=2), gradient_clip_val=0.5)


@pytest.mark.parametrize("change", [{"optimizer": "adamw"}, {"clip_norm": 1}, {"ema_decay": 0.9}])
def test_an_own_optimizer_is_not_changed_by_a_recipe(backend, change):
    if not backend.SUPPORTS_CONFIGURE_OPTIMIZERS:
        pytest.skip("refused altogether")
    model = _model(backend, configure_optimizers=_momentum)
    with pytest.raises(ConfigError, match="^recipe: must be left out for a model with its own"):
        _fit(backend, model, recipe=Recipe(**change))


def test_an_own_optimizer_is_not_changed_by_frozen_parts(backend):
    if not backend.SUPPORTS_CONFIGURE_OPTIMIZERS:
        pytest.skip("refused altogether")
    model = _model(backend, configure_optimizers=_momentum)
    with pytest.raises(ConfigError, match="^freeze: must be left out for a model with its own"):
        _fit(backend, model, freeze=("head",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1, 2), "num_gpus: "), ((1, 1, 0.5), "recipe: must be a Recipe"), ((1, -1), "num_gpus: ")],
)
def test_other_arguments_of_a_trainer_are_not_misread(backend, arguments, message):
    with pytest.raises(ConfigError, match=message):
        backend.Trainer(*arguments)


def test_a_key_is_not_taken_for_resume(backend):
    with pytest.raises(ConfigError, match="resume: must be true or false; .* fit takes no key"):
        backend.Trainer(1, 0, progress=False).fit(_model(backend), _DATA, object())
