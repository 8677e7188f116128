"""What a worker times: each task makes a function that is called again and again."""

import importlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from benchmarks.cases import Case
from benchmarks.exported import Exported
from benchmarks.peers import GPU_PEERS, PEERS, make_peer
from benchmarks.plain import RATE
from common.arch import IMAGENET_IMAGE_SIZE
from common.backends import load_backend
from common.data import DataOptions, FashionMNIST, on_imagenet, open_data
from common.data.augment import AUGMENTATIONS
from common.data.loader import Batch
from common.errors import BackendError
from common.spaces import SPACES
from common.training.config import Precision

Run = Callable[[], object]
Step = Callable[..., Any]

PRECISIONS = ("float32", "tf32", "bfloat16")
"""float32 throughout; float32 with products in TF32; bfloat16 between float32 weights."""


def make_steps(backend: str, form: str, case: Case) -> tuple[Step, Step]:
    """The functions that train on images and labels, and that give the logits of images.

    Forms of this project are `ours` and `fused`, both in float32, and a precision, alone or after
    `fused`. Raises `BackendError` for a form that the backend does not have.
    """
    is_peer = backend == "torch" and form in (*PEERS, *GPU_PEERS)
    if form == "onnxruntime":
        exported = Exported(case)
        return exported.train_step, exported.eval_step
    if form == "plain" or is_peer:
        plain = plain_module(backend).Plain
        other = make_peer(form, case) if is_peer else plain(case.spec, case.image_shape)
        return other.train_step, other.eval_step
    precision = form.removeprefix("fused").strip() or "float32"
    if form == "ours":
        precision = "float32"
    elif precision not in PRECISIONS:
        raise BackendError(f"form: must be one that {backend} has; got {form!r}")
    module = load_backend(backend)
    network = module.create(case.spec)
    network = module.fuse(network) if form.startswith("fused") else network
    learner = module.Learner(network, case.image_shape, precision=cast(Precision, precision))
    return partial(learner.train_step, learning_rate=RATE), learner.eval_step


def plain_module(backend: str) -> Any:
    """The module of the plain formulation in a framework; its `wait` ends all that was begun."""
    return importlib.import_module(f"benchmarks.plain.{backend}")


def training(backend: str, form: str, options: dict[str, Any]) -> Run:
    """One training step, to its end."""
    case, wait = Case.from_dict(options["case"]), plain_module(backend).wait
    (train, _), (images, labels) = make_steps(backend, form, case), case.batch_of_images()

    def run() -> None:
        train(images, labels)
        wait()

    return run


def epoch(backend: str, form: str, options: dict[str, Any]) -> Run:
    """An epoch of training steps on batches of one of three forms.

    `memory` has images that are prepared already; `shards` and `photos` are read from the folder
    of that name in `options`, with ImageNet's augmentation. Preparing overlaps with the steps, as
    in `Trainer.fit`, but begins and ends with the epoch.
    """
    case, wait = Case.from_dict(options["case"]), plain_module(backend).wait
    size, numbers = (case.image_size, case.image_size), iter(range(2**30))
    seen = on_imagenet(size)
    module = load_backend(backend)
    learner = module.Learner(module.create(case.spec), seen)
    if form == "memory":
        whole = [case.batch_of_images()] * options["steps"]
        batches: Callable[[int], Iterable[Any]] = lambda number: whole  # noqa: E731
    else:
        source = DataOptions(seen, AUGMENTATIONS["imagenet"])
        data = open_data(options[form], case.batch, size, source)
        batches = partial(data.train_batches, 0)

    def run() -> None:
        for images, labels, *_ in batches(next(numbers)):
            learner.train_step(images, labels, RATE)
        wait()

    return run


def inference(backend: str, form: str, options: dict[str, Any]) -> Run:
    """Logits of one batch."""
    case = Case.from_dict(options["case"])
    (_, infer), (images, _) = make_steps(backend, form, case), case.batch_of_images()
    return partial(infer, images)


def sampling(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A population of a design space, and what its networks cost; no framework takes part."""
    space = SPACES[options["space"]]
    return lambda: space.sample(options["networks"], seed=0).costs(IMAGENET_IMAGE_SIZE)


def product(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A product of two square matrices in PyTorch: the yardstick of networks in that precision."""
    import torch

    from anynet_torch.layers import products

    precision, side, wait = form.split()[0], options["side"], plain_module(backend).wait
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b, out = torch.rand(3, side, side, device=device, dtype=dtype)

    def run() -> None:
        with products(precision):
            torch.mm(a, b, out=out)
        wait()

    return run


TASKS: dict[str, Callable[[str, str, dict[str, Any]], Run]] = {
    task.__name__: task for task in (training, epoch, inference, sampling, product)
}
"""Every task by the name that requests take."""


_BLOCK = 5
"""Steps between two looks at the clock."""


class TurnByTurn(FashionMNIST):
    """The shipped sample, whose training batches stop after every block for one of bare steps."""

    def __init__(self, case: Case, bare_step: Run, wait: Run) -> None:
        super().__init__(case.batch, case.image_size, source="sample")
        self.bare_step, self.wait = bare_step, wait
        self.values: dict[str, list[float]] = {"fit": [], "bare": []}

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; the clock of `fit` runs while the loop has its block."""
        began = time.perf_counter()
        for number, batch in enumerate(super().train_batches(seed, epoch, start), 1):
            yield batch
            if number % _BLOCK:
                continue
            self.wait()
            middle = time.perf_counter()
            for _ in range(_BLOCK):
                self.bare_step()
            self.wait()
            self.values["fit"].append((middle - began) / _BLOCK)
            began = time.perf_counter()
            self.values["bare"].append((began - middle) / _BLOCK)


def loop(backend: str, case: Case) -> dict[str, list[float]]:
    """Seconds of a step inside `Trainer.fit` and bare, in turn; the first blocks compile.

    `fit` resizes 28 pixel images, shows its bar, writes its record and checkpoints; the bare step
    gets images of the network's size.
    """
    module, wait = load_backend(backend), plain_module(backend).wait
    (train, _), images_and_labels = make_steps(backend, "ours", case), case.batch_of_images()
    data = TurnByTurn(case, partial(train, *images_and_labels), wait)
    with tempfile.TemporaryDirectory() as folder:
        trainer = module.Trainer(1, out=Path(folder, "run"), log_every=_BLOCK)
        trainer.fit(module.create(case.spec), data)
    return {form: values[1:] for form, values in data.values.items()}
