"""Pretrained weights from Hugging Face's hub, served on this machine, and from its cache."""

import json

import pytest

from common.errors import WeightsError
from common.weights import hub
from tests.file_server import file_server

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
