"""A data set and a learner of a few lines, so that the loop is tested without a framework."""

import numpy as np

from common import AnyNetSpec
from common.data import Preprocessing
from common.training import Trainer
from common.weights import initial_weights

SPEC = AnyNetSpec.from_arch(((1, 4),), 4)


class Data:
    """Two batches of four images per epoch."""

    preprocessing = Preprocessing(1, (2, 2))
    batch_size = 4
    steps_per_epoch = 2
    classes = tuple("abcdefghij")
    requested = "made up"
    train = val = np.arange(8, dtype=np.int32)

    def train_batches(self, seed, epoch, start=0):
        for step in range(start, self.steps_per_epoch):
            labels = self.train[4 * step : 4 * step + 4]
            yield np.zeros((4, 1, 2, 2), np.uint8), labels

    def val_batches(self):
        yield np.zeros((4, 1, 2, 2), np.uint8), self.val[:4]
        yield np.zeros((3, 1, 2, 2), np.uint8), self.val[4:7]

    def describe(self):
        return "made up"


class Learner:
    """Counts its steps in one weight; its loss is what `losses` says, then one over the step.

    It is right about one image, but about none after the epochs in `wrong`.
    """

    def __init__(self, losses=(), wrong=()):
        self.losses = list(losses)
        self.wrong = wrong
        self.arrays = initial_weights(SPEC)
        self.rates = []
        self.network = self

    @property
    def steps(self):
        return int(self.arrays["head.fc.bias"][0])

    def train_step(self, images, labels, learning_rate):
        self.rates.append(learning_rate)
        self.arrays["head.fc.bias"] = self.arrays["head.fc.bias"] + 1
        loss = self.losses[self.steps - 1] if self.steps <= len(self.losses) else 1 / self.steps
        return loss, 2

    def eval_step(self, images):
        assert len(images) == 4
        predicted = 9 if self.steps // Data.steps_per_epoch in self.wrong else 3
        return np.tile(np.arange(10, dtype=np.float32) == predicted, (4, 1)).astype(np.float32)

    def state(self):
        return dict(self.arrays)

    def load_state(self, arrays):
        self.arrays = dict(arrays)


class FakeTrainer(Trainer):
    """A trainer whose learner is the one above."""

    backend = "torch"
    framework = "pytest"

    def __init__(self, *arguments, losses=(), wrong=(), **settings):
        super().__init__(*arguments, **{"progress": False, **settings})
        self.learner = Learner(losses, wrong)

    def make_learner(self, model, image_shape):
        return self.learner

    def own_loss(self, model, logits, labels):
        return float(model.loss(logits, labels))


class Model:
    """What a trainer asks of a model."""

    spec = SPEC
    lr = 0.5
