"""The loop, the record, checkpoints and resuming, with a learner that is a counter."""

import json
from functools import partial

import numpy as np
import pytest

from common import AnyNetSpec
from common.errors import ConfigError, TrainingError, WeightsError
from common.plotting import save_curves
from common.training import Recipe, read_config, read_record
from common.training.checkpoint import load_checkpoint
from common.training.records import RecordFile
from common.weights import initial_weights, load_weights, save_state, save_weights
from common.weights.foreign import export_weights
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Learner, Model
from tests.curves import DRAWN_BY


def _fit(out=None, epochs=2, resume=False, **settings):
    trainer = FakeTrainer(epochs, out=out, **settings)
    trainer.fit(Model(), Data(), resume=resume)
    return trainer


def test_the_rows_come_in_order():
    rows = _fit(log_every=1).history
    assert [row["kind"] for row in rows] == [
        "start", "interval", "interval", "epoch", "interval", "interval", "epoch", "end",
    ]  # fmt: skip


def test_an_interval_ends_with_its_epoch():
    rows = _fit(log_every=100).history
    assert [row["step"] for row in rows if row["kind"] == "interval"] == [2, 4]


def test_an_epoch_row_holds_the_means_of_its_steps():
    epoch = next(row for row in _fit(losses=[3.0, 1.0]).history if row["kind"] == "epoch")
    assert epoch["train_loss"] == 2.0
    assert epoch["train_accuracy"] == 0.5
    assert epoch["val_accuracy"] == pytest.approx(1 / 7)


def test_the_end_row_holds_the_confusion_matrix():
    end = _fit().history[-1]
    assert np.array(end["confusion"])[:7, 3].tolist() == [1] * 7
    assert end["per_class_accuracy"]["d"] == 1.0
    assert end["images"] == 7


def test_the_rate_follows_the_recipe_step_by_step():
    recipe = Recipe(schedule="cosine", warmup_epochs=1)
    rates = _fit(recipe=recipe).learner.rates
    assert rates == [recipe.learning_rate(0.5, step / 2, 2) for step in range(4)]


def test_a_run_directory_reads_back(tmp_path, monkeypatch):
    monkeypatch.setattr(DRAWN_BY, save_curves)
    trainer = _fit(tmp_path / "run")
    config = read_config(tmp_path / "run")
    assert (config.spec, config.learning_rate, config.epochs) == (SPEC, 0.5, 2)
    assert read_record(tmp_path / "run" / "record.jsonl") == trainer.history
    assert load_weights(tmp_path / "run" / "model.safetensors")[0] == SPEC
    save_curves(trainer.history, tmp_path / "curves.png", f"{config.backend}, run")
    drawn, expected = (folder / "curves.png" for folder in (tmp_path / "run", tmp_path))
    assert drawn.read_bytes() == expected.read_bytes()


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path):
    _fit(tmp_path, epochs=1)
    trainer = _fit(tmp_path, epochs=3, resume=True)
    assert trainer.learner.steps == 6
    rows = read_record(tmp_path / "record.jsonl")
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2, 3]


def test_what_came_after_the_checkpoint_is_cut_off(tmp_path):
    _fit(tmp_path, epochs=1)
    with (tmp_path / "record.jsonl").open("a") as file:
        file.write('{"kind": "interval", "half a li')
    _fit(tmp_path, epochs=2, resume=True)
    kinds = [row["kind"] for row in read_record(tmp_path / "record.jsonl")]
    assert kinds == ["start", "interval", "epoch", "start", "interval", "epoch", "end"]


def test_a_run_is_not_overwritten(tmp_path):
    _fit(tmp_path, epochs=1)
    with pytest.raises(ConfigError, match="must not hold a run yet"):
        _fit(tmp_path, epochs=1)


def test_a_resumed_run_keeps_its_settings(tmp_path):
    _fit(tmp_path, epochs=1)
    with pytest.raises(ConfigError, match="must keep its settings"):
        _fit(tmp_path, resume=True, recipe=Recipe(momentum=0.9))


def test_resuming_without_a_run_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="must be the directory of a run"):
        _fit(tmp_path / "none", resume=True)


