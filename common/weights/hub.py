"""Pretrained weights by name: `timm:...`, `hf:...` and `torchvision:...`.

Files come from their libraries' own addresses into their libraries' own caches, so that what timm,
transformers or torchvision have fetched is not fetched again.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from common.errors import WeightsError, shown, told
from common.files import replacing
from common.installs import how_to_install

TIMM: Final = "timm:"
HUGGINGFACE: Final = "hf:"
TORCHVISION: Final = "torchvision:"
PREFIXES: Final = (TIMM, HUGGINGFACE, TORCHVISION)

ADDRESS: Final = "https://download.pytorch.org/models"
"""Where torchvision's files are; `$ANYNET_TORCHVISION_URL` names another place."""

_MAX_BYTES: Final = 1 << 33
"""Bytes of a file: twelve times the largest of torchvision."""

_FILES: Final = ("model.safetensors", "pytorch_model.bin")
"""Files of weights in a repository, the preferred one first."""

_CONFIGS: Final = ("config.json", "preprocessor_config.json")
"""Files that say how images are prepared."""

_TAGS: Final = {
    "ra_in1k": ("regnety_032",),
    "ra3_in1k": ("regnety_040", "regnety_064", "regnety_080"),
    "sw_in12k_ft_in1k": ("regnety_120", "regnety_160"),
    "tv2_in1k": (
        "regnetx_004_tv", "regnetx_008", "regnetx_016", "regnetx_032", "regnetx_080",
        "regnetx_160", "regnetx_320", "regnety_004", "regnety_008_tv", "regnety_016",
        "regnety_080_tv", "regnety_320",
    ),
    "swag_ft_in1k": ("regnety_1280",),
    "a1_in1k": ("resnet18", "resnet34", "resnet50"),
    "a1h_in1k": ("resnet101", "resnet152", "resnext50_32x4d"),
    "tv_in1k": ("resnext101_32x8d",),
    "seer_ft_in1k": ("regnety_640", "regnety_2560"),
}  # fmt: skip
"""Weights that timm 1.0 takes for a name without a tag; those of pycls for all other names."""

_DIGESTS: Final = {
    "regnet_x_400mf": {"v1": "adf1edd5", "v2": "62229a5f"},
    "regnet_x_800mf": {"v1": "ad17e45c", "v2": "94a99ebd"},
    "regnet_x_1_6gf": {"v1": "e3633e7f", "v2": "a12f2b72"},
    "regnet_x_3_2gf": {"v1": "f342aeae", "v2": "7071aa85"},
    "regnet_x_8gf": {"v1": "03ceed89", "v2": "2b70d774"},
    "regnet_x_16gf": {"v1": "2007eb11", "v2": "ba3796d7"},
    "regnet_x_32gf": {"v1": "9d47f8d0", "v2": "6eb8fdc6"},
    "regnet_y_400mf": {"v1": "c65dace8", "v2": "e6988f5f"},
    "regnet_y_800mf": {"v1": "1b27b58c", "v2": "58fc7688"},
    "regnet_y_1_6gf": {"v1": "b11a554e", "v2": "0d7bc02a"},
    "regnet_y_3_2gf": {"v1": "b5a9779c", "v2": "9180c971"},
    "regnet_y_8gf": {"v1": "d0d0e4a8", "v2": "dc2b1b54"},
    "regnet_y_16gf": {
        "v1": "9e6ed7dd",
        "v2": "3e4a00f9",
        "swag": "43afe44d",
        "lc_swag": "f3ec0043",
    },
    "regnet_y_32gf": {
        "v1": "4dee3f7a",
        "v2": "8db6d4b5",
        "swag": "04fdfa75",
        "lc_swag": "e1583746",
    },
    "regnet_y_128gf": {"swag": "c8ce3e52", "lc_swag": "cbe8ce12"},
    "resnet18": {"v1": "f37072fd"},
    "resnet34": {"v1": "b627a593"},
    "resnet50": {"v1": "0676ba61", "v2": "11ad3fa6"},
    "resnet101": {"v1": "63fe2227", "v2": "cd907fc2"},
    "resnet152": {"v1": "394f9c45", "v2": "f82ba261"},
    "resnext50_32x4d": {"v1": "7cdf4587", "v2": "1a0047aa"},
    "resnext101_32x8d": {"v1": "8ba56ff5", "v2": "110c445d"},
}  # fmt: skip
"""Beginnings of the SHA-256 of torchvision's files, which are parts of their names."""


class Fetched(NamedTuple):
    """Weights on this machine, where they are from, and the files that describe the images."""

    path: Path
    origin: str
    configs: tuple[Path, ...] = ()


def is_remote(name: str) -> bool:
    """Whether a name means weights that may have to be fetched."""
    return str(name).startswith(PREFIXES)


def local_path(name: str | Path) -> Path:
    """A path as it is, and the file of a remote name. Raises `WeightsError` as `fetch_weights`."""
    return fetch_weights(str(name)).path if is_remote(str(name)) else Path(name)


