"""Mistakes that users make with folders, labels, sizes, names and options.

Each is one line that says where, which rule, what it got and, where there is one, the remedy.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common import MLPSpec

_TRAIN = (
    "train", "--data", "photos", "--image-size", 8, "--batch-size", 4, "--epochs", 1,
    "--out", "run",
)  # fmt: skip


def _image(path):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8)).save(path)


def _arrays(images=None, labels=None, **others):
    images = np.zeros((20, 8, 8), np.uint8) if images is None else images
    np.savez("a.npz", images=images, labels=np.arange(20) % 2 if labels is None else labels)


def _only_loose_images():
    _image("flat/0.png")


def _an_image_beside_the_classes():
    _image("photos/0.png")


def _an_empty_class():
    Path("photos/green").mkdir()


def _texts_for_images():
    shutil.rmtree("photos/red")
    Path("photos/red").mkdir()
    Path("photos/red/a.txt").touch()


def _a_class_of_one_image():
    _image("photos/green/0.png")


def _one_class():
    shutil.rmtree("photos/red")


def _a_class_to_validate_on_only():
    for part in ("train", "val"):
        shutil.copytree("photos", f"split/{part}")
    _image("split/val/pink/0.png")


def _no_folder_to_validate_on():
    shutil.copytree("photos", "split/train")


def _a_broken_image():
    Path("photos/red/0.png").write_bytes(b"no image")


def _an_empty_folder():
    Path("empty").mkdir()


def _an_mlp():
    Path("mlp.json").write_text(MLPSpec(4, 32, 32, 2).network(in_channels=3).to_json())


def _a_spec_that_is_no_json():
    Path("spec.json").write_text("{")


def _weights_that_are_none():
    Path("w.safetensors").write_text("weights")


def _files_in_the_way():
    Path("run").mkdir()
    Path("run/mine.txt").touch()


def _labels_from_one():
    _arrays(labels=np.arange(20) % 2 - 1)


def _labels_that_leave_a_class_out():
    _arrays(labels=2 * (np.arange(20) % 2))


def _too_few_labels():
    _arrays(labels=np.zeros(19, np.int64))


def _labels_that_are_fractions():
    _arrays(labels=np.arange(20) / 2)


def _images_that_are_floats():
    _arrays(images=np.zeros((20, 8, 8)))


def _images_with_five_axes():
    _arrays(images=np.zeros((20, 8, 8, 3, 1), np.uint8))


def _arrays_of_other_names():
    np.savez("a.npz", x=np.zeros(3))


def _a_text_called_npz():
    Path("a.npz").write_text("text")


def _a_link_to_nothing():
    os.symlink("nowhere", "run")


_FOLDERS = [
    (_only_loose_images, "--data flat", "flat: must hold one folder for each class; got images wi"),
    (_an_image_beside_the_classes, "", "photos: must hold nothing but one folder for each class"),
    (_an_empty_class, "", "photos/green: must hold image files, as a class; got none; add some"),
    (_texts_for_images, "", "photos/red: must hold image files, as a class; got none; add some"),
    (_a_class_of_one_image, "", "photos: a class must have two images or more to be split; got 1"),
    (_one_class, "", "data: must have two classes or more; got only 'blue' in photos; make"),
    (_a_class_to_validate_on_only, "--data split", "split/val: must hold only classes that the tr"),
    (_no_folder_to_validate_on, "--data split", "split: must hold both a train and a val folder"),
    (_a_broken_image, "", "photos/red/0.png: must be an image that Pillow reads; got another file"),
    (_an_empty_folder, "--data empty", "data: must be a folder with a folder of images for each"),
    (None, "--data phtos", "got 'phtos', which does not exist"),
    (None, "--data cifar11", "data: must be auto, full, sample, cifar10, cifar100, or an existing"),
    (None, "--data photos/red/0.png", "got photos/red/0.png, which is a file"),
    (None, "--data photos/red", "photos/red: must hold one folder for each class; got images with"),
]
_LABELS = [
    (_labels_from_one, "a.npz: labels must count classes from 0; got -1 to 0; number them 0, 1,"),
    (_labels_that_leave_a_class_out, "a.npz: a class must have two images or more to be split; g"),
    (
        _too_few_labels,
        "a.npz: labels must be integers, one for each of the 20 images; got int64 of",
    ),
    (_labels_that_are_fractions, "a.npz: labels must be integers, one for each of the 20 images;"),
    (_images_that_are_floats, "a.npz: images: must be pixels, integers from 0 to 255; got float64"),
    (_images_with_five_axes, "a.npz: images: must have the shape (N, channels, height, width); go"),
    (_arrays_of_other_names, "a.npz: must hold arrays images and labels, or train_images, train_"),
    (_a_text_called_npz, "a.npz: must be an npz file of arrays; got"),
]
_SIZES_NAMES_AND_OPTIONS = [
    (
        None,
        "--batch-size 100",
        1,
        "batch_size: must be at most the 16 training images; got 100; ch",
    ),
    (None, "--image-size 0", 2, "Invalid value for '--image-size': 0 is not in the range"),
    (None, "--image-size 100000", 2, "Invalid value for '--image-size': 100000 is not in the rang"),
    (_an_mlp, "--model mlp.json", 1, "image_size must be that of the mlp, 28x28; got 8x8"),
    (None, "--model regnetx_401mf", 1, "got 'regnetx_401mf'; did you mean regnetx_400mf?"),
    (None, "--model vgg16", 1, "model: must be regnetx32, regnetx_ or regnety_ with one of"),
    (_a_spec_that_is_no_json, "--model spec.json", 1, "spec.json: spec: must be JSON; got"),
    (None, "--weights none.safetensors", 1, "got 'none.safetensors', which does not exist"),
    (None, "--weights tim:regnety_004", 1, "a name that begins with timm:, hf:, torchvision:; got"),
    (_weights_that_are_none, "--weights w.safetensors", 1, "w.safetensors: must be a safetensors"),
    (None, "--weights photos --model regnetx32", 1, "got --model too; leave it out"),
    (None, "--recipe imagnet", 2, "'imagnet' is not one of 'chapter', 'regnet'"),
    (None, "--augment flips", 2, "'flips' is not one of 'none', 'flip'"),
    (None, "--channels 1 --augment imagenet", 1, "lighting: must be 0 for images that are not red"),
    (None, "--lr 0", 1, "learning_rate: must be above 0; got 0"),
    (None, "--lr 1e", 2, "Invalid value for '--lr': '1e' is not a valid float"),
    (None, "--nesterov", 1, "nesterov: needs a momentum above 0; got 0; add --momentum 0.9"),
    (None, "--momentum 1", 1, "momentum: must be at least 0 and below 1; got 1"),
    (None, "--epochs 0", 2, "Invalid value for '--epochs': 0 is not in the range"),
    (None, "--val-share 20", 2, "Invalid value for '--val-share': 20.0 is not in the range"),
    (None, "--precision float16", 2, "'float16' is not one of 'float32', 'tf32', 'bfloat16'"),
    (None, "--precise-bn 2", 1, "precise_bn: must be 0, or a batch of 4 at least; got 2"),
    (None, "--mixup 0.2 --batch-size 1", 1, "mixup: needs batches of two images or more; got bat"),
    (None, "--workers 100000", 1, "workers: must be at most 1,024; got 100000"),
    (None, "--backend pytorch", 2, "'pytorch' is not one of 'torch', 'mx', 'tf', 'jax'"),
    (None, "--learning-rate 0.1", 2, "No such option '--learning-rate'"),
    (None, "--data= ", 2, "arguments must not be empty; got '--data='"),
    (
        _files_in_the_way,
        "",
        1,
        "run: must be new or empty for a new run; got one that holds mine.t",
    ),
    (_a_link_to_nothing, "", 1, "run: must be writable; got a broken link; remove it"),
]


def _tree():
    return sorted(Path().rglob("*"))


def _errors(result):
    """The lines on stderr without those of click about usage."""
    return [line for line in result.stderr.splitlines() if line.startswith("Error: ")]


def _check(run, command, code, message):
    before = _tree()
    result = run(*command)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.stderr
    assert len(_errors(result)) == 1
    assert len(_errors(result)[0]) < 600
    assert _tree() == before


@pytest.mark.usefixtures("framework", "photos")
@pytest.mark.parametrize(
    ("mistake", "options", "code", "message"),
    [
        *((mistake, options, 1, message) for mistake, options, message in _FOLDERS),
        *((mistake, "--data a.npz", 1, message) for mistake, message in _LABELS),
        *_SIZES_NAMES_AND_OPTIONS,
    ],
)
def test_training_says_what_is_wrong_and_writes_nothing(run, mistake, options, code, message):
    if mistake is not None:
        mistake()
    _check(run, [*_TRAIN, *options.split()], code, message)


def test_folders_train_and_val_may_be_in_capitals(run, framework, photos):
    for part in ("Train", "VAL"):
        shutil.copytree("photos", f"split/{part}")
    result = run(*_TRAIN, "--data", "split")
    assert result.exit_code == 0
    assert "20 images" in result.stdout


def _renamed_class():
    Path("photos/red").rename("photos/pink")


def _fewer_images():
    for number in range(5):
        Path(f"photos/red/{number}.png").unlink()


def _no_images():
    shutil.rmtree("photos")


def _few_labels():
    Path("labels.txt").write_text("blue\n")


@pytest.mark.usefixtures("framework", "photos")
@pytest.mark.parametrize(("mistake", "command", "code", "message"), [
    (None, "train --resume runs", 1, "runs: must be the directory of a run; got no config.json"),
    (None, "train --resume run --out other", 1, "resume: a run keeps its settings; got --out; lea"),
    (None, "train --resume run --lr 1", 1, "resume: a run keeps its settings; got --lr; leave the"),
    (None, "train --resume run --epochs 1", 1, "run: epochs must be at least those begun, 2; got "),
    (_renamed_class, "train --resume run --epochs 3", 1, "run: a resumed run must keep"),
    (_fewer_images, "train --resume run --epochs 3", 1, "run: a resumed run must keep"),
    (_no_images, "train --resume run --epochs 3", 1, "photos', which does not exist"),
    (None, "evaluate runs", 1, "runs: must be a weight file; got no such file"),
    (None, "evaluate photos", 1, "photos: must be a weight file or a run directory; got a directo"),
    (_renamed_class, "evaluate run", 1, "data: must have the classes of run/model.safetensors in "),
    (_no_images, "evaluate run", 1, "the data of its run must still exist"),
    (None, "evaluate run --data sample", 1, "must have the 1 channels of the images; got 3; take "),
    (None, "predict run", 2, "Missing argument 'IMAGE...'"),
    (None, "predict photos/red/0.png run", 1, "0.png: must be a safetensors, npz or PyTorch file"),
    (None, "predict run photos --top 0", 2, "Invalid value for '--top': 0 is not in the range"),
    (_few_labels, "predict run photos --labels labels.txt", 1, "labels.txt: must hold one line fo"),
    (_an_empty_folder, "predict run empty", 1, "empty: must hold image files; got none"),
    (None, "export run --format onnx --out photos", 1, "photos: must be a regular file or not exi"),
    (None, "convert run model.pt", 1, "model.pt: must end in .safetensors or .npz; got '.pt'"),
    (None, "data prepare phtos out", 1, "got 'phtos', which is none of them"),
    (None, "data prepare photos photos", 1, "photos: must be new or empty; got one that holds som"),
])  # fmt: skip
def test_other_commands_say_what_is_wrong_and_write_nothing(run, mistake, command, code, message):
    assert run(*_TRAIN, "--epochs", 2).exit_code == 0
    if mistake is not None:
        mistake()
    _check(run, command.split(), code, message)
