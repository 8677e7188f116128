"""The chapter's `Trainer`: fits a model to data, in any framework."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.chapter import HyperParameters, overrides_loss, overrides_optimizer
from common.data import ImageData, ImageDescription, Preprocessing
from common.data.options import USUAL
from common.errors import TrainingError
from common.plotting import LiveFigure
from common.plotting.figure import in_notebook
from common.training.callbacks import Callback, History, Observer, ProgressBar, check_callbacks
from common.training.checks import (
    check_fit,
    check_images,
    check_loss,
    check_trainer,
    with_clipping,
)
from common.training.config import Device, Precision, TrainConfig
from common.training.evaluate import Evaluation, cross_entropy
from common.training.freezing import checked_parts
from common.training.inputs import check_own_loss
from common.training.learner import Learner
from common.training.loop import TrainingLoop
from common.training.parallel import check_parts
from common.training.precise_bn import images_taken, validation
from common.training.progress import Progress
from common.training.recipe import CHAPTER_RECIPE, Recipe
from common.training.rows import Row, end_row, start_row
from common.training.run import RunDirectory, check_free
from common.training.state import KeptState, read_weights
from common.weights import classes_of, described_by, shown_weights


class _Setting:
    """An attribute of a trainer that is a field of its frozen config.

    Setting it makes a new config, which is checked.
    """

    def __init__(self, field: str) -> None:
        self._field = field

    def __get__(self, trainer: "Trainer | None", owner: type) -> Any:
        return self if trainer is None else getattr(trainer.config, self._field)

    def __set__(self, trainer: "Trainer", value: Any) -> None:
        trainer.config = replace(trainer.config, **{self._field: value})


class Trainer(HyperParameters, ABC):
    """Fits a model to data, as in the chapter (section 3.2.4).

    After `fit`, `network` is the trained network, with averaged weights if the recipe has an
    `ema_decay`; `history` has the rows of the record, and `evaluation` is the last validation.
    Raises `ConfigError` for settings out of range.

    - `max_epochs`: number of epochs.
    - `num_gpus`: 0 for the CPU, or 1 for `device` to decide.
    - `recipe`: optimizer and schedule. A model's own `configure_optimizers` replaces it, in PyTorch
      and JAX.
    - `seed`: of the order of the batches; a model has its own seed.
    - `device`: `cpu`, `gpu`, or `auto` for a GPU if the framework sees one.
    - `precision`: what the network computes in.
    - `out`: a new or empty directory, which gets `config.json`, `record.jsonl`,
      `checkpoint.safetensors`, `best.safetensors` (the network after the epoch with the highest
      validation accuracy), `model.safetensors` and `curves.png`.
    - `log_every`: steps per `interval` row of the record.
    - `progress`: whether to show a progress bar, or in a notebook a figure of the curves.
    - `checkpoint_every`: least number of seconds between two checkpoints within an epoch. One is
      also written after each epoch.
    - `weights`: file with initial weights, instead of the model's own, or their name, as in
      `fetch_weights`. For other classes than the file's, a head is drawn from `seed`.
    - `stop_after`: epoch after which `fit` returns and leaves the run to be resumed.
    - `precise_bn`: number of training images from which batch norm statistics are computed before
      each validation; 0 validates with the running averages.
    - `callbacks`: told of the run as it goes on, such as `CSVLogger`.
    - `freeze`: parts of the network that do not change, such as `("stem", "stage1")`.
    - `gradient_clip_val`: d2l's name of the recipe's `clip_norm`.
    - `devices`: how many devices of this machine share each batch, in PyTorch and JAX.
    """

    backend: ClassVar[str]
    """Short name of the framework: torch, mx, tf or jax."""

    framework: ClassVar[str]
    """Module of the framework, whose version is in the record."""

    max_epochs = _Setting("epochs")
    recipe = _Setting("recipe")
    seed = _Setting("seed")
    device = _Setting("device")
    devices = _Setting("devices")
    precision = _Setting("precision")
    log_every = _Setting("log_every")
    checkpoint_every = _Setting("checkpoint_every")
    weights = _Setting("weights")
    precise_bn = _Setting("precise_bn")
    freeze = _Setting("freeze")

    learner_class: ClassVar[type[Learner]]
    """The framework's learner."""

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
        callbacks: Sequence[Callback] = (),
        freeze: Sequence[str] = (),
        devices: int = 1,
    ) -> None:
        check_trainer(num_gpus, stop_after)
        self.callbacks = check_callbacks(callbacks)
        self.config = TrainConfig(
            self.backend,
            spec=None,
            epochs=max_epochs,
            batch_size=1,  # until `fit` knows the data's
            recipe=with_clipping(recipe, gradient_clip_val),
            seed=seed,
            device=device if num_gpus else "cpu",
            precision=precision,
            log_every=log_every,
            checkpoint_every=checkpoint_every,
            weights=None if weights is None else str(weights),
            precise_bn=precise_bn,
            freeze=checked_parts(freeze),
            devices=devices,
        )
        self.out = None if out is None else Path(out)
        self.progress = progress
        self.stop_after = stop_after
        self.history: list[Row] = []
        self.network: Any = None
        self.evaluation: Evaluation | None = None

    @classmethod
    def from_config(
        cls,
        config: TrainConfig,
        out: str | Path | None = None,
        progress: bool = True,
        stop_after: int | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """A trainer with the settings of `config`, for example of `read_config(run)`.

        Network, learning rate, data, batch size and image size are those of the model and the data
        that `fit` is called with. The other arguments are as in the constructor.
        """
        trainer = cls(out=out, progress=progress, stop_after=stop_after, callbacks=callbacks)
        trainer.config = replace(config, backend=cls.backend)
        return trainer

    def make_learner(self, model: Any, preprocessing: Preprocessing) -> Learner:
        """A learner for `model` with this trainer's settings."""
        settings = (self.recipe, self.device, self.precision, self.freeze)
        several = {"devices": self.devices} if self.devices > 1 else {}  # not all learners take it
        return self.learner_class(model, preprocessing, *settings, **several)

    @abstractmethod
    def own_loss(self, model: Any, logits: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
        """The `loss` method that a user gave `model`, of logits (N, classes) and labels (N,)."""

    def fit(self, model: Any, data: ImageData, resume: bool = False) -> list[Row]:
        """Train `model` on `data` and return the rows of the record.

        With `resume`, continue from the checkpoint in `out`. Raises

        - `ConfigError` for settings that do not fit model, data or the run in `out`,
        - `BackendError` for a model that is not a network, a missing device, or an overridden d2l
          method that training does not call,
        - `DataError` for data that is not `ImageData`,
        - `TrainingError` if loss or weights are no longer finite: `network` then has the weights of
          the last checkpoint.
        """
        check_fit(self, model, data, resume)
        config = self._config(model, data)
        check_own_loss(model, config.recipe.label_smoothing, config.data_options.augmentation.mixup)
        check_parts(config.batch_size, config.devices, config.data_options.augmentation.mixup)
        if config.spec is not None:
            check_images(config.spec, data.preprocessing.channels, len(data.classes))
        is_described = getattr(data, "is_described", True)
        images = ImageDescription(data.preprocessing, data.classes) if is_described else None
        run = None if self.out is None else RunDirectory.of(self.out, config, images, data)
        if run and not resume:
            check_free(run.path)
        self.history = []
        with ExitStack() as stack:
            stack.enter_context(self._processes())
            loop = self._loop(model, data, config, run)
            for observer in loop.callbacks:
                stack.callback(observer.close)
            for callback in self.callbacks:
                callback.on_begin(config, resume)
                stack.callback(callback.close)
            progress = self._start(loop, run, resume)
            try:
                self._train(loop, progress, run)
            finally:
                self.network = loop.learner.network
        return self.history

    def _processes(self) -> AbstractContextManager[None]:
        """The time in which other processes may compute for this trainer's learners."""
        return nullcontext()

    def _config(self, model: Any, data: ImageData) -> TrainConfig:
        """This trainer's settings with those that follow from model and data."""
        return replace(
            self.config,
            spec=described_by(model),
            data=data.requested,
            batch_size=data.batch_size,
            resize=data.preprocessing.size,
            learning_rate=model.lr,
            own_optimizer=overrides_optimizer(model),
            data_options=getattr(data, "options", USUAL),
        )

    def _loop(
        self, model: Any, data: ImageData, config: TrainConfig, run: RunDirectory | None
    ) -> TrainingLoop:
        def make_learner(spec: AnyNetSpec) -> Learner:
            return self.make_learner(model.from_spec(spec), data.preprocessing)

        learner = self.make_learner(model, data.preprocessing)
        loss = cross_entropy
        if overrides_loss(model):
            loss = partial(self.own_loss, model)
            check_loss(loss, classes_of(model) or len(data.classes))
        images_taken(config.precise_bn, data)
        validate = validation(learner, data, config.precise_bn, config.spec, make_learner, loss)
        callbacks: list[Observer] = [History(self.history)]
        if run:
            callbacks.append(run)
        if self.progress:
            callbacks.append(LiveFigure() if in_notebook() else ProgressBar())
        return TrainingLoop(learner, data, config, validate, callbacks, self.callbacks)

    def _start(self, loop: TrainingLoop, run: RunDirectory | None, resume: bool) -> Progress:
        """Load the state to start from into the learner; how far the run is."""
        state, progress = None, Progress(loop.data.steps_per_epoch)
        if run and resume:
            state, progress = run.resume(progress.steps_per_epoch)
            for callback in self.callbacks:
                callback.on_resume(run.earlier)
        elif run:
            run.begin()
        if state is None and self.weights is not None:
            classes = loop.data.classes
            state = read_weights(self.weights, loop.config.spec, self.seed, classes)
        if state is not None:
            loop.learner.load_state(state)
        return progress

    def _train(self, loop: TrainingLoop, progress: Progress, run: RunDirectory | None) -> None:
        kept = KeptState(loop.learner, run)
        loop.keep = kept.keep
        loop.log(start_row(self.framework, loop.config, loop.data, progress))
        kept.keep(progress)
        loop.tell()
        last_epoch = min(loop.config.epochs, self.stop_after or loop.config.epochs)
        try:
            self.evaluation = loop.run(progress, last_epoch)
        except TrainingError:
            loop.learner.load_state(kept.state)
            raise
        if loop.config.recipe.ema_decay:
            loop.learner.load_state(shown_weights(kept.state))
        if progress.epoch < loop.config.epochs:
            return
        if run:
            run.finish(kept.state)  # first: nothing that fails from here on loses the network
        loop.log(end_row(self.evaluation, loop.data.classes))
        if run:
            run.draw()
        loop.tell()
