"""Parts of batches, messages through pipes, and the processes of further devices."""

import io

import numpy as np
import pytest

from common.errors import BackendError, ConfigError
from common.training import TrainConfig
from common.training.devices import check_devices
from common.training.parallel import Others, check_parts, filled, read_message, write_message

_READS = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.mark.parametrize(
    ("images", "devices", "mixup"), [(7, 1, True), (6, 3, False), (8, 2, True)]
)
def test_a_batch_with_equal_parts_is_accepted(images, devices, mixup):
    check_parts(images, devices, mixup)


@pytest.mark.parametrize(
    ("mixup", "message"),
    [(False, "the batch size must be a multiple of 4 on 4 devices; got 6; take"),
     (True, "the batch size must be a multiple of 8 on 4 devices with mixup, which mixes pairs; ")],
)  # fmt: skip
def test_a_batch_without_equal_parts_is_refused(mixup, message):
    with pytest.raises(ConfigError, match=f"^devices: {message}"):
        check_parts(6, 4, mixup)


@pytest.mark.parametrize(("images", "wanted"), [(1, [0, 0, 0]), (3, [0, 1, 2]),
                                                (4, [0, 1, 2, 3, 0, 0])])  # fmt: skip
def test_images_are_filled_up_with_copies_of_the_first(images, wanted):
    assert filled(np.arange(images), 3).tolist() == wanted


def test_a_message_is_read_as_it_was_written():
    header = {"what": "step", "rate": 0.1}
    arrays = {
        "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::2],
        "number": np.array(1e-300),
        "empty": np.zeros((0, 2), np.float32),
    }
    stream = io.BytesIO()
    write_message(stream, header, arrays)
    stream.seek(0)
    found, read = read_message(stream)
    assert found == header
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    assert read_message(stream) is None


@pytest.mark.parametrize("lost", [1, 40, 70])
def test_a_message_that_is_cut_off_is_none(lost):
    stream = io.BytesIO()
    write_message(stream, {"what": "step"}, {"images": np.zeros(60, np.uint8)})
    assert read_message(io.BytesIO(stream.getvalue()[:-lost])) is None


def test_others_get_rank_number_and_a_folder_of_their_own():
    code = (
        "import pathlib, sys; rank, devices, folder = sys.argv[1:];"
        "(pathlib.Path(folder) / rank).write_text(devices);" + _READS
    )
    others = Others(code, 3)
    try:
        assert [(others.folder / rank).read_text() for rank in "12"] == ["3", "3"]
    finally:
        others.end()
    assert not others.folder.exists()


def test_one_that_does_not_start_is_an_error_with_its_last_line():
    with pytest.raises(BackendError, match="device 1, which ended with ValueError: no memory;"):
        Others("raise ValueError('no memory')", 2)


def test_one_that_is_killed_is_an_error_in_the_next_message():
    others = Others(
        "import os; " + _READS.replace("sys.stdin.read()", "os.kill(os.getpid(), 9)"), 2
    )
    with pytest.raises(BackendError, match=r"^devices: .* device 1, which was killed by SIGKILL; "):
        others.tell({}, [{"images": np.zeros(1 << 20, np.uint8)}])  # more than a pipe holds
    others.end()


def test_an_error_of_this_process_stays_what_it_is():
    others = Others(_READS, 2)
    try:
        with pytest.raises(RuntimeError, match="^mine$"), others.watched():
            raise RuntimeError("mine")
    finally:
        others.end()


@pytest.mark.parametrize("several", [True, False])
def test_one_device_is_always_there(several):
    check_devices(1, 1, "mx", several=several)


@pytest.mark.parametrize(
    ("devices", "error", "message"),
    [(4, BackendError, "must be available; got 4, but JAX sees 2; use --devices 2"),
     (0, ConfigError, "must be at least 1; got 0"),
     (65, ConfigError, "must be at most 64; got 65"),
     (True, ConfigError, "must be an integer; got True")],
)  # fmt: skip
def test_devices_that_are_not_there_are_refused(devices, error, message):
    with pytest.raises(error, match=f"^devices: {message}$"):
        check_devices(devices, 2, "jax", several=True)


def test_a_config_of_one_device_is_as_before_there_were_several():
    assert "devices" not in TrainConfig("torch").to_json()


def test_the_number_of_devices_is_kept_but_no_part_of_the_digest():
    config = TrainConfig("torch", devices=2)
    assert TrainConfig.from_json(config.to_json()) == config
    assert config.settings_digest() == TrainConfig("torch").settings_digest()
