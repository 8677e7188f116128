"""Networks into the files of other libraries and back."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from common.errors import WeightsError
from common.weights import new_head
from common.weights.foreign import LAYOUTS, export_weights, import_weights, read_foreign
from tests.foreign import CHAPTER, SMALL_X, SMALL_Y, SPECS, random_arrays, state

_ARRAYS = random_arrays(SMALL_Y)
_TIMM = state("timm", SMALL_Y, _ARRAYS)
_CONV = "s3.b2.conv2.conv.weight"

layouts = pytest.mark.parametrize("layout", LAYOUTS)


def _differing(found, wanted):
    assert list(found) == list(wanted)
    return [name for name in wanted if found[name].tobytes() != wanted[name].tobytes()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@layouts
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_round_trip_changes_no_bit(tmp_path, layout, suffix):
    spec, path = SPECS[layout], tmp_path / f"model{suffix}"
    arrays = random_arrays(spec)
    export_weights(path, spec, arrays, layout)
    found = read_foreign(path)
    assert (found.layout, found.spec) == (layout, spec)
    assert _differing(found.arrays, arrays) == []


@layouts
def test_exporting_what_was_imported_gives_the_same_file(tmp_path, path, layout):
    spec = SPECS[layout]
    original = state(layout, spec, random_arrays(spec))
    save_file(original, path)
    export_weights(tmp_path / "back.safetensors", *import_weights(path), layout)
    back = load_file(tmp_path / "back.safetensors")
    assert back.keys() == original.keys()
    counters = [name for name in back if name.endswith("num_batches_tracked")]
    assert {back[name].item() for name in counters} == {0}
    differing = {n for n in original if back[n].tobytes() != original[n].tobytes()}
    assert differing == set(counters)


def test_a_network_without_squeeze_and_excitation_goes_through_transformers_names(path):
    export_weights(path, SMALL_X, random_arrays(SMALL_X), "huggingface")
    assert import_weights(path)[0] == SMALL_X


def test_half_precision_becomes_float32_without_loss(path):
    halves = {k: v.astype(np.float16) if v.ndim else v for k, v in _TIMM.items()}
    save_file(halves, path)
    found = import_weights(path)[1]
    assert _differing(found, {k: v.astype(np.float16).astype(np.float32)
                              for k, v in _ARRAYS.items()}) == []  # fmt: skip


def test_arrays_of_safetensors_are_views_and_writing_to_them_changes_no_file(path):
    save_file(_TIMM, path)
    before = path.read_bytes()
    arrays = import_weights(path)[1]
    assert not any(array.flags.owndata for array in arrays.values())
    arrays["head.fc.bias"][:] = 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({_CONV: None}, f"missing {_CONV}; extra none; unfit none"),
        ({"s3.b2.gate": np.zeros(2, np.float32)}, "missing none; extra s3.b2.gate"),
        (
            {_CONV: np.zeros((64, 4, 3, 3), np.float32)},
            rf"unfit {_CONV} must have shape \(64, 8, 3, 3\), got \(64, 4, 3, 3\)",
        ),
        (
            {"s1.b1.se.fc1.weight": np.zeros((8, 16), np.float32)},
            r"s1.b1.se.fc1.weight must have shape \(8, 16, 1, 1\), got \(8, 16\)",
        ),
        (
            {"head.fc.weight": np.zeros((10, 136))},
            "head.fc.weight must be one of float32, float16, bfloat16, got float64",
        ),
        ({"stem.bn.bias": np.full(32, np.nan, np.float32)}, "must be finite; .*stem.bn.bias"),
        (
            {name: None for name in _TIMM if name.startswith("s3.b1.")},
            "missing s3.b1.conv1.conv.weight, .* more; extra none",
        ),
        (
            {name: None for name in _TIMM if name.startswith("s2.")},
            "missing s2.b1.conv1.conv.weight, .*",
        ),
        ({name: None for name in _TIMM if name.startswith("stem")}, "missing stem.conv.weight, .*"),
        (
            {name: None for name in _TIMM if name.startswith("head")},
            "must hold a network with a head; got a timm trunk without head.fc; .*--num-classes",
        ),
        ({"head.fc.weight": None}, "missing head.fc.weight; extra none"),
        ({_CONV: None, "head.fc.weight": None, "head.fc.bias": None}, f"missing {_CONV}, head.fc"),
        (
            {_CONV: None, "x": np.zeros(2, np.float32), "head.fc.bias": np.zeros(9, np.float32)},
            rf"missing {_CONV}; extra x; unfit head.fc.bias .*\(10,\), got \(9,\)",
        ),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_one_error(path, change, message):
    save_file({k: v for k, v in {**_TIMM, **change}.items() if v is not None}, path)
    with pytest.raises(WeightsError, match=f"model.safetensors: .*{message}"):
        import_weights(path)


def test_another_network_is_refused_by_its_names(path):
    save_file({"features.0.weight": np.zeros((2, 2), np.float32)}, path)
    with pytest.raises(WeightsError, match="must hold a RegNet of .*; got arrays features.0.weig"):
        import_weights(path)


def test_a_file_of_more_blocks_than_arrays_is_refused(path):
    save_file({"s1.b9999.conv1.conv.weight": np.zeros((2, 2, 1, 1), np.float32)}, path)
    with pytest.raises(WeightsError, match="must hold a timm RegNet; got depths"):
        import_weights(path)


_STRIDED = replace(SMALL_Y, stages=(replace(SMALL_Y.stages[0], stride=1), *SMALL_Y.stages[1:]))
_UNEVEN = replace(SMALL_X, stages=(SMALL_X.stages[0], replace(SMALL_X.stages[1], group_width=4)))


@pytest.mark.parametrize(
    ("layout", "spec", "message"),
    [
        ("timm", CHAPTER, "timm must have conv_bias False, not True"),
        ("d2l", replace(SMALL_Y, conv_bias=True), "no squeeze-and-excitation, not se_ratio 0.25"),
        ("huggingface", replace(CHAPTER, conv_bias=False), "bottleneck_multiplier 1 in every"),
        ("huggingface", replace(SMALL_Y, se_ratio=0.5), "se_ratio 0 or 0.25, not 0.5"),
        ("timm", _UNEVEN, "one group_width in all stages"),
        ("pycls", _STRIDED, "stride 2 in stage1.block1.conv2, not 1"),
        ("pycls", replace(SMALL_X, stem_stride=1), "stride 2 in stem.conv, not 1"),
        ("torchvision", replace(SMALL_X, bn_epsilon=1e-3), "bn_epsilon 1e-05, not 0.001"),
        ("pycls", SMALL_X.with_block("vanilla"), "resnext blocks, not vanilla"),
        ("d2l", replace(CHAPTER, batch_norm=False), "d2l must have batch norms, not convolutions"),
        ("keras", SMALL_X, "layout: must be one of torchvision, .*; got 'keras'"),
    ],
)
def test_a_network_that_the_library_cannot_build_is_not_exported(path, layout, spec, message):
    with pytest.raises(WeightsError, match=message):
        export_weights(path, spec, random_arrays(spec), layout)
    assert not path.exists()


def test_arrays_that_do_not_fit_the_spec_are_not_exported(path):
    with pytest.raises(WeightsError, match="missing head.fc.bias"):
        export_weights(path, SMALL_Y, {k: _ARRAYS[k] for k in [*_ARRAYS][:-1]
                                       if k != "head.fc.bias"}, "timm")  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_trunk_without_a_head_gets_a_new_one(path, layout):
    spec = SPECS[layout]
    arrays = random_arrays(spec)
    head = f"{LAYOUTS[layout].head}."
    trunk = {k: v for k, v in state(layout, spec, arrays).items() if not k.startswith(head)}
    save_file(trunk, path)
    found = read_foreign(path, num_classes=3, seed=5)
    assert found.spec == replace(spec, num_classes=3)
    assert found.num_classes is None
    assert _differing(found.arrays, new_head(spec, arrays, 3, 5)[1]) == []


@pytest.mark.parametrize(
    "head", [{"fc.1.weight": (4, 136), "fc.1.bias": (4,)}, {"fc.weight": (9, 9)}]
)
def test_a_head_that_is_replaced_may_be_any(path, head):
    stored = state("torchvision", SMALL_Y, _ARRAYS)
    stored = {k: v for k, v in stored.items() if not k.startswith("fc.")}
    save_file(stored | {name: np.zeros(shape, np.float32) for name, shape in head.items()}, path)
    spec, arrays = import_weights(path, num_classes=3)
    assert spec == replace(SMALL_Y, num_classes=3)
    assert _differing(arrays, new_head(SMALL_Y, _ARRAYS, 3)[1]) == []


def test_a_head_that_is_replaced_tells_its_classes(path):
    save_file(_TIMM, path)
    assert read_foreign(path, num_classes=3).num_classes == 10


@pytest.mark.parametrize("prefix", ["", "backbone.", "model.module."])
def test_a_model_of_transformers_without_its_class_is_read(path, prefix):
    stored = {
        prefix + name.removeprefix("regnet."): array
        for name, array in state("huggingface", SMALL_Y, _ARRAYS).items()
        if name.startswith("regnet.")
    }
    save_file(stored, path)
    spec, arrays = import_weights(path, num_classes=10)
    assert spec == SMALL_Y
    assert _differing(arrays, new_head(SMALL_Y, _ARRAYS, 10)[1]) == []


def test_a_stem_of_pycls_has_its_colours_the_other_way_round(path):
    export_weights(path, SMALL_Y, _ARRAYS, "pycls")
    stored, stem = load_file(path), _ARRAYS["stem.conv.weight"]
    np.testing.assert_array_equal(stored["stem.conv.weight"], stem[:, [2, 1, 0]])
    np.testing.assert_array_equal(stored["s1.b1.f.b.weight"], _ARRAYS["stage1.block1.conv2.weight"])


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_stem_of_pycls_that_sees_no_colours_is_not_turned_round(path, channels):
    spec = replace(SMALL_Y, in_channels=channels)
    arrays = random_arrays(spec)
    save_file(state("pycls", spec, arrays), path)
    assert _differing(import_weights(path)[1], arrays) == []
