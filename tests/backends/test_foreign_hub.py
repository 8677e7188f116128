"""Pretrained weights by name, served on this machine and from caches, as far as a trained run."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import save

from common.cli import main
from common.errors import WeightsError
from common.weights import hub, load_description, load_spec
from common.weights.foreign import export_weights
from tests.file_server import file_server
from tests.foreign import SMALL_Y, random_arrays, state

pytest.importorskip("huggingface_hub")

_CONTENT = b"weights" * 1000


@pytest.fixture
def huggingface(tmp_path, monkeypatch):
    """Hugging Face's hub on this machine, with an empty cache."""
    from huggingface_hub import constants, file_download

    with file_server() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        for module in (constants, file_download):
            for name, value in (("ENDPOINT", url), ("HF_HUB_CACHE", str(tmp_path))):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, value)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        base = "/timm/regnety_004.tv2_in1k/resolve/main"
        server.files[f"{base}/model.safetensors"] = _CONTENT
        server.files[f"{base}/config.json"] = json.dumps({"architecture": "regnety_004"}).encode()
        yield server


def test_a_model_of_timm_comes_with_its_config(huggingface, tmp_path):
    found = hub.fetch_weights("timm:regnety_004")
    assert found.path.read_bytes() == _CONTENT
    assert [path.name for path in found.configs] == ["config.json"]
    assert tmp_path in found.path.parents


def test_a_model_in_the_cache_needs_no_server(huggingface, monkeypatch):
    hub.fetch_weights("timm:regnety_004")
    huggingface.files.clear()
    huggingface.shutdown()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.fetch_weights("timm:regnety_004").path.read_bytes() == _CONTENT


def test_a_repository_without_weights_is_refused(huggingface):
    huggingface.files["/me/mine/resolve/main/config.json"] = b"{}"
    with pytest.raises(WeightsError, match=r"must hold model.safetensors or pytorch_model.bin"):
        hub.fetch_weights("hf:me/mine")


_ARRAYS = random_arrays(SMALL_Y)
_PREPARED = {"input_size": [3, 32, 32], "crop_pct": 1, "mean": [0.5] * 3, "std": [0.25] * 3}
_SAID_MEAN, _TORCHVISION_MEAN = (0.5,) * 3, (0.485, 0.456, 0.406)


def _serve(server, repository, arrays, **configs):
    base = f"/{repository}/resolve/main"
    server.files[f"{base}/model.safetensors"] = save(arrays)
    for name, values in configs.items():
        server.files[f"{base}/{name}.json"] = json.dumps(values).encode()


@pytest.fixture
def named(request, huggingface, tmp_path, monkeypatch):
    """A name of weights, which its library's server or cache has."""
    if request.param.startswith("torchvision:"):
        home = tmp_path / "torch"
        monkeypatch.setenv("TORCH_HOME", str(home))
        file = home / "hub" / "checkpoints" / "regnet_y_400mf-c65dace8.pth"
        file.parent.mkdir(parents=True)
        export_weights(file, SMALL_Y, _ARRAYS, "torchvision")
    elif request.param.startswith("timm:"):
        _serve(huggingface, "timm/regnety_004.tv2_in1k", state("timm", SMALL_Y, _ARRAYS),
               config={"architecture": "regnety_004", "pretrained_cfg": _PREPARED})  # fmt: skip
    else:
        seen = {
            "size": {"height": 32, "width": 32}, "do_resize": True, "do_normalize": True,
            "image_mean": [0.5] * 3, "image_std": [0.25] * 3,
        }  # fmt: skip
        _serve(huggingface, "me/mine", state("huggingface", SMALL_Y, _ARRAYS),
               config={"model_type": "regnet"}, preprocessor_config=seen)  # fmt: skip
    return request.param


@pytest.mark.parametrize(
    ("named", "mean"),
    [
        ("timm:regnety_004", _SAID_MEAN),
        ("hf:me/mine", _SAID_MEAN),
        ("torchvision:regnet_y_400mf.v1", _TORCHVISION_MEAN),
    ],
    indirect=["named"],
)
def test_a_run_starts_from_weights_by_name(name, named, mean, huggingface, tmp_path):
    stream = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            pixels = stream.integers(0, 256, (40, 36, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.jpg")
    out = tmp_path / "run"
    command = (
        "train", "--backend", name, "--data", tmp_path / "photos", "--weights", named,
        "--recipe", "finetune", "--image-size", 32, "--epochs", 2, "--stop-after", 1,
        "--batch-size", 4, "--device", "cpu", "--out", out,
    )  # fmt: skip
    done = CliRunner().invoke(main, [str(word) for word in command])
    assert done.exit_code == 0, done.output
    huggingface.files.clear()  # a resumed run asks nobody
    asked = len(huggingface.asked)
    done = CliRunner().invoke(main, ["train", "--resume", str(out)])
    assert done.exit_code == 0, done.output
    assert len(huggingface.asked) == asked
    assert load_spec(out / "model.safetensors").num_classes == 2
    found = load_description(out / "model.safetensors")
    assert (found.classes, found.preprocessing.mean) == (("cat", "dog"), mean)
    assert json.loads((out / "config.json").read_text())["weights"] == named
