"""NaN and infinity come out where the reference has them, or are refused by name."""

import numpy as np
import pytest

from common import AnyNetSpec, reference
from common.errors import WeightsError
from common.reference import cross_entropy

_SHAPE = (1, 16, 16)
_SPECS = {
    "resnext": AnyNetSpec.from_arch(((2, 8, 4, 1),), 8, 5, se_ratio=0.25),
    "resnet": AnyNetSpec.from_arch(((2, 8),), 8, 5, block="resnet"),
    "vanilla": AnyNetSpec.from_arch(((2, 8),), 8, 5, block="vanilla"),
    "vr": AnyNetSpec.from_arch(((2, 8),), 8, 5, block="vr"),
    "resnet stem": AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, 5, stem="resnet"),
    "fused resnet stem": AnyNetSpec.from_arch(((1, 8),), 8, 5, stem="resnet", batch_norm=False),
    "mlp": AnyNetSpec.from_arch(((2, 8),), 8, 5, block="mlp", image_size=16),
    "no batch norm": AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, 5, batch_norm=False, se_ratio=0.5),
}
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (4, *_SHAPE), np.uint8)
_LABELS = _STREAM.integers(0, 5, 4, np.int32)
_NORMS = [
    *(("resnext", layer) for layer in ("stem.bn", "stage1.block1.bn1", "stage1.block2.bn2",
                                       "stage1.block1.bn3", "stage1.block1.bn4")),
    ("resnet", "stage1.block2.bn1"), ("vanilla", "stage1.block2.bn2"),
    ("vr", "stage1.block2.bn1"), ("resnet stem", "stem.bn"), ("mlp", "stage1.block1.bn1"),
]  # fmt: skip


def _network(backend, spec, arrays=None):
    network = backend.create(spec)
    if arrays is not None:
        backend.set_weights(network, arrays)
    return network


def _expected(spec, images, arrays=None, training=False):
    """Where the reference's logits are finite."""
    with np.errstate(all="ignore"):
        outputs = reference.layer_outputs(_network(reference, spec, arrays), images, training)
    return np.isfinite(outputs["head.fc"])


@pytest.mark.parametrize(("kind", "layer"), _NORMS)
def test_what_a_batch_norm_makes_of_a_negative_variance_reaches_the_logits(backend, kind, layer):
    spec = _SPECS[kind]
    arrays = backend.get_weights(backend.create(spec))
    arrays[f"{layer}.running_var"][0] = -1
    expected = _expected(spec, _PIXELS / 255, arrays)
    assert not expected.any()
    network = _network(backend, spec, arrays)
    logits = backend.logits(network, (_PIXELS / 255).astype(np.float32))
    predicted = backend.Learner(network, _SHAPE, device="cpu").eval_step(_PIXELS)
    for found in (logits, predicted):
        assert np.array_equal(np.isfinite(found), expected)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["resnext", "no batch norm", "resnet stem", "fused resnet stem"])
def test_one_image_that_is_not_finite_gives_such_logits(backend, kind, value, batch, training):
    spec, images = _SPECS[kind], (_PIXELS[:batch] / 255).astype(np.float32)
    images[-1, 0, 3] = value
    expected = _expected(spec, images, training=training)
    assert not expected[-1].any()
    logits = backend.logits(backend.create(spec), images, training)
    assert np.array_equal(np.isfinite(logits), expected)


@pytest.mark.parametrize(
    ("kind", "precision"),
    [
        ("resnext", "float32"),
        ("mlp", "float64"),
        pytest.param("resnext", "float64", marks=pytest.mark.full),
        pytest.param("mlp", "float32", marks=pytest.mark.full),
    ],
)
def test_a_network_that_diverged_predicts_no_numbers(backend, kind, precision):
    rate = {"float32": 1e18, "float64": 1e160}[precision]
    learner = backend.Learner(backend.create(_SPECS[kind]), _SHAPE, device="cpu",
                              precision=precision)  # fmt: skip
    assert np.isfinite(float(learner.train_step(_PIXELS, _LABELS, rate)[0]))
    assert not np.isfinite(learner.eval_step(_PIXELS)).any()


@pytest.mark.parametrize("kind", _SPECS)
def test_the_first_loss_that_is_not_finite_is_that_of_the_same_step(backend, kind):
    learner = backend.Learner(backend.create(_SPECS[kind]), _SHAPE, device="cpu")
    # Weights so large that the variance of any channel is beyond float32, in whatever order summed.
    losses = [float(learner.train_step(_PIXELS, _LABELS, 1e30)[0]) for _ in range(3)]
    assert np.isfinite(losses).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("value", "place"), [(np.nan, 0), (np.nan, 1), (np.inf, 1), (-np.inf, 0), (-np.inf, 1)]
)
def test_the_loss_of_logits_that_are_not_finite_is_the_references(backend, native, value, place):
    logits, labels = np.ones((2, 5), np.float32), np.array([0, 3])
    logits[0, place] = value
    model = backend.AnyNet.from_spec(_SPECS["mlp"])
    with np.errstate(all="ignore"):
        expected, _ = cross_entropy(logits.astype(np.float64), labels)
    loss = float(model.loss(native.array(logits), native.array(labels)))
    assert np.isfinite(loss) == np.isfinite(expected)


def test_folding_a_batch_norm_that_has_no_numbers_is_refused_by_name(backend):
    arrays = backend.get_weights(backend.create(_SPECS["resnext"]))
    arrays["stage1.block2.bn2.running_var"][0] = -1
    network = _network(backend, _SPECS["resnext"], arrays)
    with pytest.raises(WeightsError, match=r"fusing stage1.block2.bn2 into stage1.block2.conv2"):
        backend.fuse(network)
