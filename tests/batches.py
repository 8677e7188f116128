"""Images in memory as a data set, for tests of training."""

from common.data import Preprocessing


class Batches:
    """Images (N, C, H, W) with labels (N,), unshuffled; the first `val` of them validate."""

    requested = "made up"
    classes = tuple("abcdefghij")

    def __init__(self, images, labels, val, batch_size=8):
        self.preprocessing = Preprocessing(images.shape[1], images.shape[2:])
        self.batch_size, self.steps_per_epoch = batch_size, len(images) // batch_size
        self.train = self.val = labels
        self._images, self._seen = images, val

    def train_batches(self, seed, epoch, start=0):
        for step in range(start, self.steps_per_epoch):
            yield self._batch(step, len(self.train))

    def val_batches(self):
        for step in range(-(-self._seen // self.batch_size)):
            yield self._batch(step, self._seen)

    def describe(self):
        return "made up"

    def _batch(self, step, end):
        part = slice(self.batch_size * step, min(self.batch_size * (step + 1), end))
        return self._images[part], self.train[part]