def test_resuming_from_a_broken_checkpoint_is_a_weights_error(tmp_path):
    _fit(tmp_path, epochs=1)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="checkpoint.safetensors: must be a safetensors"):
        _fit(tmp_path, resume=True)


def test_a_run_without_a_checkpoint_begins_anew(tmp_path):
    _fit(tmp_path, epochs=1)
    (tmp_path / "checkpoint.safetensors").unlink()
    assert _fit(tmp_path, resume=True).learner.steps == 4
    kinds = [row["kind"] for row in read_record(tmp_path / "record.jsonl")]
    assert kinds == ["start", *["interval", "epoch"] * 2, "end"]


def test_a_checkpoint_can_be_written_within_an_epoch(tmp_path):
    trainer = FakeTrainer(2, out=tmp_path, losses=[1.0, float("nan")], log_every=1,
                          checkpoint_every=0)  # fmt: skip
    with pytest.raises(TrainingError):
        trainer.fit(Model(), Data())
    assert trainer.learner.steps == 1
    spec, state, position = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert (spec, position.seed, position.progress.step) == (SPEC, 0, 1)
    assert state["head.fc.bias"][0] == 1
    assert len((tmp_path / "record.jsonl").read_bytes()) == position.record_offset


def test_a_run_resumed_within_an_epoch_has_the_record_of_a_whole_one(tmp_path):
    whole = _fit(tmp_path / "whole", log_every=1)
    losses = [1.0, 1 / 2, float("nan")]
    stopped = FakeTrainer(2, out=tmp_path / "parts", losses=losses, log_every=1, checkpoint_every=0)
    with pytest.raises(TrainingError):
        stopped.fit(Model(), Data())
    parts = _fit(tmp_path / "parts", resume=True, log_every=1)
    rows = read_record(tmp_path / "parts" / "record.jsonl")
    losses = [[row["loss"] for row in rows if row["kind"] == "interval"]
              for rows in (whole.history, rows)]  # fmt: skip
    assert losses[0] == losses[1]
    assert parts.learner.steps == 4


@pytest.mark.parametrize("save", [save_weights, partial(export_weights, layout="d2l")])
def test_a_run_can_start_from_a_weight_file(tmp_path, save):
    arrays = initial_weights(SPEC)
    arrays["head.fc.bias"] = arrays["head.fc.bias"] + 100
    save(tmp_path / "start.safetensors", SPEC, arrays)
    trainer = _fit(tmp_path / "run", weights=tmp_path / "start.safetensors")
    assert trainer.learner.steps == 104


def test_a_run_can_start_from_the_directory_of_another(tmp_path):
    _fit(tmp_path / "first")
    trainer = _fit(tmp_path / "second", weights=tmp_path / "first")
    assert trainer.learner.steps > _fit(tmp_path / "third").learner.steps


def test_weights_of_another_network_are_a_config_error(tmp_path):
    other = AnyNetSpec.from_arch(((2, 4),), 4)
    save_weights(tmp_path / "start.safetensors", other, initial_weights(other))
    with pytest.raises(ConfigError, match="weights: must be of the network that is trained"):
        _fit(weights=tmp_path / "start.safetensors")


def test_a_run_can_stop_after_an_epoch_and_go_on_by_its_own_schedule(tmp_path):
    recipe = Recipe(schedule="cosine")
    whole = _fit(tmp_path / "whole", recipe=recipe)
    first = _fit(tmp_path / "parts", recipe=recipe, stop_after=1)
    assert [row["kind"] for row in first.history] == ["start", "interval", "epoch"]
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    second = _fit(tmp_path / "parts", recipe=recipe, resume=True)
    assert first.learner.rates + second.learner.rates == whole.learner.rates


def test_the_network_of_the_best_epoch_is_kept(tmp_path):
    def best():
        return load_weights(tmp_path / "best.safetensors")[1]["head.fc.bias"][0]

    _fit(tmp_path, epochs=1, wrong=[1])
    assert best() == 2
    _fit(tmp_path, epochs=3, wrong=[3], resume=True)
    assert best() == 4
    _fit(tmp_path, epochs=4, resume=True)  # as good, and later
    assert best() == 4
    assert load_weights(tmp_path / "model.safetensors")[1]["head.fc.bias"][0] == 8


