"""The seeded draw of initial weights."""

import hashlib

import numpy as np
import pytest

from common import REGNETX32, AnyNetSpec
from common.weights import expected_shapes, initial_weights


def test_the_draw_fits_the_plan():
    arrays = initial_weights(REGNETX32)
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(REGNETX32)


def test_the_draw_is_the_same_on_every_numpy():
    digest = hashlib.sha256(b"".join(a.tobytes() for a in initial_weights(REGNETX32).values()))
    assert digest.hexdigest() == "638b66035697205f3b858b9bcedbe8b7f474e383a3dfd8193e26e702af3c86a8"


def test_another_seed_gives_other_kernels():
    first, second = initial_weights(REGNETX32, 0), initial_weights(REGNETX32, 1)
    assert not np.array_equal(first["stem.conv.weight"], second["stem.conv.weight"])


def test_a_shared_layer_shares_its_weights():
    deeper = AnyNetSpec.from_arch(((4, 32, 16, 1), (7, 80, 16, 1)), 32)
    first, second = initial_weights(REGNETX32), initial_weights(deeper)
    name = "stage2.block6.conv2.weight"
    assert np.array_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("name", "fans"),
    [("stem.conv.weight", 9 + 32 * 9), ("stage1.block1.conv2.weight", 16 * 9 + 32 * 9),
     ("head.fc.weight", 80 + 10)],
)  # fmt: skip
def test_kernels_fill_the_xavier_interval(name, fans):
    limit, array = np.sqrt(6 / fans), initial_weights(REGNETX32)[name]
    assert 0.9 * limit < np.abs(array).max() <= limit


def test_biases_are_zero_and_batch_norms_are_the_identity():
    arrays = initial_weights(REGNETX32)
    assert not arrays["stem.conv.bias"].any()
    assert (arrays["stem.bn.weight"] == 1).all()
    assert (arrays["stem.bn.running_var"] == 1).all()
    assert not arrays["stem.bn.running_mean"].any()
