"""`anynet train` on a few images, with a framework that learns nothing."""

import csv
import sys

_SMALL = ("--epochs", 1, "--batch-size", 8, "--image-size", 8, "--log-every", 1)


def _steps(path):
    with path.open(newline="") as file:
        return [(row["kind"], int(row["step"])) for row in csv.DictReader(file)]


def test_a_log_is_written_in_the_run_and_continued_by_itself(train, tmp_path):
    train("--data", "photos", *_SMALL, "--log", "csv", "--out", "run")
    train("--resume", "run", "--epochs", 2)
    assert _steps(tmp_path / "run/log.csv") == [
        ("interval", 1), ("interval", 2), ("epoch", 2),
        ("interval", 3), ("interval", 4), ("epoch", 4),
    ]  # fmt: skip


def test_a_log_may_begin_when_a_run_is_resumed(train, tmp_path):
    train("--data", "photos", *_SMALL, "--out", "run")
    train("--resume", "run", "--epochs", 2, "--log", "csv")
    assert _steps(tmp_path / "run/log.csv")[0] == ("interval", 1)


def test_a_log_without_its_package_stops_only_who_asked_for_it(train, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    message = train(*_SMALL, "--log", "tensorboard", "--out", "run", "--data", "photos", code=1)
    assert "tensorboard: needs the package tensorboardX" in message
    assert not (tmp_path / "run").exists()
    train("--data", "photos", *_SMALL, "--out", "run")
    (tmp_path / "run/tensorboard").mkdir()
    assert "run/tensorboard: not continued; " in train("--resume", "run", "--epochs", 2)