def test_a_run_in_use_cannot_be_resumed(tmp_path):
    _fit(tmp_path, epochs=1)
    record = RecordFile(tmp_path / "record.jsonl", 1)
    with pytest.raises(ConfigError, match="another process is writing"):
        _fit(tmp_path, resume=True)
    record.close()


def test_a_record_shorter_than_its_checkpoint_says_is_a_config_error(tmp_path):
    _fit(tmp_path, epochs=1)
    (tmp_path / "record.jsonl").write_text("")
    with pytest.raises(ConfigError, match="record.jsonl: must be as long as its checkpoint says"):
        _fit(tmp_path, resume=True)


@pytest.mark.parametrize(("name", "stays"), [
    (".checkpoint.safetensors.k3_9x0ab.anynet.safetensors", False),
    (".config.json.k3_9x0ab.anynet.json", False),
    (".notes.txt.k3_9x0ab.anynet.txt", True),
    (".anynet-half.safetensors", True),
])  # fmt: skip
def test_resuming_removes_what_a_killed_process_left_and_nothing_else(tmp_path, name, stays):
    _fit(tmp_path, epochs=1)
    (tmp_path / name).write_text("half")
    _fit(tmp_path, resume=True)
    assert (tmp_path / name).exists() == stays


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"seed": 0, "progress": {"step": 2}, "record_offset": 0},
        {"seed": "0", "progress": {"steps_per_epoch": 2}, "record_offset": 0},
        {"seed": 0, "progress": {"steps_per_epoch": 0}, "record_offset": 0},
        {"seed": 0, "progress": {"steps_per_epoch": 2, "step": -1}, "record_offset": 0},
        {"seed": 0, "progress": {"steps_per_epoch": 2, "loss_sum": "x"}, "record_offset": 0},
    ],
)
def test_a_checkpoint_that_does_not_say_where_it_stands_is_a_weights_error(tmp_path, broken):
    save_state(tmp_path / "checkpoint.safetensors", SPEC, initial_weights(SPEC), broken)
    with pytest.raises(WeightsError, match="checkpoint.safetensors: .* where its run stands"):
        load_checkpoint(tmp_path / "checkpoint.safetensors")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_step(bad):
    with pytest.raises(TrainingError, match="^step 4: the loss must stay finite; got"):
        _fit(losses=[1.0, 1.0, 1.0, bad])


def test_an_array_that_is_not_finite_is_named_and_not_kept(tmp_path, monkeypatch):
    step = Learner.train_step

    def overflowing(self, *batch):
        result = step(self, *batch)
        if self.steps == 4:
            self.arrays["stem.conv.weight"] = self.arrays["stem.conv.weight"] * np.inf
        return result

    monkeypatch.setattr(Learner, "train_step", overflowing)
    with pytest.raises(TrainingError, match="^step 4: all arrays .* in stem.conv.weight; lower"):
        _fit(tmp_path / "run")
    kept = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors")[2]
    assert kept.progress.step == 2


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(tmp_path):
    trainer = FakeTrainer(2, out=tmp_path, losses=[1.0, 1.0, 1.0, float("nan")])
    with pytest.raises(TrainingError):
        trainer.fit(Model(), Data())
    assert trainer.learner.steps == 2
    _fit(tmp_path, resume=True)
    assert load_weights(tmp_path / "model.safetensors")[1]["head.fc.bias"][0] == 4


def test_an_interrupted_run_closes_its_record(tmp_path):
    trainer = FakeTrainer(2, out=tmp_path)
    trainer.learner.eval_step = lambda images: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(Model(), Data())
    assert [row["kind"] for row in read_record(tmp_path / "record.jsonl")] == ["start", "interval"]


def test_a_model_without_a_spec_cannot_be_kept(tmp_path):
    class Handwritten:
        lr = 0.1

    with pytest.raises(ConfigError, match="needs a model with a spec"):
        FakeTrainer(1, out=tmp_path / "run").fit(Handwritten(), Data())
    assert not (tmp_path / "run").exists()


def test_no_gpus_means_the_cpu():
    assert FakeTrainer(1, num_gpus=0).device == "cpu"


def test_a_broken_config_names_its_file(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"backend": "torch", "colour": 1}))
    with pytest.raises(ConfigError, match="config.json: fields must be known; got .'colour'"):
        read_config(tmp_path)
