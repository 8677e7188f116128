"""`anynet convert` as a user meets it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file

from common import AnyNetSpec
from common.cli import main
from common.data import ImageDescription, on_imagenet
from common.weights import load_description, load_weights, save_weights
from tests.foreign import SMALL_Y, random_arrays, state

_ARRAYS = random_arrays(SMALL_Y)


def _run(*arguments):
    return CliRunner().invoke(main, ["convert", *map(str, arguments)])


@pytest.fixture
def own(tmp_path):
    save_weights(tmp_path / "own.safetensors", SMALL_Y, _ARRAYS)
    return tmp_path / "own.safetensors"


@pytest.fixture
def timm(tmp_path):
    save_file(state("timm", SMALL_Y, _ARRAYS), tmp_path / "timm.safetensors")
    return tmp_path / "timm.safetensors"


def test_a_foreign_file_needs_no_flags(timm, tmp_path):
    result = _run(timm, tmp_path / "net.safetensors")
    assert result.exit_code == 0, result.output
    spec, arrays = load_weights(tmp_path / "net.safetensors")
    assert spec == SMALL_Y
    assert [name for name in arrays if not np.array_equal(arrays[name], _ARRAYS[name])] == []


def test_a_foreign_file_brings_its_librarys_preprocessing(timm, tmp_path):
    said = {"input_size": [3, 64, 64], "crop_pct": 0.8, "mean": [0.5] * 3, "std": [0.25] * 3}
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": said}))
    result = _run(timm, tmp_path / "net.safetensors")
    assert "by config.json of timm: shorter side to 80, centre crop of 64x64" in result.output
    found = load_description(tmp_path / "net.safetensors").preprocessing
    assert (found.size, found.resize_to, found.mean, found.std) == (
        (64, 64), 80, (0.5,) * 3, (0.25,) * 3,
    )  # fmt: skip


def test_what_a_file_says_of_its_images_is_kept_but_for_the_classes_of_a_new_head(tmp_path):
    images = ImageDescription(on_imagenet(64), tuple("abcdefghij"))
    save_weights(tmp_path / "own.safetensors", SMALL_Y, _ARRAYS, images)
    assert _run(tmp_path / "own.safetensors", tmp_path / "net.safetensors").exit_code == 0
    assert load_description(tmp_path / "net.safetensors") == images
    _run(tmp_path / "own.safetensors", tmp_path / "three.safetensors", "--num-classes", 3)
    found = load_description(tmp_path / "three.safetensors")
    assert found == ImageDescription(on_imagenet(64), ())


def test_the_command_says_what_it_found(timm, tmp_path):
    output = _run(timm, tmp_path / "net.safetensors").output
    assert "timm.safetensors (timm) -> " in output
    assert "depths 1, 2, 2, 1, widths 16, 24, 64, 136, squeeze-and-excitation 0.25" in output
    assert "10 classes" in output


def test_a_network_of_this_project_becomes_a_foreign_file(own, tmp_path):
    assert _run(own, tmp_path / "out.safetensors", "--to", "pycls").exit_code == 0
    assert "s4.b1.f.c_bn.running_var" in load_file(tmp_path / "out.safetensors")


def test_one_foreign_layout_becomes_another(timm, tmp_path):
    assert _run(timm, tmp_path / "out.npz", "--to", "huggingface").exit_code == 0
    with np.load(tmp_path / "out.npz") as file:
        assert "regnet.encoder.stages.0.layers.0.layer.0.convolution.weight" in file


def test_a_new_head_is_drawn_and_said(timm, tmp_path):
    result = _run(timm, tmp_path / "net.safetensors", "--num-classes", 3, "--seed", 5)
    assert "3 classes" in result.output
    assert "new head of seed 5 in place of 10 classes" in result.output
    assert load_weights(tmp_path / "net.safetensors")[1]["head.fc.weight"].shape == (3, 136)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.pth", "net.safetensors"], 1, "none.pth: must be a weight file; got no such file"),
        (["own.safetensors", "net.pth"], 1, "net.pth: must end in .safetensors or .npz"),
        (["own.safetensors", "net.h5", "--to", "timm"], 1, "net.h5: must end in one of"),
        (["own.safetensors", "net.pth", "--to", "d2l"], 1, "must have conv_bias True, not False"),
        (["own.safetensors", "net.npz", "--to", "keras"], 2, "'keras' is not one of"),
        (["own.safetensors", "net.safetensors", "--num-classes", 0], 2, "0 is not in the range"),
        (["text.safetensors", "net.safetensors"], 1, "must be a safetensors file"),
        (["own.safetensors", "net.safetensors", "--averaged"], 1, "must hold averaged weights"),
    ],
)
def test_bad_input_is_one_clear_error(own, monkeypatch, arguments, code, message):
    monkeypatch.chdir(own.parent)
    (own.parent / "text.safetensors").write_text("text")
    before = sorted(own.parent.iterdir())
    result = _run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert sorted(own.parent.iterdir()) == before


@pytest.fixture
def both(tmp_path):
    stored = state("timm", SMALL_Y, _ARRAYS)
    zeros = {f"state_dict_ema.{name}": np.zeros_like(array) for name, array in stored.items()}
    plain = {f"state_dict.{name}": array for name, array in stored.items()}
    save_file(plain | zeros, tmp_path / "both.safetensors")
    return tmp_path / "both.safetensors"


@pytest.mark.parametrize(
    ("options", "said", "largest"),
    [
        ((), "averaged weights in state_dict_ema", 0),
        (("--averaged",), "averaged weights in state_dict_ema", 0),
        (("--plain",), "plain weights in state_dict", np.abs(_ARRAYS["head.fc.weight"]).max()),
    ],
)
def test_averaged_or_plain_weights_are_chosen_and_said(both, tmp_path, options, said, largest):
    result = _run(both, tmp_path / "net.safetensors", *options)
    assert f"both.safetensors (timm, {said}) -> " in result.output
    arrays = load_weights(tmp_path / "net.safetensors")[1]
    assert np.abs(arrays["head.fc.weight"]).max() == largest


def test_a_trunk_without_a_head_needs_classes(tmp_path):
    trunk = {k: v for k, v in state("timm", SMALL_Y, _ARRAYS).items() if "head" not in k}
    save_file(trunk, tmp_path / "trunk.safetensors")
    refused = _run(tmp_path / "trunk.safetensors", tmp_path / "net.safetensors")
    assert "must hold a network with a head; got a timm trunk without head.fc" in refused.stderr
    result = _run(tmp_path / "trunk.safetensors", tmp_path / "net.safetensors", "--num-classes", 3)
    assert "new head of seed 0 in place of none" in result.output
    assert load_weights(tmp_path / "net.safetensors")[0].num_classes == 3


@pytest.mark.parametrize("folder", [True, False])
def test_a_folder_of_a_model_in_several_files_is_converted(tmp_path, folder):
    stored = state("huggingface", SMALL_Y, _ARRAYS)
    model = tmp_path / "model"
    model.mkdir()
    files = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(stored)}
    for file in set(files.values()):
        save_file({name: stored[name] for name in files if files[name] == file}, model / file)
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    result = _run(model if folder else index, tmp_path / "net.safetensors")
    assert result.exit_code == 0, result.output
    assert load_weights(tmp_path / "net.safetensors")[0] == SMALL_Y


@pytest.mark.parametrize("command", [("inspect", "--json"), ("summary", "--json")])
@pytest.mark.parametrize("ending", [".safetensors", ".bin", ""])
def test_other_commands_read_a_foreign_file(timm, command, ending):
    path = timm.rename(timm.with_suffix(ending))
    result = CliRunner().invoke(main, [command[0], str(path), *command[1:]])
    assert result.exit_code == 0, result.output
    assert AnyNetSpec.from_dict(json.loads(result.stdout)["spec"]) == SMALL_Y
    assert result.stderr == f"{path}: timm\n"


def test_a_foreign_file_is_exported_as_it_is_after_its_conversion(timm, tmp_path):
    own = tmp_path / "converted.safetensors"
    assert _run(timm, own).exit_code == 0
    files = [tmp_path / "foreign.onnx", tmp_path / "own.onnx"]
    for source, target in zip((timm, own), files, strict=True):
        arguments = ["export", str(source), "--format", "onnx", "--out", str(target)]
        assert CliRunner().invoke(main, arguments).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()