def torchvision_version(file: str) -> str | None:
    """The version of the weights that torchvision publishes under this file name, such as `v2`."""
    stem = Path(file).stem
    return next(
        (
            version
            for model, versions in _DIGESTS.items()
            for version in versions
            if stem == _torchvision_stem(model, version)
        ),
        None,
    )


def fetch_weights(name: str) -> Fetched:
    """The files of weights with a name, fetched unless they are in the cache.

    - `timm:NAME` or `timm:NAME.TAG`: a model of timm, from its organisation on Hugging Face's hub;
      without a tag the one that timm takes.
    - `hf:OWNER/REPOSITORY` or `hf:OWNER/REPOSITORY@REVISION`: a repository there.
    - `torchvision:NAME` or `torchvision:NAME.v1`, `.v2`, `.swag` or `.lc_swag`: by default the last
      that torchvision takes. The SHA-256 is checked.

    Raises `WeightsError` for other names, and for what cannot be fetched.
    """
    if name.startswith(TIMM):
        return _from_hub(f"timm/{_tagged(name.removeprefix(TIMM))}", None, name)
    if name.startswith(HUGGINGFACE):
        repository, _, revision = name.removeprefix(HUGGINGFACE).partition("@")
        return _from_hub(repository, revision or None, name)
    if name.startswith(TORCHVISION):
        return _from_torchvision(name)
    raise WeightsError(f"weights: must begin with {', '.join(PREFIXES)}; got {shown(name)}")


def _tagged(model: str) -> str:
    """A name of timm with its tag."""
    if "." in model:
        return model
    return f"{model}." + next((t for t, names in _TAGS.items() if model in names), "pycls_in1k")


def _from_hub(repository: str, revision: str | None, name: str) -> Fetched:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError
    except ImportError as error:
        raise WeightsError(
            f"{name}: needs the package huggingface_hub; got {told(error)}; {how_to_install('hub')}"
        ) from error

    def download(file: str) -> Path | None:
        try:
            return Path(hf_hub_download(repository, file, revision=revision))
        except EntryNotFoundError:
            return None

    try:
        path = next((found for file in _FILES if (found := download(file))), None)
        configs = tuple(found for file in _CONFIGS if (found := download(file)))
    except Exception as error:  # of the hub's library, of requests or httpx, and of the disk
        raise WeightsError(
            f"{name}: must be there on Hugging Face's hub, or in its cache; got {told(error)}"
        ) from error
    if path is None:
        raise WeightsError(f"{name}: must hold {' or '.join(_FILES)}; got neither")
    return Fetched(path, f"{repository} on Hugging Face's hub", configs)


def _from_torchvision(name: str) -> Fetched:
    model, _, version = name.removeprefix(TORCHVISION).partition(".")
    versions = _DIGESTS.get(model)
    if versions is None:
        raise WeightsError(
            f"{name}: must be a RegNet or ResNet of torchvision, {', '.join(_DIGESTS)}; "
            f"got {shown(model)}"
        )
    version = version or next(v for v in ("v2", "swag", "v1") if v in versions)
    if version not in versions:
        raise WeightsError(f"{name}: must be of {', '.join(versions)}; got {shown(version)}")
    digest = versions[version]
    file = f"{_torchvision_stem(model, version)}.pth"
    path = _torch_home() / "hub" / "checkpoints" / file
    if not path.is_file():
        _download(f"{os.environ.get('ANYNET_TORCHVISION_URL', ADDRESS)}/{file}", path, digest)
    return Fetched(path, f"torchvision's {model}, {version}")


def _torchvision_stem(model: str, version: str) -> str:
    kind = "" if version in ("v1", "v2") else f"_{version}"
    return f"{model}{kind}-{_DIGESTS[model][version]}"


def _torch_home() -> Path:
    """PyTorch's cache, whether it is installed or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(os.environ.get("TORCH_HOME", cache)).expanduser()


def _download(url: str, target: Path, digest: str) -> None:
    """Fetch a file whose SHA-256 begins with `digest`, whole or not at all."""
    import requests

    target.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    try:
        with requests.get(url, stream=True, timeout=20) as response, replacing(target) as temporary:
            response.raise_for_status()
            _write(response, temporary, found)
            if not found.hexdigest().startswith(digest):
                raise ValueError(f"a file whose SHA-256 begins with {found.hexdigest()[:8]}")
    except (requests.RequestException, OSError, ValueError) as error:
        raise WeightsError(
            f"{url}: must be there and have a SHA-256 that begins with {digest}; got {told(error)}"
        ) from error


def _write(response: Any, target: Path, digest: Any) -> None:
    from rich.progress import Progress

    total = int(response.headers.get("Content-Length", 0)) or None
    with target.open("wb") as file, Progress(transient=True) as progress:
        task = progress.add_task(target.name, total=total)
        for chunk in response.iter_content(1 << 20):
            if file.tell() + len(chunk) > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES:,} bytes")
            file.write(chunk)
            digest.update(chunk)
            progress.update(task, advance=len(chunk))
