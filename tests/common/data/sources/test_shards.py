"""Shards: written whole or not at all, read back as they were, checked when they are read."""

import json
import shutil

import numpy as np
import pytest

from common.data import open_data
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images, open_shards
from common.data.transform import resize_short_side
from common.errors import ConfigError, DataError
from common.processes import TimeoutExpired, start_python
from tests.common.data.sources.conftest import write_images


@pytest.fixture
def shards(folder, tmp_path):
    prepare_shards(find_images(folder), tmp_path / "shards", 8, images_per_shard=2)
    return tmp_path / "shards"


def test_shards_hold_the_images_resized(folder, shards):
    for read, source in zip(open_shards(shards), find_images(folder), strict=True):
        assert read.classes == source.classes
        assert np.array_equal(read.labels, source.labels)
        assert [read.name(i) for i in range(len(read))] == list(map(str, source.paths))
        for index in range(len(source)):
            expected = resize_short_side(source.read(index), 8)
            assert np.array_equal(read.read(index), expected)


def test_smaller_images_are_kept(folder, tmp_path):
    prepare_shards(find_images(folder), tmp_path / "shards", 256)
    assert open_shards(tmp_path / "shards").train.read(0).shape == (12, 10, 3)


def _shard(shards):
    return shards / "train-00000.safetensors"


def test_a_finished_folder_is_left_as_it_is(folder, shards):
    before = _shard(shards).stat().st_mtime_ns
    assert prepare_shards(find_images(folder), shards, 8, images_per_shard=2).images == 9
    assert _shard(shards).stat().st_mtime_ns == before


def test_a_stopped_call_goes_on_where_it_was(folder, tmp_path):
    out = tmp_path / "shards"

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_shards(find_images(folder), out, 8, tell=stop, images_per_shard=2)
    with pytest.raises(DataError, match=r"without index\.json; run anynet data prepare again"):
        open_shards(out)
    first = _shard(out).stat().st_mtime_ns
    prepare_shards(find_images(folder), out, 8, images_per_shard=2)
    assert _shard(out).stat().st_mtime_ns == first
    assert len(open_shards(out).train) == 7


def test_other_images_are_not_mixed_in(folder, tmp_path):
    out = tmp_path / "shards"
    prepare_shards(find_images(folder), out, 8)
    with pytest.raises(ConfigError, match="the same images and settings"):
        prepare_shards(find_images(folder), out, 9)


def test_a_folder_of_something_else_is_left_alone(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(ConfigError, match="must be new or empty"):
        prepare_shards(find_images(folder), tmp_path / "mine")


def test_all_broken_images_are_named(folder, tmp_path):
    for name in ("cat/1.png", "dog/2.png"):
        (folder / name).write_bytes(b"broken")
    out, split = tmp_path / "shards", find_images(folder)
    with pytest.raises(DataError, match=r"2 that are not(.|\n)*cat/1\.png(.|\n)*dog/2\.png"):
        prepare_shards(split, out, 8)
    prepared = prepare_shards(split, out, 8, skip_broken=True)
    assert prepared.images == 7
    assert len(prepared.broken) == 2
    train, val = open_shards(out)
    assert len(train) + len(val) == 7


def test_a_mended_image_is_read_again(folder, tmp_path):
    whole = (folder / "cat" / "1.png").read_bytes()
    (folder / "cat" / "1.png").write_bytes(b"broken")
    with pytest.raises(DataError, match="1 that are not"):
        prepare_shards(find_images(folder), tmp_path / "shards", 8)
    (folder / "cat" / "1.png").write_bytes(whole)
    assert prepare_shards(find_images(folder), tmp_path / "shards", 8).images == 9


@pytest.mark.parametrize("name", ["pixels", "shapes", "labels", "digests"])
def test_a_flipped_bit_is_found(name, shards):
    path = _shard(shards)
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    start, _ = json.loads(content[8 : 8 + length])[name]["data_offsets"]
    content[8 + length + start] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="must (hold the pixels and labels that were|be a shard)"):
        open_shards(shards).train.read(0)


