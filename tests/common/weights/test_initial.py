"""The seeded draw of initial weights."""

import hashlib
import zlib

import numpy as np
import pytest

from common import REGNETX32, AnyNetSpec, regnet
from common.errors import SpecError
from common.weights import expected_shapes, initial_weights


def test_the_draw_fits_the_plan():
    arrays = initial_weights(REGNETX32)
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(REGNETX32)


def test_the_draw_is_the_same_on_every_numpy():
    digest = hashlib.sha256(b"".join(a.tobytes() for a in initial_weights(REGNETX32).values()))
    assert digest.hexdigest() == "638b66035697205f3b858b9bcedbe8b7f474e383a3dfd8193e26e702af3c86a8"


def test_the_papers_draw_is_the_same_on_every_numpy():
    arrays = initial_weights(REGNETX32, init="he")
    digest = hashlib.sha256(b"".join(a.tobytes() for a in arrays.values()))
    assert digest.hexdigest() == "7c70e61829ba035ebd0e06340a02d162f2569602bb31cdb482d0d5f10f8fdd3b"


def test_a_large_kernel_is_one_uniform_draw_from_its_stream():
    name, limit = "head.fc.weight", np.sqrt(6 / (368 + 1000))
    stream = np.random.default_rng([7, zlib.crc32(name.encode())])
    expected = stream.uniform(-limit, limit, (1000, 368)).astype(np.float32)
    assert np.array_equal(initial_weights(regnet("regnetx_200mf"), seed=7)[name], expected)


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


def _regnety(init, seed=0):
    return initial_weights(regnet("regnety_400mf"), seed, init)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        # init_weights in pycls: sqrt(2 / (k * k * out_channels)), groups or not; 0.01 at the end.
        ("stage4.block2.conv1.weight", np.sqrt(2 / 440)),
        ("stage4.block2.conv2.weight", np.sqrt(2 / (9 * 440))),
        ("stage4.block2.se.fc1.weight", np.sqrt(2 / 110)),
        ("stage4.block2.se.fc2.weight", np.sqrt(2 / 440)),
        ("head.fc.weight", 0.01),
    ],
)
def test_the_papers_kernels_are_normal_with_their_fan_out(name, deviation):
    scaled = _regnety("he")[name].ravel() / deviation
    # Mean, deviation and kurtosis of n numbers, to five standard errors.
    error = 5 / np.sqrt(scaled.size)
    assert abs(scaled.mean()) < error
    assert abs(scaled.std() - 1) < error / np.sqrt(2)
    assert abs((scaled**4).mean() - 3) < error * np.sqrt(96)


@pytest.mark.parametrize("init", ["xavier", "he", "he_zero_gamma"])
def test_biases_start_at_zero(init):
    arrays = _regnety(init)
    assert not any(array.any() for name, array in arrays.items() if name.endswith(".bias"))


def test_zero_gammas_end_the_residuals_and_nothing_else():
    zero = {
        name for name, array in _regnety("he_zero_gamma").items()
        if array.ndim == 1 and name.endswith(".weight") and not array.any()
    }  # fmt: skip
    assert zero == {
        f"stage{number}.block{index + 1}.bn3.weight"
        for number, depth in enumerate((1, 3, 6, 6), 1)
        for index in range(depth)
    }


def test_a_resnet_block_ends_with_its_second_batch_norm():
    arrays = initial_weights(REGNETX32.with_block("resnet"), init="he_zero_gamma")
    assert not arrays["stage1.block1.bn2.weight"].any()
    assert arrays["stage1.block1.bn4.weight"].all()


def test_a_vanilla_block_has_no_residual_that_ends():
    spec = REGNETX32.with_block("vanilla")
    zero_gamma, he = (initial_weights(spec, init=init) for init in ("he_zero_gamma", "he"))
    assert [name for name in he if not np.array_equal(he[name], zero_gamma[name])] == []


def test_linear_layers_fill_the_xavier_interval():
    spec = AnyNetSpec.from_arch(((1, 64),), 128, block="mlp", image_size=28)
    limit, array = np.sqrt(6 / (784 + 128)), initial_weights(spec)["stem.fc.weight"]
    assert array.shape == (128, 784)
    assert 0.9 * limit < np.abs(array).max() <= limit


def test_zero_gammas_leave_the_rest_of_the_draw():
    he, zero_gamma = _regnety("he"), _regnety("he_zero_gamma")
    different = [name for name in he if not np.array_equal(he[name], zero_gamma[name])]
    assert len(different) == 16


def test_zeros_are_for_weights_that_are_loaded_next():
    arrays = initial_weights(REGNETX32, init="zeros")
    assert not any(array.any() for array in arrays.values() if array.ndim > 1)
    assert arrays["stem.bn.weight"].all()


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(SpecError, match="init must be one of xavier, he, .*; got 'lecun'"):
        initial_weights(REGNETX32, init="lecun")
