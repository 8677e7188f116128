"""Mixup: shares and partners are functions of the draw alone."""

import json

import numpy as np
import pytest

from common.data import ArrayData, Augmentation, DataOptions
from common.data.mixup import draw_shares, mixed, partners
from common.errors import ConfigError

_IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8), np.uint8)
_DATA = ArrayData(
    _IMAGES, np.arange(20) % 4, 4, augmentation=Augmentation(flip=True, mixup=0.2), val_share=0.25
)


def test_a_share_depends_on_seed_epoch_and_image_alone():
    whole = draw_shares(0.2, 3, 1, np.arange(8))
    assert np.array_equal(draw_shares(0.2, 3, 1, np.array([5, 2])), whole[[5, 2]])
    assert not np.isin(draw_shares(0.2, 4, 1, np.arange(8)), whole).any()
    assert not np.isin(draw_shares(0.2, 3, 2, np.arange(8)), whole).any()


def test_the_shares_are_the_same_on_every_machine():
    found = draw_shares(0.2, 0, 0, np.arange(4))
    np.testing.assert_allclose(found, [0.7937516, 0.97399388, 0.01232354, 0.90826237], atol=1e-8)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_the_mean_and_the_variance_of_their_distribution(alpha):
    shares = draw_shares(alpha, 0, 0, np.arange(4000))
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_neighbours_are_partners_and_an_odd_one_is_left():
    assert partners(5).tolist() == [1, 0, 3, 2, 4]
    rows = np.eye(3)
    assert mixed(rows, np.array([0.75, 0.5, 0.1])).tolist() == [
        [0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 1],
    ]  # fmt: skip


def test_batches_that_are_resumed_have_the_shares_of_their_images():
    whole, rest = (list(_DATA.train_batches(0, 2, start)) for start in (0, 2))
    for (*_, shares), (*_, expected) in zip(rest, whole[2:], strict=True):
        assert np.array_equal(shares, expected)
    assert all(len(batch) == 2 for batch in _DATA.val_batches())


def test_a_batch_of_one_image_has_nothing_to_mix():
    with pytest.raises(ConfigError, match="mixup: needs batches of two images or more; got"):
        ArrayData(_IMAGES, np.arange(20) % 4, 1, augmentation=Augmentation(mixup=0.2))


@pytest.mark.parametrize("alpha", [-1, 0.01, 101, float("nan"), "0.2"])
def test_other_parameters_of_the_distribution_are_a_config_error(alpha):
    with pytest.raises(ConfigError, match="^mixup: must be "):
        Augmentation(mixup=alpha)


@pytest.mark.parametrize("mixup", [0.0, 0.2])
def test_options_come_back_and_name_mixup_only_where_there_is_any(mixup):
    options = DataOptions(augmentation=Augmentation(flip=True, mixup=mixup))
    plain = json.loads(json.dumps(options.to_dict()))
    assert ("mixup" in plain["augmentation"]) == bool(mixup)
    assert DataOptions.from_dict(plain) == options
