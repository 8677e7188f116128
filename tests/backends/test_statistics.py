"""Precise batch norm in each backend, against the reference."""

from dataclasses import replace
from functools import partial

import numpy as np

from common import AnyNetSpec, reference
from common.reference.learner import Learner as ReferenceLearner
from common.training import renew_statistics

_SPEC = AnyNetSpec.from_arch(((2, 16, 4, 1),), 8)
_SHAPE = (1, 16, 16)
_STREAM = np.random.default_rng(0)
_IMAGES = _STREAM.integers(0, 256, (16, *_SHAPE), np.uint8)
_LABELS = _STREAM.integers(0, 10, 16, np.int32)


def test_precise_statistics_equal_the_references(backend):
    batches = [(_IMAGES[i : i + 4], _LABELS[i : i + 4]) for i in range(0, 16, 4)]
    last_batch = replace(_SPEC, bn_momentum=1.0)

    def renewed(module, learner_of):
        learner = learner_of(module.create(_SPEC), _SHAPE)
        before = learner.state()
        renew_statistics(learner, learner_of(module.create(last_batch, 1), _SHAPE), batches)
        return before, learner.state()

    _, exact = renewed(reference, ReferenceLearner)
    before, ours = renewed(backend, partial(backend.Learner, device="cpu"))
    for name, array in ours.items():
        if "running" in name:
            np.testing.assert_allclose(array, exact[name], rtol=1e-4, atol=1e-5, err_msg=name)
        else:
            assert np.array_equal(array, before[name]), name
