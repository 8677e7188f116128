"""ONNX files in ONNX Runtime against the reference."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from common import REGNETX32, reference
from common.arch import AnyNetSpec
from common.cli import main
from common.data import ImageDescription, Preprocessing, assumed, network_input
from common.errors import ConfigError, WeightsError
from common.export import save_onnx
from common.export.onnx import DESCRIPTION
from common.weights import fuse_weights, save_weights
from tests.inference import SPECS, random_images, relative_error, trained_weights
from tests.specs import specs

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def _run(path, images, name="images"):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {name: images})[0]


def _logits(spec, arrays, images):
    network = reference.Network(spec, {})
    reference.set_weights(network, arrays)
    return reference.layer_outputs(network, images)["head.fc"]


@pytest.mark.parametrize("fused", [False, True], ids=["batch norms", "fused"])
@pytest.mark.parametrize("spec", [*SPECS.values(), REGNETX32], ids=[*SPECS, "regnetx32"])
def test_onnx_runtime_gives_the_logits_of_the_reference(tmp_path, spec, fused):
    arrays, images = trained_weights(spec), random_images(spec, 33)
    expected = _logits(spec, arrays, images)
    if fused:
        spec, arrays = fuse_weights(spec, arrays)
    save_onnx(tmp_path / "net.onnx", spec, arrays)
    found = _run(tmp_path / "net.onnx", images)
    assert found.shape == expected.shape
    assert relative_error(found, expected) < 1e-4


@settings(max_examples=20, deadline=None)
@given(specs())
def test_random_networks_give_the_logits_of_the_reference(tmp_path_factory, spec):
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    arrays, images = trained_weights(spec), random_images(spec, 9)
    save_onnx(path, spec, arrays)
    assert relative_error(_run(path, images), _logits(spec, arrays, images)) < 1e-4


@pytest.mark.parametrize(("batch", "size"), [(1, 16), (5, 16), (2, 31)])
def test_one_file_takes_any_batch_and_size(tmp_path, batch, size):
    spec = SPECS["squeezed"]
    arrays, images = trained_weights(spec), random_images(spec, size, batch)
    save_onnx(tmp_path / "net.onnx", spec, arrays)
    expected = _logits(spec, arrays, images)
    assert relative_error(_run(tmp_path / "net.onnx", images), expected) < 1e-4


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_checker_of_onnx_finds_no_fault(tmp_path, spec):
    save_onnx(tmp_path / "net.onnx", spec, trained_weights(spec))
    onnx.checker.check_model(tmp_path / "net.onnx", full_check=True)


def test_equal_networks_give_equal_files(tmp_path):
    for name in ("a.onnx", "b.onnx"):
        save_onnx(tmp_path / name, REGNETX32, trained_weights(REGNETX32))
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_arrays_of_another_network_are_refused(tmp_path):
    other = replace(REGNETX32, num_classes=3)
    with pytest.raises(WeightsError, match="net.onnx: .*head.fc.weight must have shape"):
        save_onnx(tmp_path / "net.onnx", other, trained_weights(REGNETX32))
    assert list(tmp_path.iterdir()) == []


def test_logits_are_float32(tmp_path):
    spec = SPECS["resnet"]
    save_onnx(tmp_path / "net.onnx", spec, trained_weights(spec))
    assert _run(tmp_path / "net.onnx", random_images(spec, 8)).dtype == np.float32


@pytest.mark.parametrize("options", [[], ["--fuse"]], ids=["batch norms", "fused"])
def test_the_command_writes_the_network_of_a_checkpoint(tmp_path, options):
    spec = SPECS["squeezed"]
    arrays, images = trained_weights(spec), random_images(spec, 16)
    save_weights(tmp_path / "net.safetensors", spec, arrays)
    out = str(tmp_path / "net.onnx")
    arguments = ["export", str(tmp_path / "net.safetensors"), "--format", "onnx", "--out", out]
    result = CliRunner().invoke(main, arguments + options)
    assert (result.exit_code, result.stdout) == (0, f"written to {out}\n")
    assert relative_error(_run(out, images), _logits(spec, arrays, images)) < 1e-4
    kinds = {node.op_type for node in onnx.load(out).graph.node}
    assert ("BatchNormalization" in kinds) == (options == [])


_SEEN = Preprocessing(
    3, (24, 20), antialias=True, scale=1 / 128, mean=(0.9, 1.0, 1.1), std=(0.5, 0.4, 0.3)
)
_COLOUR = AnyNetSpec.from_arch([(1, 16, 8, 1, 2)], 8, num_classes=4, in_channels=3)
_DESCRIPTION = ImageDescription(_SEEN, ("ant", "bée", "cat", "dog"))
_PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 24, 20), np.uint8)


def _metadata(path):
    return {item.key: item.value for item in onnx.load(path).metadata_props}


def _of_pixels(spec, arrays, seen, pixels):
    """The reference's logits of pixels, prepared by the definition."""
    alone = Preprocessing(seen.channels, seen.size, scale=seen.scale, mean=seen.mean, std=seen.std)
    images = [network_input(image.transpose(1, 2, 0), alone) for image in pixels]
    return _logits(spec, arrays, np.stack(images))


