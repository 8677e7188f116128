"""What messages repeat of the input: little of it, and nothing that means something to nobody."""

import io
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from common import AnyNetSpec
from common.arch import find_spec
from common.arrays import as_array, as_pixels
from common.cli import main
from common.data import FashionMNIST, assumed, read_labels, read_picture
from common.data.idx import read_idx
from common.errors import MAX_REPEATED, AnyNetError, DataError, shortened, shown, told
from common.files import reading
from common.spaces import find_space, space_from_dict
from common.studies.config import check_name
from common.training import TrainConfig, read_record
from common.training.recipe import Recipe
from common.weights import initial_weights, load_weights
from common.weights.foreign import export_weights, import_weights

_LONG = "xy" * 5_000
_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 4)

_CALLS = {
    "a name": lambda: find_spec(_LONG),
    "a name of control characters": lambda: find_spec("\x00" * 150),
    "a block": lambda: AnyNetSpec.from_arch(((1, 8),), 4, block=_LONG),
    "a number": lambda: AnyNetSpec.from_arch(((1, 10**5_000),), 4),
    "an unknown field": lambda: AnyNetSpec.from_dict({_LONG: 1}),
    "a value of a field": lambda: AnyNetSpec.from_dict({**_SPEC.to_dict(), "stages": _LONG}),
    "JSON": lambda: AnyNetSpec.from_json(_LONG),
    "an initialisation": lambda: initial_weights(_SPEC, init=_LONG),
    "a space": lambda: find_space(_LONG),
    "a key of a space": lambda: space_from_dict({_LONG: 1}),
    "a name of a space": lambda: space_from_dict({"name": _LONG, "base": "AnyNetXA-small"}),
    "a name of a study": lambda: check_name("study", _LONG),
    "a device": lambda: TrainConfig("torch", _SPEC, device=_LONG),
    "a schedule": lambda: Recipe(schedule=_LONG),
    "a config": lambda: TrainConfig.from_json(f'{{"{_LONG}": 1}}'),
    "a layout": lambda: export_weights("a.npz", _SPEC, {}, _LONG),
    "text for an array": lambda: as_array(_LONG),
    "objects for an array": lambda: as_array([object(), _LONG]),
    "numbers for pixels": lambda: as_pixels(np.full((1, 1, 1, 1), 10**18)),
    "an exception of a library": lambda: _fail(ValueError(_LONG)),
}  # fmt: skip


def _fail(error):
    with reading("file", "a file"):
        raise error


@pytest.mark.parametrize("call", _CALLS.values(), ids=_CALLS)
def test_a_message_repeats_little_of_the_input(call):
    with pytest.raises(AnyNetError) as caught:
        call()
    message = str(caught.value)
    assert _LONG[: MAX_REPEATED + 1] not in message
    assert max(map(len, re.findall(r"\S+", message))) <= MAX_REPEATED + 20
    assert len(message) < 1000
    assert "\n" not in message


_READERS = {
    "weights": load_weights,
    "foreign weights": import_weights,
    "a picture": lambda path: read_picture(path, assumed(1)),
    "a record": read_record,
    "class names": lambda path: read_labels(path, 2),
    "idx": read_idx,
    "a space": lambda path: find_space(f"{path}.yaml"),
    "data": lambda path: FashionMNIST(source=path),
}


@pytest.mark.parametrize("path", [_LONG, "a\0b", "", "."], ids=["long", "NUL", "empty", "folder"])
@pytest.mark.parametrize("read", _READERS.values(), ids=_READERS)
def test_no_path_is_an_error_of_the_system(read, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnyNetError):
        read(path)


_LINES = {
    "a name": ["summary", _LONG],
    "a command": [_LONG],
    "an option": ["summary", f"--{_LONG}"],
    "a value of an option": ["summary", "regnetx32", f"--image-size={_LONG}"],
    "a choice": ["train", "--backend", _LONG],
    "text in quotes": ["train", "--backend", "\u0301" * 1000],
    "a file": ["inspect", f"{_LONG}.safetensors"],
    "a target": ["init-weights", "regnetx32", f"{_LONG}.safetensors"],
    "a storage": ["study", "status", "a", "--storage", f"{_LONG}.db"],
    "a run": ["train", "--resume", _LONG],
}


@pytest.mark.parametrize("line", _LINES.values(), ids=_LINES)
def test_the_command_repeats_little_of_its_line(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, line)
    assert result.exit_code in (1, 2)
    assert not isinstance(result.exception, OSError)
    assert len(result.stderr.splitlines()[-1]) < 1000
    assert list(tmp_path.iterdir()) == []


_EMPTY = [
    ["summary", ""],
    ["plot", "regnetx32", "--out="],
    ["predict", "a", ""],
    ["train", "--out", ""],
]


@pytest.mark.parametrize("line", _EMPTY, ids=" ".join)
def test_an_empty_argument_is_no_path(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert "arguments must not be empty" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [object(), lambda: 0, io.BytesIO(), [object()], {1: object()}])
def test_no_message_has_an_address_in_memory(value):
    assert "0x" not in shortened(value) + shown(value)


def test_the_reason_of_a_library_names_types_and_not_objects():
    with open(__file__, "rb") as handle:
        assert told(OSError(f"cannot read\n{handle!r}")) == "cannot read BufferedReader"
    assert "0x" not in told(OSError(f"cannot read {object()!r} now"))
    assert told(KeyError()) == "KeyError"
    assert told(KeyError("spaces")) == "no 'spaces'"


def test_what_is_no_picture_is_named_by_its_file_alone(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("text")
    with pytest.raises(DataError) as caught:
        read_picture(path, assumed(1))
    assert str(caught.value) == f"{path}: must be an image that Pillow reads; got another file"
    Image.new("L", (4, 4)).save(path)
    assert read_picture(path, assumed(1, 4)).shape == (1, 4, 4)
