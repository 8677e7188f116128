"""The code of the pages runs, from top to bottom, in every framework."""

import re
from dataclasses import replace

import pytest
from PIL import Image

from common.weights.foreign import export_weights
from tests.documents import PAGES, ROOT, runnable
from tests.foreign import REGNETY_400MF, random_arrays

_START = ROOT / "docs/start.md"
_PAGES = [
    page for page in PAGES if page != _START and any(not block.neutral for block in runnable(page))
]


def _checkpoints(folder):
    """What a page takes as downloaded from elsewhere."""
    (folder / "regnet-y-004").mkdir()
    arrays = random_arrays(REGNETY_400MF)
    for name, layout in (
        ("regnet_y_400mf.pth", "torchvision"),
        ("regnet-y-004/model.safetensors", "huggingface"),
    ):
        export_weights(folder / name, REGNETY_400MF, arrays, layout)
    Image.new("RGB", (300, 200)).save(folder / "photo.png")


_OWN = ("README.md", "d2l.md", "index.md", "inference.md")
"""Pages with code that is another one for each backend; the others call the same commands."""

_IN_FULL = ("gpu.md", "mlp.md", "quickstart.md", "weights.md")
"""Pages that take longest; what they call is called by others and by tests of the commands, too."""


def _marks(page):
    if page.name in _IN_FULL:
        return [pytest.mark.full]
    if page.name == "inference.md":
        return [pytest.mark.bare("mx")]  # whose environment has ONNX Runtime
    return [] if page.name in _OWN else [pytest.mark.bare("torch")]


_CASES = [pytest.param(page, id=page.stem, marks=_marks(page)) for page in _PAGES]
_EPOCHS = re.compile(r"--epochs \d+")


def _shortened(block, native):
    """A block of a page, which trains for one epoch where `native` says so."""
    if native.TRAINS_PAGES_IN_FULL or block.page.name not in _OWN:
        return block
    return replace(block, code=_EPOCHS.sub("--epochs 1", block.code))


@pytest.mark.filterwarnings("ignore:.*Cannot decide type:UserWarning")  # MXNet's, of an export
@pytest.mark.parametrize("page", _CASES)
def test_the_code_of_a_page_runs(page, backend, name, native, tmp_path, monkeypatch):
    if reason := native.ELSEWHERE.get(page.name):
        pytest.skip(reason)
    monkeypatch.chdir(tmp_path)
    if page.name == "weights.md":
        _checkpoints(tmp_path)
    names = {"__name__": "page", "anynet": backend}
    for block in runnable(page, name):
        _shortened(block, native).run(names, tmp_path)


_READERS = list(dict.fromkeys(block.section for block in runnable(_START)))


def _promised(reader):
    """The files that a section of the page on where to start says one has at its end."""
    section = _START.read_text().partition(f"\n## {reader}\n")[2]
    paragraph = section.partition("**You have**")[2].partition("\n\n")[0]
    return re.findall(r"`([\w/.-]+\.(?:safetensors|png|html))`", paragraph)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("reader", _READERS)
def test_every_reader_has_a_result_of_their_own_in_ten_minutes(
    reader, backend, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for block in runnable(_START, name):
        if block.section == reader:
            block.run(names, tmp_path)
    promised = _promised(reader)
    assert promised
    assert [path for path in promised if not (tmp_path / path).is_file()] == []