def test_the_file_says_how_images_are_prepared_and_classes_called(tmp_path):
    save_onnx(tmp_path / "net.onnx", _COLOUR, trained_weights(_COLOUR), _DESCRIPTION)
    found = json.loads(_metadata(tmp_path / "net.onnx")[DESCRIPTION])
    assert ImageDescription.from_dict(found) == _DESCRIPTION


def test_a_description_alone_changes_no_node(tmp_path):
    arrays = trained_weights(_COLOUR)
    save_onnx(tmp_path / "a.onnx", _COLOUR, arrays)
    save_onnx(tmp_path / "b.onnx", _COLOUR, arrays, _DESCRIPTION)
    assert set(_metadata(tmp_path / "a.onnx")) == {"anynet.format"}
    assert onnx.load(tmp_path / "a.onnx").graph == onnx.load(tmp_path / "b.onnx").graph


@pytest.mark.parametrize("fused", [False, True], ids=["batch norms", "fused"])
def test_raw_pixels_give_the_logits_of_the_reference(tmp_path, fused):
    spec, arrays = _COLOUR, trained_weights(_COLOUR)
    expected = _of_pixels(spec, arrays, _SEEN, _PIXELS)
    if fused:
        spec, arrays = fuse_weights(spec, arrays)
    save_onnx(tmp_path / "net.onnx", spec, arrays, _DESCRIPTION, with_preprocessing=True)
    onnx.checker.check_model(tmp_path / "net.onnx", full_check=True)
    found = _run(tmp_path / "net.onnx", _PIXELS, "pixels")
    assert relative_error(found, expected) < 1e-5


def test_grey_pixels_give_the_logits_of_the_reference(tmp_path):
    spec = AnyNetSpec.from_arch([(1, 16, 8, 1, 2)], 8)
    arrays, seen = trained_weights(spec), Preprocessing(1, (16, 16), mean=(0.3,), std=(0.2,))
    images = ImageDescription(seen, ())
    save_onnx(tmp_path / "net.onnx", spec, arrays, images, with_preprocessing=True)
    pixels = _PIXELS[:, :1, :16, :16]
    found = _run(tmp_path / "net.onnx", pixels, "pixels")
    assert relative_error(found, _of_pixels(spec, arrays, seen, pixels)) < 1e-5


def test_pixels_of_another_size_are_refused_by_the_file(tmp_path):
    arrays = trained_weights(_COLOUR)
    save_onnx(tmp_path / "net.onnx", _COLOUR, arrays, _DESCRIPTION, with_preprocessing=True)
    with pytest.raises(Exception, match="Got: 19 Expected: 20"):
        _run(tmp_path / "net.onnx", _PIXELS[..., :19], "pixels")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, "with_preprocessing: must be given with images"),
        (ImageDescription(Preprocessing(1, (24, 20)), ()), "must have the 3 channels .* got 1"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path, images, message):
    arrays = trained_weights(_COLOUR)
    with pytest.raises(ConfigError, match=message):
        save_onnx(tmp_path / "net.onnx", _COLOUR, arrays, images, with_preprocessing=True)
    assert list(tmp_path.iterdir()) == []


def _export(path, *options):
    out = str(path.with_suffix(".onnx"))
    arguments = ["export", str(path), "--format", "onnx", "--out", out, *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return out, result.stderr


def test_the_command_writes_the_description_of_a_checkpoint(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, _COLOUR, trained_weights(_COLOUR), _DESCRIPTION)
    out, _ = _export(path)
    assert json.loads(_metadata(out)[DESCRIPTION]) == _DESCRIPTION.to_dict()


@pytest.mark.parametrize("options", [[], ["--fuse"]], ids=["batch norms", "fused"])
def test_the_command_writes_a_network_of_raw_pixels(tmp_path, options):
    path, arrays = tmp_path / "net.safetensors", trained_weights(_COLOUR)
    save_weights(path, _COLOUR, arrays, _DESCRIPTION)
    out, said = _export(path, "--with-preprocessing", *options)
    assert said == "for pixels of 24x20, as the file says\n"
    expected = _of_pixels(_COLOUR, arrays, _SEEN, _PIXELS)
    assert relative_error(_run(out, _PIXELS, "pixels"), expected) < 1e-5


def test_the_command_says_what_it_assumes_of_a_file_without_a_description(tmp_path):
    path, arrays = tmp_path / "net.safetensors", trained_weights(_COLOUR)
    save_weights(path, _COLOUR, arrays)
    out, said = _export(path, "--with-preprocessing", "--image-size", "16")
    assert "does not say how images are prepared" in said
    pixels = np.ascontiguousarray(_PIXELS[..., :16, :16])
    expected = _of_pixels(_COLOUR, arrays, assumed(3, 16), pixels)
    assert relative_error(_run(out, pixels, "pixels"), expected) < 1e-5


def test_preprocessing_is_part_of_onnx_files_alone(tmp_path):
    arguments = ["export", "x", "--format", "native", "--with-preprocessing", "--out", "y"]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "must be given with --format onnx" in result.output) == (1, True)
