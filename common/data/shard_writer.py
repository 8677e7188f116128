"""`anynet data prepare`: decodes images once, on all cores, and writes shards."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.sources.folder import FileSource
from common.data.sources.protocol import Source, fingerprint
from common.data.sources.shards import INDEX, Index, ShardInfo, read_index, write_index, write_shard
from common.data.sources.split import Split
from common.data.transform import resize_short_side
from common.digests import digest_of
from common.errors import ConfigError, DataError
from common.files import PRODUCER, read_json, reading, remove_leftovers, write_text
from common.processes import process_pool

_MAX_IMAGES: Final = 512
"""Images per shard at most."""

_BYTES: Final = 1 << 27
"""Pixels per shard, about, if images have an aspect ratio of 4 to 3."""

_LARGE: Final = 2048
"""Short side of photos that are not resized, for the number of images per shard."""

PLAN: Final = "plan.json"
"""File that says what an incomplete folder of shards is made of."""

_FEW: Final = 100
"""Up to this number of images, starting processes takes longer than writing."""

_MAX_NOTES: Final = 1 << 28
"""Largest size in bytes of the notes beside a shard."""

_SPLITS: Final[list[Split]] = []
"""In a process of the pool: all images, sent once and not with each task."""

Tell = Callable[[int, int], None]
"""Called with the number of images done and the total."""


class Prepared(NamedTuple):
    """Result: number of images, and the names of those left out with the reason."""

    images: int
    broken: dict[str, str]


@dataclass(frozen=True)
class _Task:
    """A shard to be written, with the images `start` to `stop` of a part."""

    part: str
    start: int
    stop: int
    path: Path

    @property
    def notes(self) -> Path:
        """File with names and unreadable images of the shard, written after it."""
        return self.path.with_suffix(".json")


def prepare_shards(
    split: Split,
    out: str | Path,
    size: int | None = 256,
    skip_broken: bool = False,
    tell: Tell = lambda done, total: None,
    images_per_shard: int | None = None,
) -> Prepared:
    """Write the images of `split` as shards.

    Each core runs a process that writes shards atomically, and the index is written last: after a
    kill, the same call writes only the missing shards. Raises `DataError` naming all unreadable
    images, and `ConfigError` if `out` has other content.

    - `split`: training and validation images.
    - `out`: folder of the shards.
    - `size`: short side in pixels of resized images. The aspect ratio is kept, and the filter is
      Pillow's antialiased bilinear. Smaller images are not resized, and none with `None`.
    - `skip_broken`: whether to leave out unreadable images instead of raising `DataError`.
    - `tell`: called with the number of images done and the total.
    - `images_per_shard`: images in each file; by default as many as have some 128 MB of pixels.
    """
    root = Path(out)
    images_per_shard = images_per_shard or _per_shard(size or _LARGE, split.train.channels)
    tasks = list(_tasks(split, root, images_per_shard))
    plan, files = _plan(split, size, images_per_shard), list(map(_files, split))
    _begin(root, plan, files)
    if not (root / INDEX).is_file():
        _write_all(split, tasks, size, skip_broken, tell)
        broken = _broken(tasks)
        if broken and not skip_broken:
            raise DataError(
                f"{root}: all images must be readable; got {len(broken):,} that are not; mend or "
                "remove them, or leave them out by --skip-broken:\n" + "\n".join(broken.values())
            )
        write_text(root / PLAN, _as_text({**plan, "files": files}))
        write_index(root, _index(split, tasks, size))
    for task in tasks:
        task.notes.unlink(missing_ok=True)
    remove_leftovers(root, [INDEX, *(path.name for t in tasks for path in (t.path, t.notes))])
    index = read_index(root)
    shards = (shard for part in index.parts.values() for shard in part)
    return Prepared(sum(len(shard.names) for shard in shards), index.left_out)


def _per_shard(size: int, channels: int) -> int:
    return min(max(1, _BYTES // (channels * size * size * 4 // 3)), _MAX_IMAGES)


def _tasks(split: Split, root: Path, images_per_shard: int) -> Iterator[_Task]:
    for part, source in (("train", split.train), ("val", split.val)):
        for number, start in enumerate(range(0, len(source), images_per_shard)):
            stop = min(start + images_per_shard, len(source))
            yield _Task(part, start, stop, root / f"{part}-{number:05}.safetensors")


def _plan(split: Split, size: int | None, images_per_shard: int) -> dict[str, Any]:
    """All that determines the shards, with a digest of all names, labels and arrays."""
    digest = hashlib.sha256()
    for source in split:
        digest.update(np.ascontiguousarray(source.labels).tobytes())
        for index in range(len(source)):
            digest.update(source.name(index).encode("utf-8", "surrogateescape") + b"\0")
        if not isinstance(source, FileSource):
            digest.update(fingerprint(source).encode())
    return {
        "producer": PRODUCER,
        "size": size,
        "images_per_shard": images_per_shard,
        "channels": split.train.channels,
        "classes": list(split.train.classes),
        "images": digest.hexdigest(),
    }


def _files(source: Source, part: slice = slice(None)) -> str:
    """Tells whether image files, which may be mended, were changed; nothing of other sources."""
    if isinstance(source, FileSource):
        return source.fingerprint(with_times=True, part=part)
    return ""


def _as_text(plan: dict[str, Any]) -> str:
    return json.dumps(plan, indent=1) + "\n"


def _begin(root: Path, plan: dict[str, Any], files: list[str]) -> None:
    """Make the folder, or check that its content has the same plan, and is of the same `files`."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root}: must be a new folder; got a file")
    root.mkdir(parents=True, exist_ok=True)
    remove_leftovers(root, [PLAN])
    written = root / PLAN
    if not written.is_file():
        if any(root.iterdir()):
            raise ConfigError(
                f"{root}: must be new or empty; got one that holds something else; name another"
            )
        write_text(written, _as_text(plan))
        return
    found = read_json(written, "a plan of shards", ConfigError, max_bytes=_MAX_NOTES)
    of = found.pop("files", files) if isinstance(found, dict) else None
    if found != plan or of != files:
        raise ConfigError(
            f"{root}: must be made of the same images and settings to be finished; got shards of "
            "others; name another folder"
        )


