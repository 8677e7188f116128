"""Folders of images, one for each class."""

import shutil

import numpy as np
import pytest
from PIL import Image

from common.data import ImageFolder, find_data
from common.data.sources import find_images
from common.errors import DataError
from tests.common.data.sources.conftest import write_images


def test_a_folder_is_split_by_class(folder):
    train, val = find_images(folder)
    assert train.classes == val.classes == ("cat", "dog")
    assert np.bincount(train.labels).tolist() == [4, 3]
    assert np.bincount(val.labels).tolist() == [1, 1]
    names = [source.name(index) for source in (train, val) for index in range(len(source))]
    assert sorted(names) == sorted(str(path) for path in folder.rglob("*.png"))


def test_the_split_is_a_function_of_the_seed(folder):
    def held_out(seed):
        return find_images(folder, seed=seed).val.paths

    assert held_out(1) == held_out(1)
    assert len({held_out(seed) for seed in range(8)}) > 1


def test_folders_train_and_val_are_taken_as_they_are(tmp_path):
    for part, count in (("train", 3), ("val", 2)):
        write_images(tmp_path / part / "b", count)
        write_images(tmp_path / part / "a", count)
    train, val = find_images(tmp_path)
    assert train.classes == ("a", "b")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert val.labels.tolist() == [0, 0, 1, 1]


def test_pixels_are_those_of_the_file(folder):
    source = find_images(folder).train
    expected = np.asarray(Image.open(source.paths[2]))
    assert np.array_equal(source.read(2), expected)
    assert find_images(folder, channels=1).train.read(2).shape == (12, 10, 1)


def test_hidden_names_and_other_files_are_ignored(folder):
    write_images(folder / ".cache", 1)
    (folder / "notes.txt").write_text("mine")
    (folder / "cat" / "notes.txt").write_text("mine")
    train, val = find_images(folder)
    assert len(train) + len(val) == 9


def _no_folder(root):
    return root / "none"


def _a_file(root):
    (root / "file").write_text("")
    return root / "file"


def _loose_images(root):
    write_images(root / "photos", 2)
    return root / "photos"


def _images_beside_classes(root):
    write_images(root / "cat", 3)
    write_images(root / "x", 1)
    (root / "x" / "0.png").rename(root / "0.png")
    return root


def _an_empty_class(root):
    write_images(root / "cat", 3)
    (root / "dog").mkdir()
    return root


def _one_image_of_a_class(root):
    write_images(root / "cat", 3)
    write_images(root / "dog", 1)
    return root


def _train_alone(root):
    write_images(root / "train" / "cat", 3)
    return root


def _a_class_in_validation_only(root):
    write_images(root / "train" / "cat", 3)
    write_images(root / "val" / "dog", 3)
    return root


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_no_folder, "must be a folder of images; got no such folder"),
        (_a_file, "must be a folder of images; got a file"),
        (_loose_images, "one folder for each class; got images without, such as .*png"),
        (_images_beside_classes, "nothing but one folder for each class; got images beside them"),
        (_an_empty_class, "dog: must hold image files, as a class; got none"),
        (_one_image_of_a_class, "two images or more to be split; got 1 of 'dog'"),
        (_train_alone, "both a train and a val folder, .*; got only 'train'"),
        (_a_class_in_validation_only, r"only classes that the training images have; got \['dog'\]"),
    ],
)
def test_a_folder_of_something_else_is_one_clear_error(make, message, tmp_path):
    with pytest.raises(DataError, match=message):
        find_images(make(tmp_path))


def test_an_unreadable_file_is_named(folder):
    (folder / "cat" / "0.png").write_bytes(b"not an image")
    source = find_images(folder, val_share=0.2).train
    broken = [index for index in range(len(source)) if "cat/0.png" in source.name(index)]
    if not broken:
        source = find_images(folder).val
        broken = [index for index in range(len(source)) if "cat/0.png" in source.name(index)]
    with pytest.raises(DataError, match=r"cat/0\.png: must be an image"):
        source.read(broken[0])


def test_a_folder_of_images_without_classes_is_not_taken_for_fashion_mnist(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "cat.JPG", "JPEG")
    with pytest.raises(DataError, match="must hold one folder for each class; got images without"):
        find_data(str(tmp_path))


def _cut(path):
    path.write_bytes(path.read_bytes()[:-60])


def _not_an_image(path):
    path.write_bytes(b"not an image")


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("break_it", [_cut, _not_an_image, _empty])
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif"])
def test_all_broken_files_are_named_before_the_first_step(folder, break_it, ending):
    for name in ("cat", "dog"):
        with Image.open(folder / name / "1.png") as picture:
            picture.convert("RGB").save(folder / name / f"broken.{ending}")
        break_it(folder / name / f"broken.{ending}")
    with pytest.raises(DataError, match=r"got 2 of 11 that are not; .* --skip-broken:") as refused:
        ImageFolder(folder, 2, 8)
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()[1:]] == [
        str(folder / name / f"broken.{ending}") for name in ("cat", "dog")
    ]


def test_what_follows_the_end_of_an_image_is_no_damage(folder):
    file = folder / "cat" / "1.png"
    file.write_bytes(file.read_bytes() + b"a camera's own data")
    assert len(ImageFolder(folder, 2, 8).train) == 7


def test_damage_within_a_file_is_named_when_it_is_reached(folder):
    for file in folder.rglob("*.png"):
        content = bytearray(file.read_bytes())
        content[60:80] = bytes(20)
        file.write_bytes(content)
    data = ImageFolder(folder, 2, 8, workers=0)
    with pytest.raises(DataError, match=r"\.png: must be an image .*; mend or remove it; anynet"):
        next(data.train_batches(0, 0))


def _exchanged(folder):
    Image.new("RGB", (9, 9)).save(folder / "cat" / "2.png")


def _renamed(folder):
    (folder / "cat" / "2.png").rename(folder / "cat" / "x.png")


@pytest.mark.parametrize("change", [_exchanged, _renamed])
def test_other_files_have_another_fingerprint(folder, change):
    before = ImageFolder(folder, 2, 8).fingerprint()
    change(folder)
    assert ImageFolder(folder, 2, 8).fingerprint() != before


def test_copied_files_have_the_same_fingerprint(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    assert ImageFolder(copied, 2, 8).fingerprint() == ImageFolder(folder, 2, 8).fingerprint()
