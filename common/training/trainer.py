"""The chapter's `Trainer`: fits a model to data, in any framework."""

import platform
from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, plan
from common.chapter import (
    DATA_HOOKS,
    TRAINER_HOOKS,
    HyperParameters,
    overrides_loss,
    overrides_optimizer,
    refuse_overrides,
)
from common.data import ImageData
from common.errors import ConfigError, TrainingError, shortened
from common.installs import installed_version
from common.plotting import LiveFigure
from common.plotting.figure import in_notebook
from common.training.callbacks import Callback, ProgressBar
from common.training.checkpoint import Progress
from common.training.checks import check_data, check_images, check_loss, check_trainer
from common.training.config import Device, Precision, TrainConfig
from common.training.evaluate import Evaluation, check_state, cross_entropy
from common.training.learner import Learner, check_model
from common.training.loop import Validate, train
from common.training.precise_bn import images_taken, validation
from common.training.recipe import CHAPTER_RECIPE, Recipe
from common.training.records import FORMAT, Row
from common.training.run import RunDirectory, check_free
from common.weights import State, classes_of, described_by
from common.weights.foreign import load_or_import


class Trainer(HyperParameters, ABC):
    """Fits a model to data, as in the chapter (section 3.2.4).

    `num_gpus` is 0 for the CPU, or 1, with which `device` decides. With `out`, the run leaves
    `config.json`, `record.jsonl`, `checkpoint.safetensors`, `best.safetensors` (the network after
    its epoch of highest validation accuracy), `model.safetensors` and `curves.png` there; a
    checkpoint is written after each epoch and every `checkpoint_every` seconds or more, at the end
    of a record's interval. `weights` is a file to start from instead of the seeded draw.
    `stop_after` is an epoch after which `fit` leaves the run unfinished, to be resumed.
    `precise_bn` is the number of training images over which batch norms' statistics are computed
    before each validation; the running ones serve where it is 0. `gradient_clip_val` is d2l's, and
    must be 0, for no clipping. A model's own `configure_optimizers` takes the recipe's place where
    the framework honours it.
    After `fit`: `network` (trained), `history` (the record's rows) and `evaluation`.
    """

    backend: ClassVar[str]
    """Short name of the framework: torch, mx, tf or jax."""

    framework: ClassVar[str]
    """Module whose distribution and version the record keeps."""

    def __init__(
        self,
        max_epochs: int = 10,
        num_gpus: int = 1,
        recipe: Recipe = CHAPTER_RECIPE,
        seed: int = 0,
        device: Device = "auto",
        precision: Precision = "float32",
        out: str | Path | None = None,
        log_every: int = 20,
        progress: bool = True,
        checkpoint_every: float = 60.0,
        weights: str | Path | None = None,
        stop_after: int | None = None,
        precise_bn: int = 0,
        gradient_clip_val: float = 0.0,
    ) -> None:
        check_trainer(num_gpus, recipe, gradient_clip_val, stop_after)
        self.max_epochs = max_epochs
        self.recipe = recipe
        self.seed = seed
        self.device: Device = device if num_gpus else "cpu"
        self.precision: Precision = precision
        self.out = None if out is None else Path(out)
        self.log_every = log_every
        self.progress = progress
        self.checkpoint_every = checkpoint_every
        self.weights = None if weights is None else str(weights)
        self.stop_after = stop_after
        self.precise_bn = precise_bn
        self.history: list[Row] = []
        self.network: Any = None
        self.evaluation: Evaluation | None = None

    @abstractmethod
    def make_learner(self, model: Any, image_shape: tuple[int, int, int]) -> Learner:
        """A learner for `model` with this trainer's recipe, device and precision."""

    def own_loss(self, model: Any, logits: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
        """The `loss` that a user gave `model`, of logits (N, classes) at labels (N,)."""
        return float(model.loss(logits, labels))

    def fit(self, model: Any, data: ImageData, resume: bool = False) -> list[Row]:
        """Train `model` on `data`; the rows of the record.

        `resume` goes on from the checkpoint in `out`. Raises `ConfigError` for settings that do
        not fit, `BackendError` for a model that is no network, a device that is not there, or a
        method of d2l's that is overridden and would be ignored, `DataError` for other data, and
        `TrainingError` when the loss stops being finite: the network then holds its last good
        state.
        """
        check_model(model)
        refuse_overrides(self, TRAINER_HOOKS)
        refuse_overrides(data, DATA_HOOKS)
        check_data(data)
        if not isinstance(resume, bool):
            raise ConfigError(
                f"resume: must be true or false; got {shortened(resume)}; fit takes no key: "
                "weights are drawn from the model's seed, and batches from the trainer's"
            )
        config = self._config(model, data)
        if config.spec is not None:
            check_images(config.spec, data.preprocessing.channels, len(data.classes))
        run = self._run_directory(config)
        if run and not resume:
            check_free(run.path)
        learner = self.make_learner(model, data.preprocessing.image_shape)
        loss = partial(self.own_loss, model) if overrides_loss(model) else cross_entropy
        if overrides_loss(model):
            check_loss(loss, classes_of(model) or len(data.classes))
        images_taken(self.precise_bn, data)
        validate = validation(
            learner,
            data,
            self.precise_bn,
            config.spec,
            partial(self._make_learner, model, data),
            loss,
        )
        self.history = []
        progress = Progress(data.steps_per_epoch)
        with ExitStack() as stack:
            callbacks = self._callbacks(run)
            for callback in callbacks:
                stack.callback(callback.close)
            state = None
            if run and resume:
                state, progress = run.resume(data.steps_per_epoch)
            elif run:
                run.begin()
            if state is None and self.weights is not None:
                state = _start(self.weights, config)
            if state is not None:
                learner.load_state(state)
            try:
                self._train(learner, data, config, callbacks, progress, validate, run)
            finally:
                self.network = learner.network
        return self.history

    def _train(
        self,
        learner: Learner,
        data: ImageData,
        config: TrainConfig,
        callbacks: list[Callback],
        progress: Progress,
        validate: Validate,
        run: RunDirectory | None,
    ) -> None:
        good = learner.state()

        def keep(progress: Progress) -> None:
            nonlocal good
            state = learner.state()
            check_state(state, f"step {progress.step}: all arrays")
            good = state
            if run:
                run.keep(good, progress)

        _tell(callbacks, self._start_row(config, data, progress))
        keep(progress)
        try:
            last = min(config.epochs, self.stop_after or config.epochs)
            self.evaluation = train(
                learner, data, config, callbacks, progress, keep, last, validate
            )
        except TrainingError:
            learner.load_state(good)
            raise
        if progress.epoch < config.epochs:
            return
        if run:
            run.finish(good)  # first: whatever fails from here on, the network is there
        _tell(callbacks, {"kind": "end", **self.evaluation.to_dict(data.classes)})
        if run:
            run.draw()

    def _make_learner(self, model: Any, data: ImageData, spec: AnyNetSpec) -> Learner:
        return self.make_learner(model.from_spec(spec), data.preprocessing.image_shape)

    def _run_directory(self, config: TrainConfig) -> RunDirectory | None:
        if self.out is None:
            return None
        if config.spec is None:
            raise ConfigError(
                "out: needs a model with a spec that describes it, such as AnyNet; got one without "
                "or with layers of its own; leave it out, and keep get_weights(trainer.network)"
            )
        return RunDirectory(self.out, config, config.spec)

    def _callbacks(self, run: RunDirectory | None) -> list[Callback]:
        callbacks: list[Callback] = [_History(self.history)]
        if run:
            callbacks.append(run)
        if self.progress:
            callbacks.append(LiveFigure() if in_notebook() else ProgressBar())
        return callbacks

    def _config(self, model: Any, data: ImageData) -> TrainConfig:
        return TrainConfig(
            backend=self.backend,
            spec=described_by(model),
            data=data.requested,
            epochs=self.max_epochs,
            batch_size=data.batch_size,
            resize=data.preprocessing.size,
            learning_rate=model.lr,
            recipe=self.recipe,
            seed=self.seed,
            device=self.device,
            precision=self.precision,
            log_every=self.log_every,
            checkpoint_every=self.checkpoint_every,
            weights=self.weights,
            precise_bn=self.precise_bn,
            own_optimizer=overrides_optimizer(model),
        )

    def _start_row(self, config: TrainConfig, data: ImageData, progress: Progress) -> Row:
        return {
            "kind": "start",
            "format": FORMAT,
            "backend": self.backend,
            "framework": " ".join(installed_version(self.framework) or [self.framework]),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "data": data.describe(),
            "train_images": len(data.train),
            "val_images": len(data.val),
            "steps_per_epoch": data.steps_per_epoch,
            "step": progress.step,
            "epochs": config.epochs,
            "seed": config.seed,
        }


class _History:
    """Keeps the rows in memory."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def on_step(self, step: int) -> None:
        """Single steps are not recorded."""

    def on_log(self, row: Row) -> None:
        """Keep a row."""
        self._rows.append(row)

    def close(self) -> None:
        """Nothing to close."""


def _start(path: str, config: TrainConfig) -> State:
    spec, arrays = load_or_import(path)
    if not _same_network(spec, config.spec):
        raise ConfigError(f"weights: must be of the network that is trained; got {path} of another")
    return dict(arrays)


def _same_network(one: AnyNetSpec, other: AnyNetSpec | None) -> bool:
    """Whether two specs mean one network: a foreign file's spec may write it in another way."""
    if one == other or other is None:
        return one == other
    names = ("block", "bn_epsilon", "bn_momentum", "batch_norm", "image_size")
    told = all(getattr(one, name) == getattr(other, name) for name in names)
    return told and plan(one) == plan(other)


def _tell(callbacks: list[Callback], row: Row) -> None:
    for callback in callbacks:
        callback.on_log(row)
