"""Files appear whole or not at all."""

import errno
import os

import pytest

from common.errors import ConfigError, DataError
from common.files import check_format, new_folder, remove_leftovers, replacing, write_text
from common.training.records import RecordFile, read_record


def test_text_is_written(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "é")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é".encode()


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def fail():
        with replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_never_replaced(tmp_path, make):
    make(tmp_path / "a")
    before = (tmp_path / "a").stat()
    with pytest.raises(
        ConfigError, match="a: must be a regular file or not exist; got a (folder|device or pipe)"
    ):
        write_text(tmp_path / "a", "")
    assert (tmp_path / "a").stat().st_ino == before.st_ino
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_new_folder_appears_with_its_files(tmp_path):
    with new_folder(tmp_path / "out" / "new") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text("a")
        assert not (tmp_path / "out" / "new").exists()
    assert (tmp_path / "out" / "new" / "inner" / "a.txt").read_text() == "a"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_an_error_leaves_no_folder(tmp_path):
    def fail():
        with new_folder(tmp_path / "new") as folder:
            (folder / "a.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_in_place(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "a.txt").touch()
    assert (tmp_path / "empty" / "a.txt").exists()


@pytest.mark.parametrize("name", ["full", "full/a.txt"])
def test_a_folder_or_file_in_use_is_kept(tmp_path, name):
    write_text(tmp_path / "full" / "a.txt", "old")
    with pytest.raises(ConfigError, match="must be a new or an empty folder"):
        new_folder(tmp_path / name).__enter__()
    assert (tmp_path / "full" / "a.txt").read_text() == "old"


def test_a_new_folder_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").mkdir()
    with new_folder(tmp_path / "ours"):
        pass
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_a_killed_write_left_is_removed_by_the_next_one(tmp_path):
    (tmp_path / ".a.txt.k3_9x0ab.anynet.txt").write_text("half")
    write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", [
    ".anynet-notes", ".a.txt.notes.anynet.txt", ".b.txt.k3_9x0ab.anynet.txt", ".a.txt.k3_9x0ab",
])  # fmt: skip
def test_files_of_other_names_are_no_leftovers(tmp_path, name):
    (tmp_path / name).write_text("mine")
    remove_leftovers(tmp_path, ["a.txt"])
    assert (tmp_path / name).read_text() == "mine"


def test_what_a_living_process_is_writing_is_no_leftover(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        remove_leftovers(tmp_path, ["a.txt"])
        assert temporary.exists()
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize(("found", "message"), [
    (3, "a.json: must be of format 1 to 2; got 3; a newer release reads it"),
    (0, "a.json: must be of format 1 to 2; got 0$"),
    (True, "got True$"),
    ("1", "got 1$"),
    (None, "got None$"),
])  # fmt: skip
def test_a_format_that_is_not_read_is_refused(found, message):
    with pytest.raises(DataError, match=message):
        check_format(found, 2, "a.json")


def test_a_file_of_the_longest_name_is_written(tmp_path):
    name = "x" * 251 + ".txt"
    write_text(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"


@pytest.fixture
def no_locks(monkeypatch):
    """A system without file locks."""

    def lock_descriptor(descriptor, *, blocking=True):
        raise OSError(errno.ENOSYS, "fcntl is unavailable")

    monkeypatch.setattr("filelock.lock_descriptor", lock_descriptor)


def test_without_locks_a_file_is_written_and_no_leftover_is_removed(no_locks, tmp_path):
    leftover = tmp_path / ".net.txt.k3_9x0ab.anynet.txt"
    leftover.touch()
    write_text(tmp_path / "net.txt", "new")
    assert (tmp_path / "net.txt").read_text() == "new"
    assert leftover.exists()


def test_without_locks_a_record_is_written(no_locks, tmp_path):
    record = RecordFile(tmp_path / "record.jsonl")
    record.write({"kind": "start"})
    record.close()
    assert read_record(tmp_path / "record.jsonl") == [{"kind": "start"}]