@pytest.mark.parametrize(("old", "new"), [('"cat"', '"cow"'), ('"size": 8', '"size": 9')])
def test_an_edited_index_is_found(old, new, shards):
    index = shards / "index.json"
    index.write_text(index.read_text().replace(old, new))
    with pytest.raises(DataError, match="index.json: must be as it was written"):
        open_shards(shards)


@pytest.mark.parametrize("change", ["missing", "cut", "index"])
def test_a_folder_that_is_not_whole_is_refused(change, shards):
    path = _shard(shards)
    if change == "missing":
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        (shards / "index.json").write_text('{"format": 99}')
    with pytest.raises(DataError, match=r"as the index says|format 1; got 99"):
        open_shards(shards)


_PREPARE = """
import sys
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images
prepare_shards(find_images(sys.argv[1]), sys.argv[2], 8, images_per_shard=4)
"""


@pytest.mark.parametrize("enough", [2, pytest.param(50, marks=pytest.mark.full)])
def test_kills_lose_nothing(tmp_path, enough):
    photos, whole = tmp_path / "photos", tmp_path / "whole"
    for name in ("cat", "dog"):
        write_images(photos / name, 100, size=(300, 280))
    prepare_shards(find_images(photos), whole, 8, images_per_shard=4)
    stream, kills, number = np.random.default_rng(0), 0, 0
    while kills < enough:
        out, ended, number = tmp_path / f"killed{number}", False, number + 1
        while not ended:
            process = start_python("-c", _PREPARE, photos, out)
            if kills == enough:
                ended = process.wait() == 0
            else:
                ended = not _is_killed(process, stream.uniform(0.2, 2))
                kills += not ended
        files = sorted(path.name for path in whole.iterdir())
        assert sorted(path.name for path in out.iterdir() if path.name[0] != ".") == files
        assert all((out / name).read_bytes() == (whole / name).read_bytes() for name in files)


def _is_killed(process, seconds):
    """Whether a process did not end within some seconds, and was killed."""
    try:
        assert process.wait(seconds) == 0
    except TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def test_shards_have_a_fingerprint_of_their_images(folder, shards, tmp_path):
    def fingerprint(root):
        return open_data(str(root), 2, (8, 8)).fingerprint()

    before = fingerprint(shards)
    (folder / "cat" / "0.png").write_bytes((folder / "dog" / "0.png").read_bytes())
    prepare_shards(find_images(folder), tmp_path / "other", 8, images_per_shard=2)
    assert fingerprint(shutil.copytree(shards, tmp_path / "copy")) == before
    assert fingerprint(tmp_path / "other") != before


def test_a_photo_that_was_exchanged_is_read_again_by_the_same_command(folder, tmp_path):
    (folder / "dog" / "1.png").write_bytes(b"broken")
    whole = (folder / "cat" / "0.png").read_bytes()
    for name in ("cat/0.png", "cat/1.png"):
        (folder / name).write_bytes((folder / "dog" / "0.png").read_bytes())
    with pytest.raises(DataError):
        prepare_shards(find_images(folder), tmp_path / "out", 8, images_per_shard=2)
    (folder / "cat" / "0.png").write_bytes(whole)
    (folder / "dog" / "1.png").write_bytes(whole)
    prepare_shards(find_images(folder), tmp_path / "out", 8, images_per_shard=2)
    prepare_shards(find_images(folder), tmp_path / "anew", 8, images_per_shard=2)
    for file in (tmp_path / "anew").iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()


def test_a_photo_that_was_exchanged_since_is_noticed_by_the_same_command(folder, shards):
    image = folder / "cat" / "0.png"
    image.write_bytes(image.read_bytes()[::-1])
    with pytest.raises(ConfigError, match="must be made of the same images and settings"):
        prepare_shards(find_images(folder), shards, 8, images_per_shard=2)
