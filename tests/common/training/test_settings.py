"""A trainer's settings: given once, read from a config, and kept by a resumed run."""

from dataclasses import fields, replace

import numpy as np
import pytest

from common.cli.train import train as train_command
from common.data import DataOptions, Preprocessing
from common.errors import ConfigError, DataError
from common.training import Recipe, TrainConfig, read_config
from common.training.config import RESUMABLE
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model

_SETTINGS = {
    "epochs": 3,
    "recipe": Recipe(0.9),
    "seed": 7,
    "device": "cpu",
    "precision": "float64",
    "log_every": 5,
    "checkpoint_every": 1.0,
    "precise_bn": 4,
    "freeze": ("stem",),
}


def test_a_trainer_from_a_config_makes_the_same_config_again():
    config = TrainConfig(
        "torch", SPEC, "made up", batch_size=4, resize=(2, 2), learning_rate=0.5,
        weights="start.safetensors", **_SETTINGS,
    )  # fmt: skip
    assert FakeTrainer.from_config(config)._config(Model(), Data()) == config


def test_a_trainer_from_the_config_of_a_run_goes_on_with_it(tmp_path):
    FakeTrainer(2, out=tmp_path, seed=3, recipe=Recipe(0.9), stop_after=1).fit(Model(), Data())
    trainer = FakeTrainer.from_config(read_config(tmp_path), tmp_path)
    assert [row["epoch"] for row in trainer.fit(Model(), Data(), resume=True)[2:-1]] == [2]


def test_network_and_data_are_those_of_fit_and_not_of_the_config():
    config = TrainConfig("jax", batch_size=999, resize=(96, 96), data="sample")
    made = FakeTrainer.from_config(config)._config(Model(), Data())
    assert (made.backend, made.spec, made.data) == ("torch", SPEC, "made up")
    assert (made.batch_size, made.resize, made.learning_rate) == (4, (2, 2), 0.5)


@pytest.mark.parametrize(
    ("attribute", "field"),
    [("max_epochs", "epochs"), *((name, name) for name in _SETTINGS if name != "epochs")],
)
def test_settings_are_attributes_that_can_be_changed(attribute, field):
    trainer = FakeTrainer()
    setattr(trainer, attribute, _SETTINGS[field])
    assert getattr(trainer, attribute) == _SETTINGS[field]
    assert getattr(trainer._config(Model(), Data()), field) == _SETTINGS[field]


def test_a_setting_is_checked_when_it_is_changed():
    trainer = FakeTrainer(2)
    with pytest.raises(ConfigError, match="epochs: must be at least 1; got 0"):
        trainer.max_epochs = 0
    assert trainer.max_epochs == 2


def test_a_subclass_can_save_its_arguments_as_in_d2l():
    class Mine(FakeTrainer):
        def __init__(self, max_epochs, name):
            super().__init__(max_epochs)
            self.save_hyperparameters()

    trainer = Mine(3, "mine")
    assert (trainer.max_epochs, trainer.name) == (3, "mine")


@pytest.mark.parametrize("name", [item.name for item in fields(TrainConfig)])
def test_a_change_is_named_unless_a_resumed_run_may_make_it(name):
    now = TrainConfig(
        "jax", SPEC, "sample", batch_size=4, resize=(2, 2), learning_rate=0.5,
        own_optimizer=True, data_options=DataOptions(Preprocessing(1, (2, 2), mean=(0.5,))),
        **({"init": "he"} if name == "init" else {"weights": "start.safetensors"}), **_SETTINGS,
    )  # fmt: skip
    before = replace(now, **{name: getattr(TrainConfig("torch", batch_size=2), name)})
    assert now.changes_since(before) == ([] if name in RESUMABLE else [name])


def test_a_resume_names_the_settings_that_changed(tmp_path):
    FakeTrainer(1, out=tmp_path).fit(Model(), Data())
    changed = FakeTrainer(2, out=tmp_path, seed=1, recipe=Recipe(0.9))
    with pytest.raises(ConfigError, match="must keep its settings; .* for recipe, seed$"):
        changed.fit(Model(), Data(), resume=True)


@pytest.mark.parametrize("name", RESUMABLE)
def test_the_help_of_resume_lists_what_may_change(name):
    assert f"--{name.replace('_', '-')}" in train_command.help.split("\n\n")[-1]


class _Odd(Data):
    """Data whose epochs have other batches than it says."""

    def __init__(self, sizes):
        self._sizes = sizes

    def train_batches(self, seed, epoch, start=0):
        for size in self._sizes[start:]:
            yield np.zeros((size, 1, 2, 2), np.uint8), np.zeros(size, np.int32)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((), "an epoch must have steps_per_epoch batches, 2; got 0 in epoch 0"),
        ((4,), "an epoch must have steps_per_epoch batches, 2; got 1 in epoch 0"),
        ((4, 3), "training batches must have batch_size images, 4; got 3 in batch 1 of epoch 0"),
    ],
)
def test_batches_that_data_does_not_keep_its_word_on_are_data_errors(sizes, message):
    with pytest.raises(DataError, match=f"^data: {message}"):
        FakeTrainer(1).fit(Model(), _Odd(sizes))


def test_batches_beyond_an_epoch_are_not_trained_on():
    trainer = FakeTrainer(1)
    trainer.fit(Model(), _Odd((4, 4, 4)))
    assert trainer.learner.steps == 2
