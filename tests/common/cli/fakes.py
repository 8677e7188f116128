"""A framework of a few lines, so that the commands are tested without one."""

import numpy as np

from common.training import Trainer as BaseTrainer
from common.weights import initial_weights, load_weights


class Network:
    """A spec and its arrays."""

    def __init__(self, spec, lr=0.1, arrays=None):
        self.spec, self.lr = spec, lr
        self.arrays = initial_weights(spec) if arrays is None else arrays

    @classmethod
    def from_spec(cls, spec, lr=0.1, seed=0, init="xavier"):
        return cls(spec, lr, initial_weights(spec, seed, init))


class Learner:
    """Counts its steps in a weight; every image is of class 1."""

    def __init__(self, model, preprocessing, *settings, **others):
        self.network = model

    def train_step(self, images, labels, learning_rate, shares=None):
        bias = self.network.arrays["head.fc.bias"]
        self.network.arrays["head.fc.bias"] = bias + 1
        return 1 / float(bias[0] + 1), int((labels == 1).sum())

    def eval_step(self, images):
        return logits(self.network, images)

    def state(self):
        return dict(self.network.arrays)

    def load_state(self, arrays):
        self.network.arrays = dict(arrays)


class Trainer(BaseTrainer):
    """The trainer of that learner."""

    backend = "torch"
    framework = "pytest"
    learner_class = Learner

    def own_loss(self, model, logits, labels):
        raise AssertionError("no network here has a loss of its own")


AnyNet = Network


def load(path):
    """The network in a weight file."""
    spec, arrays = load_weights(path)
    return Network(spec, arrays=arrays)


def create(spec, seed=0, init="xavier"):
    """A new network."""
    return Network(spec)


def set_weights(network, arrays):
    """Replace the arrays of a network."""
    network.arrays = dict(arrays)


def logits(network, images):
    """Class 1 for every image."""
    found = np.zeros((len(images), network.spec.num_classes), np.float32)
    found[:, 1] = 1
    return found
