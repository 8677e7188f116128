"""Checkpoints of other libraries in every backend.

The proof is a star, since only PyTorch's environment has transformers. There, `test_foreign_torch`
puts the very state dicts of this file into `RegNetForImageClassification` and finds its logits
equal to those of the NumPy reference in float64. Here, each backend imports them and is compared
with that reference. So each backend gives transformers' logits.
"""

import numpy as np
import pytest
from safetensors.numpy import save_file

from common import reference
from common.weights.foreign import import_weights
from tests.foreign import HUGGINGFACE, TOLERANCE, images, random_arrays, state


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(
            spec, id=name, marks=pytest.mark.bare("torch", "mx", "tf") if "/" in name else ()
        )
        for name, spec in HUGGINGFACE.items()
    ],
)
def test_a_transformers_checkpoint_gives_the_logits_of_the_reference(backend, tmp_path, spec):
    path, arrays = tmp_path / "model.safetensors", random_arrays(spec)
    save_file(state("huggingface", spec, arrays), path)
    found, imported = import_weights(path)
    network = backend.create(found)
    backend.set_weights(network, imported)
    truth = reference.create(spec)
    reference.set_weights(truth, arrays)
    wanted = reference.layer_outputs(truth, images())["head.fc"]
    error = np.abs(backend.logits(network, images()) - wanted).max()
    assert error < TOLERANCE * np.abs(wanted).max()
