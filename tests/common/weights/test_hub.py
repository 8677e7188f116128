"""Pretrained weights by name, and those of torchvision from a server on this machine."""

import hashlib

import pytest

from common.errors import WeightsError
from common.weights import hub
from tests.file_server import file_server

_CONTENT = b"weights" * 1000
_DIGEST = hashlib.sha256(_CONTENT).hexdigest()[:8]


@pytest.fixture
def torchvision(tmp_path, monkeypatch):
    """Torchvision's server, with one model of known digest, and an empty cache."""
    with file_server() as server:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        monkeypatch.setenv("ANYNET_TORCHVISION_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setitem(hub._DIGESTS, "regnet_y_400mf", {"v1": _DIGEST})
        server.files[f"/regnet_y_400mf-{_DIGEST}.pth"] = _CONTENT
        yield server


def test_torchvisions_file_is_fetched_once(torchvision, tmp_path):
    for _ in range(2):
        found = hub.fetch_weights("torchvision:regnet_y_400mf")
        assert found.path == tmp_path / "hub" / "checkpoints" / f"regnet_y_400mf-{_DIGEST}.pth"
        assert found.path.read_bytes() == _CONTENT
    assert len(torchvision.asked) == 1


def test_a_file_of_another_digest_is_refused_and_not_kept(torchvision, tmp_path):
    torchvision.files[f"/regnet_y_400mf-{_DIGEST}.pth"] = b"other"
    with pytest.raises(WeightsError, match=f"a SHA-256 that begins with {_DIGEST}; got a file"):
        hub.fetch_weights("torchvision:regnet_y_400mf.v1")
    assert not list(tmp_path.rglob("*.pth"))


def test_a_file_that_is_not_there_is_one_clear_error(torchvision):
    torchvision.files.clear()
    with pytest.raises(WeightsError, match="must be there and have a SHA-256"):
        hub.fetch_weights("torchvision:regnet_y_400mf")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("regnet_y_400mf", "must begin with timm:, hf:, torchvision:"),
        ("torchvision:vgg16", "must be a RegNet or ResNet of torchvision, regnet_x_400mf, .*; got"),
        ("torchvision:resnet50.v3", "must be of v1, v2; got 'v3'"),
        ("torchvision:regnet_x_8gf.swag", "must be of v1, v2; got 'swag'"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(WeightsError, match=message):
        hub.fetch_weights(name)


def test_timms_tags_are_those_that_it_takes():
    assert hub._tagged("regnety_004") == "regnety_004.tv2_in1k"
    assert hub._tagged("regnety_040") == "regnety_040.ra3_in1k"
    assert hub._tagged("resnet50") == "resnet50.a1_in1k"
    assert hub._tagged("resnext101_32x8d") == "resnext101_32x8d.tv_in1k"
    assert hub._tagged("regnetx_002") == "regnetx_002.pycls_in1k"
    assert hub._tagged("regnety_004.pycls_in1k") == "regnety_004.pycls_in1k"
