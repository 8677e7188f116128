"""Folders of image files with a subfolder for each class."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.data.decode import check_ends, decode, image_endings, images_below
from common.data.parallel import in_order
from common.data.sources.protocol import check_image
from common.data.sources.split import VALIDATION_SHARE, Split, check_split, split_by_class
from common.data.transform import with_short_side
from common.errors import DataError, shown, told
from common.processes import usable_cores

_TRAIN: Final = ("train", "training")
_VAL: Final = ("val", "valid", "validation", "test")
"""Folder names of the two parts of a data set that is already split."""

_LISTED: Final = 20
"""Unreadable files that a message names."""

_MODES: Final[Mapping[int, Literal["L", "RGB"]]] = {1: "L", 3: "RGB"}


class FileSource:
    """Image files with labels, decoded when they are read.

    - `root`: the folder, for messages.
    - `paths`, `labels`: the N files and their labels (N,).
    - `classes`: class names in the order of the labels.
    - `channels`: 1 decodes to grey, 3 to RGB. Raises `DataError` for other numbers.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[Path],
        labels: NDArray[np.int32],
        classes: tuple[str, ...],
        channels: int = 3,
    ) -> None:
        if channels not in _MODES:
            raise DataError(f"{root}: channels must be 1 (grey) or 3 (colour); got {channels}")
        self.root, self.paths = root, tuple(paths)
        self.labels, self.classes, self.channels = labels, classes, channels

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, short: int | None = None) -> NDArray[np.uint8]:
        """Decode file `index` to uint8 (height, width, channels). Raises `DataError` naming it.

        With `short`, the result is that of `resize_short_side` for larger images, in less time.
        """
        path = self.paths[index]
        picture = decode(path, _MODES[self.channels])
        if short is not None and min(picture.size) > short:
            picture = with_short_side(picture, short)
        pixels = np.asarray(picture)
        return check_image(pixels.reshape(*pixels.shape[:2], -1), self.channels, str(path))

    def name(self, index: int) -> str:
        """The path of file `index`."""
        return str(self.paths[index])

    def fingerprint(self, with_times: bool = False, part: slice = slice(None)) -> str:
        """Digest of the files' names below `root` and their sizes in bytes; no file is read.

        `with_times` includes when they were changed, which copies of them do not share; `part`
        chooses some of the files.
        """
        digest = xxhash.xxh3_128()
        for path in self.paths[part]:
            try:
                found = path.stat()
            except OSError as error:
                raise DataError(f"{path}: must be an image file; got {told(error)}") from error
            time = found.st_mtime_ns if with_times else 0
            digest.update(os.fsencode(path.relative_to(self.root)))
            digest.update(f"\0{found.st_size} {time}\0".encode())
        return digest.hexdigest()

    def describe(self) -> str:
        """Number of images and classes, and their folder, for messages and the record."""
        return f"{len(self):,} images of {len(self.classes):,} classes in {self.root}"


def find_images(
    folder: str | Path, channels: int = 3, val_share: float = VALIDATION_SHARE, seed: int = 0
) -> Split:
    """Find the images of a folder with `train/CLASS/...` and `val/CLASS/...`, or `CLASS/...` alone.

    Class names are the sorted names of the class folders, which may have subfolders. Hidden files
    are ignored, and no image is decoded. Raises `DataError` for any other folder.

    - `folder`: path of the folder.
    - `channels`: 1 for grey, 3 for RGB.
    - `val_share`, `seed`: fraction of each class to validate on, and seed of its draw
      (`split_by_class`), if the folder is not split already.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: must be a folder of images; got {_kind(root)}")
    train, val = (_first_of(root, names) for names in (_TRAIN, _VAL))
    if (train is None) != (val is None):
        there = train or val
        raise DataError(
            f"{root}: must hold both a train and a val folder, or one folder for each class; got "
            f"only {shown(there.name if there else '')}; make the other, or move its classes up"
        )
    if train is not None and val is not None:
        split = Split(_source(train, channels), _source(val, channels, _classes(train)))
    else:
        split = _drawn(_source(root, channels), val_share, seed)
    check_split(split, str(root))
    return split


def check_files(split: Split) -> None:
    """Raise one `DataError` naming all image files of a folder that begin or end as no image does.

    Other damage is found when an image is decoded.
    """
    files = [path for part in split if isinstance(part, FileSource) for path in part.paths]
    reasons = [reason for reason in in_order(_reason, files, len(usable_cores())) if reason]
    if not reasons:
        return
    more = f"\nand {len(reasons) - _LISTED:,} more" if len(reasons) > _LISTED else ""
    raise DataError(
        f"{_root(split)}: all images must be readable; got {len(reasons):,} of {len(files):,} that "
        "are not; mend or remove them, or leave them out by anynet data prepare --skip-broken:\n"
        + "\n".join(reasons[:_LISTED])
        + more
    )


def _reason(path: Path) -> str | None:
    try:
        check_ends(path)
    except DataError as error:
        return str(error)
    return None


def _root(split: Split) -> Path:
    roots = [part.root for part in split if isinstance(part, FileSource)]
    return Path(os.path.commonpath(roots))


def _drawn(whole: FileSource, share: float, seed: int) -> Split:
    parts = split_by_class(whole.labels, whole.classes, share, seed, str(whole.root))
    train, val = (
        FileSource(
            whole.root,
            [whole.paths[index] for index in part],
            whole.labels[part],
            whole.classes,
            whole.channels,
        )
        for part in parts
    )
    return Split(train, val)


def _source(root: Path, channels: int, classes: tuple[str, ...] | None = None) -> FileSource:
    """The images of the class folders in `root`, which must be among `classes` if given."""
    found = _classes(root)
    if classes is not None and (extra := [name for name in found if name not in classes]):
        raise DataError(
            f"{root}: must hold only classes that the training images have; got {shown(extra)} "
            "too; rename or remove them, or add training images"
        )
    paths: list[Path] = []
    labels: list[int] = []
    names = classes or found
    for label, name in enumerate(names):
        files = sorted(images_below(root / name)) if name in found else []
        if not files and classes is None:
            raise DataError(
                f"{root / name}: must hold image files, as a class; got none; add some, or remove "
                "the folder"
            )
        paths += files
        labels += [label] * len(files)
    return FileSource(root, paths, np.array(labels, np.int32), names, channels)


def _classes(root: Path) -> tuple[str, ...]:
    """Sorted names of the class folders."""
    endings = image_endings()
    with os.scandir(root) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    found = tuple(sorted(entry.name for entry in visible if entry.is_dir()))
    loose = [item.name for item in visible if Path(item.name).suffix.lower() in endings]
    if loose and not found:
        raise DataError(
            f"{root}: must hold one folder for each class; got images without, such as "
            f"{shown(loose[0])}; move the images of each class into a folder of its name"
        )
    if loose:
        raise DataError(
            f"{root}: must hold nothing but one folder for each class; got images beside them, "
            f"such as {shown(loose[0])}"
        )
    if not found:
        raise DataError(
            f"{root}: must hold one folder for each class; got none; make one of each class's name"
        )
    return found


def _first_of(root: Path, names: tuple[str, ...]) -> Path | None:
    """The first folder with one of the names, in upper or lower case."""
    with os.scandir(root) as entries:
        there = {entry.name.lower(): entry.name for entry in entries if entry.is_dir()}
    return next((root / there[name] for name in names if name in there), None)


def _kind(path: Path) -> str:
    return "a file" if path.is_file() else "no such folder"
