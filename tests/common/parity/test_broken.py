"""A broken network is caught in the layer that is broken; the reference poses as a backend."""

import pytest

from common import reference
from common.parity import compare, record
from tests.parity_subjects import BROKEN, PRETENDER, SMALL


@pytest.fixture(scope="module")
def truth():
    return record(reference, SMALL)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("variant", BROKEN.values(), ids=BROKEN)
def test_a_broken_variant_is_caught_in_its_layer(truth, variant, precision):
    breaking, change, quantity, layer, cause = variant
    records = {"reference": truth, "broken": record(breaking(PRETENDER, change), SMALL)}
    outside = [item for item in compare(records, [SMALL]) if not item.within]
    first = next(item for item in outside if item.key.precision == precision)
    assert (first.key.quantity, first.key.layer) == (quantity, layer)
    assert any(cause in words for words in first.causes)
