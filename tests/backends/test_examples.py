"""The examples run in every framework, here on few images."""

import sys
from dataclasses import replace

import pytest
from PIL import Image

from common.backends import FRAMEWORKS
from common.data import ImageSet, fashion_mnist
from common.training import read_record
from common.weights import load_description, load_spec
from common.weights.foreign import export_weights
from tests.documents import ROOT
from tests.foreign import SMALL_Y, random_arrays

pytestmark = pytest.mark.bare("torch")


@pytest.fixture
def run(name, backend, tmp_path, monkeypatch):
    """A function that runs an example in an empty folder."""
    read = fashion_mnist._read

    def few(folder, part):
        images = read(folder, part)
        return ImageSet(images.images[:256], images.labels[:256])

    monkeypatch.setattr(fashion_mnist, "_read", few)
    monkeypatch.chdir(tmp_path)

    def run(example, *arguments):
        path = ROOT / "docs/examples" / example
        code = path.read_text().replace("anynet_torch", FRAMEWORKS[name].package)
        monkeypatch.setattr(sys, "argv", [example, *arguments])
        exec(compile(code, str(path), "exec"), {"__name__": "__main__"})

    return run


def test_an_imported_network_is_fine_tuned(run, tmp_path):
    export_weights(tmp_path / "timm.safetensors", SMALL_Y, random_arrays(SMALL_Y), "timm")
    for label in ("blue", "red"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(20):
            picture = Image.new("RGB", (60 + number, 50), label)
            picture.save(tmp_path / "photos" / label / f"{number}.png")
    run("finetune.py", "timm.safetensors", "photos")
    model = "runs/finetuned/model.safetensors"
    assert load_spec(model) == replace(SMALL_Y, num_classes=2)
    assert load_description(model).classes == ("blue", "red")


def test_a_half_trained_run_is_handed_on(run):
    run("relay.py")
    assert "end" not in [row["kind"] for row in read_record("runs/relay/record.jsonl")]
    run("relay.py")
    rows = read_record("runs/relay/record.jsonl")
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2]
    assert rows[-1]["kind"] == "end"
