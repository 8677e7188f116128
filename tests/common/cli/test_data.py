"""`anynet data`."""

from click.testing import CliRunner

from common.cli import main
from common.data.sources import open_shards
from tests.common.data.sources.conftest import folder  # noqa: F401


def _prepare(*arguments):
    return CliRunner().invoke(main, ["data", "prepare", *map(str, arguments)])


def test_a_folder_is_prepared(folder, tmp_path):  # noqa: F811
    result = _prepare(folder, tmp_path / "out", "--size", 8)
    assert result.exit_code == 0, result.output
    assert "9 images in" in result.output
    assert open_shards(tmp_path / "out").train.read(0).shape[0] == 9


def test_broken_images_are_named(folder, tmp_path):  # noqa: F811
    (folder / "cat" / "1.png").write_bytes(b"broken")
    refused = _prepare(folder, tmp_path / "out")
    assert refused.exit_code == 1
    assert "cat/1.png: must be an image" in refused.output
    result = _prepare(folder, tmp_path / "out", "--skip-broken")
    assert result.exit_code == 0
    assert "8 images" in result.output
    assert "1 skipped" in result.output


def test_what_is_no_data_is_one_line(tmp_path):
    result = _prepare("cifar11", tmp_path / "out")
    assert result.exit_code == 1
    assert (
        "data: must be cifar10, cifar100, a .npz file or a folder; got 'cifar11'" in result.output
    )
