"""ONNX files in ONNX Runtime against the reference."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from common import REGNETX32, reference
from common.cli import main
from common.errors import WeightsError
from common.export import save_onnx
from common.weights import fuse_weights, save_weights
from tests.inference import SPECS, random_images, relative_error, trained_weights
from tests.specs import specs

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def _run(path, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"images": images})[0]


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