def _write_all(
    split: Split, tasks: list[_Task], size: int | None, skip_broken: bool, tell: Tell
) -> None:
    """Write the shards that are missing, or that had unreadable images."""
    missing = [
        task for task in tasks if not task.notes.is_file() or _is_outdated(split, task, skip_broken)
    ]
    total = sum(task.stop - task.start for task in tasks)
    done = total - sum(task.stop - task.start for task in missing)
    tell(done, total)
    for task in _written(split, missing, size, few=total - done < _FEW):
        done += task.stop - task.start
        tell(done, total)


def _is_outdated(split: Split, task: _Task, skip_broken: bool) -> bool:
    """Whether a shard lacks images that could not be read, or its image files have changed."""
    notes = _read_notes(task)
    files = _files(getattr(split, task.part), slice(task.start, task.stop))
    return notes.get("files", "") != files or bool(notes["broken"] and not skip_broken)


def _written(split: Split, tasks: list[_Task], size: int | None, few: bool) -> Iterator[_Task]:
    """Yield each task when its shard is written; few images are written in this process."""
    if few:
        for task in tasks:
            _write(getattr(split, task.part), task, size)
            yield task
        return
    one_thread = {"OMP_NUM_THREADS": "1"}
    with process_pool(one_thread, False, _receive, (split,)) as pool:
        futures = [pool.submit(_write_sent, task, size) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            future.result()
            yield task


def _receive(split: Split) -> None:
    _SPLITS.append(split)


def _write_sent(task: _Task, size: int | None) -> None:
    """Write one shard of the images that were sent to this process."""
    (split,) = _SPLITS
    _write(getattr(split, task.part), task, size)


def _write(source: Source, task: _Task, size: int | None) -> None:
    """Write one shard, and then its notes."""
    names: list[str] = []
    broken: dict[str, str] = {}
    files = _files(source, slice(task.start, task.stop))  # before they are read

    def readable() -> Iterator[tuple[NDArray[np.uint8], int]]:
        for index in range(task.start, task.stop):
            name = source.name(index)
            try:
                image = _read(source, index, size)
            except DataError as error:
                broken[name] = str(error)
                continue
            names.append(name)
            yield image, int(source.labels[index])
            del image  # for the next one to take its memory

    count = write_shard(task.path, readable())
    notes = {"bytes": count, "names": names, "broken": broken, "files": files}
    write_text(task.notes, json.dumps({"digest": digest_of(notes)} | notes))


def _read(source: Source, index: int, size: int | None) -> NDArray[np.uint8]:
    """Image `index`, with its shorter side at `size` if it is larger."""
    if isinstance(source, FileSource):
        return source.read(index, size)
    image = source.read(index)
    if size is None or min(image.shape[:2]) <= size:
        return image
    return resize_short_side(image, size)


def _broken(tasks: list[_Task]) -> dict[str, str]:
    """Reasons why images could not be read, by name."""
    found: dict[str, str] = {}
    for task in tasks:
        found |= _read_notes(task)["broken"]
    return found


def _index(split: Split, tasks: list[_Task], size: int | None) -> Index:
    parts: dict[str, list[ShardInfo]] = {"train": [], "val": []}
    for task in tasks:
        notes = _read_notes(task)
        if notes["names"]:
            shard = ShardInfo(task.path.name, notes["bytes"], tuple(notes["names"]))
            parts[task.part].append(shard)
    source = split.train
    whole = {part: tuple(shards) for part, shards in parts.items()}
    return Index(source.classes, source.channels, size, source.describe(), _broken(tasks), whole)


def _read_notes(task: _Task) -> dict[str, Any]:
    notes = read_json(task.notes, "notes on a shard", DataError, max_bytes=_MAX_NOTES)
    with reading(task.notes, "notes on a shard", DataError):
        if notes.pop("digest") != digest_of(notes):
            raise DataError(
                f"{task.notes}: must be as it was written; got another digest; remove it, and run "
                "anynet data prepare again"
            )
    return dict(notes)
