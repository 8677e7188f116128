"""Each backend agrees with the reference, and broken variants of it are caught."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from common import AnyNetSpec, reference
from common.parity import Case, compare, record
from common.parity.measure import TRUTH, second_derivatives
from common.parity.quantities import EVAL_OUTPUTS, FLOAT32_OUTPUTS
from common.parity.tolerances import scale
from tests.parity_subjects import BROKEN, LAYERS, SMALL, loading
from tests.specs import specs

_EVERY_CHANGE = ("transposed kernel", "unbiased variance")
"""One with broken weights and one with a broken step. `tests/common/parity` has all variants of the
reference; the full session has them of every backend."""


@pytest.fixture(scope="module")
def truth():
    return record(reference, SMALL)


def _outside(subject, case, truth):
    findings = compare({"reference": truth, "backend": record(subject, case)}, [case])
    return [item for item in findings if not item.within]


@pytest.mark.bare("torch")  # the parity session has such cases for all
def test_the_backend_is_the_reference(backend, truth):
    assert [str(item) for item in _outside(backend, SMALL, truth)] == []


def test_second_derivatives_are_the_references_where_there_are_any(backend):
    case = replace(SMALL, curved=True)
    expected = dict(second_derivatives(TRUTH, case))
    found = dict(second_derivatives(backend, case))
    assert found.keys() == (expected.keys() if backend.SUPPORTS_SECOND_DERIVATIVES else set())
    weights = [key for key in found if key.array.endswith("weight")]
    assert [
        key
        for key in weights
        if np.abs(found[key] - expected[key]).max() > 1e-10 * np.abs(expected[key]).max()
    ] == []


def test_outputs_of_convolutions_and_batch_norms_are_observed(backend):
    found = backend.layer_outputs(backend.create(SMALL.spec), SMALL.inputs().astype(np.float32))
    wanted = {n for n, layer in LAYERS.items() if layer.op in ("conv", "batch_norm", "linear")}
    assert wanted <= found.keys()
    assert {n: found[n].shape[1:] for n in wanted} == {n: LAYERS[n].out_shape for n in wanted}


def test_observing_leaves_the_network_as_it_was(backend):
    network = backend.create(SMALL.spec)
    before, images = backend.get_weights(network), SMALL.inputs().astype(np.float32)
    logits = backend.logits(network, images)
    backend.layer_outputs(network, images, training=True)
    after = backend.get_weights(network)
    assert [name for name in before if not np.array_equal(before[name], after[name])] == []
    assert np.array_equal(backend.logits(network, images), logits)


_OTHERS = {
    "squeezed, two bottlenecks": AnyNetSpec.from_arch(
        ((1, 24, 12, 2, 1), (1, 12, 2, 0.5, 2)), 5, 10, 2, stem_stride=1,
        conv_bias=False, se_ratio=0.25, bn_epsilon=1e-3, bn_momentum=0.5,
    ),
    "no batch norm": AnyNetSpec.from_arch(((1, 8),), 8, 5, block="resnet", batch_norm=False),
}  # fmt: skip


@pytest.mark.parametrize("spec", _OTHERS.values(), ids=_OTHERS)
def test_networks_of_other_kinds_are_the_reference(backend, spec):
    case = Case("other", spec, 8, 4, 2)
    assert [str(item) for item in _outside(backend, case, record(reference, case))] == []


@pytest.mark.full
@settings(
    max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(spec=specs().filter(lambda spec: spec.num_classes > 1))  # one class has no gradient
def test_random_networks_are_the_reference(backend, spec):
    case = Case("random", spec, spec.image_size or 16, 4, 2)
    truth = record(reference, case)
    assume(_logits_are_well_conditioned(truth))
    assert [str(item) for item in _outside(backend, case, truth)] == []


def _logits_are_well_conditioned(truth):
    """Whether rounding alone moves the logits by less than their tolerance in float32.

    It can move them further in training mode, where a batch norm has four values to normalise.
    """
    return all(
        change <= FLOAT32_OUTPUTS * scale(key, truth)
        for key, change in truth.items()
        if key.is_change and key.array == "head.fc" and key.quantity.kind == "outputs"
    )


@pytest.mark.bare("torch")
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, id=name, marks=() if name in _EVERY_CHANGE else pytest.mark.full)
        for name, variant in BROKEN.items()
    ],
)
def test_a_broken_variant_is_caught_in_its_layer(backend, truth, variant):
    breaking, change, quantity, layer, cause = variant
    for precision in ("float32", "float64"):
        outside = _outside(breaking(backend, change), SMALL, truth)
        first = next(item for item in outside if item.key.precision == precision)
        assert (first.key.quantity, first.key.layer) == (quantity, layer)
        assert any(cause in words for words in first.causes)


@pytest.mark.bare("torch")
def test_pixels_in_another_order_are_caught_in_the_first_layer(backend):
    spec = AnyNetSpec.from_arch(((1, 8),), 8, in_channels=3, block="mlp", image_size=4)

    def by_position(arrays):
        columns = arrays["stem.fc.weight"].reshape(8, 3, 16).swapaxes(1, 2).reshape(8, 48)
        return arrays | {"stem.fc.weight": np.ascontiguousarray(columns)}

    case = Case("flattened", spec, 4, 8, 2)
    first = _outside(loading(backend, by_position), case, record(reference, case))[0]
    assert (first.key.quantity, first.key.layer) == (EVAL_OUTPUTS, "stem.fc")
    assert "the order of flattening" in first.causes


@pytest.mark.bare("torch")
def test_uneven_padding_is_caught_in_its_layer(backend, native, monkeypatch):
    # A spec that no other test uses, because compiled steps are cached by spec.
    case = replace(SMALL, spec=replace(SMALL.spec, num_classes=6))
    native.pad_like_same(monkeypatch)
    first = _outside(backend, case, record(reference, case))[0]
    assert (first.key.quantity, first.key.layer) == (EVAL_OUTPUTS, "stem.conv")
    assert first.causes[0].startswith("padding")
