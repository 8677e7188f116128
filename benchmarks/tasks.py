"""What can be repeated and timed in a worker: each task makes a function to be called again."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from benchmarks import gpu
from benchmarks.cases import Case
from benchmarks.subjects import make_subject, plain_module, waiter
from common.arch import IMAGENET_IMAGE_SIZE
from common.backends import load_backend
from common.data import FashionMNIST
from common.data.fashion_mnist import Batch
from common.spaces import SPACES
from common.weights import Init

Run = Callable[[], None]
Task = Callable[[str, str, dict[str, Any]], Run]

MATRIX = 2048
"""Side of the square matrices whose product gives the machine's arithmetic ceiling."""

COUNTED = "sampled and counted"
"""Form in which populations are counted too."""

COPIED = 2**28
"""Bytes that are copied for the ceiling of memory."""


def training(backend: str, form: str, options: dict[str, Any]) -> Run:
    """One training step, to its end."""
    case, wait = Case.from_dict(options["case"]), waiter(backend)
    subject, (images, labels) = make_subject(backend, form, case), case.batch_of_images()

    def run() -> None:
        subject.train_step(images, labels)
        wait()

    return run


def inference(backend: str, form: str, options: dict[str, Any]) -> Run:
    """Logits of one batch."""
    case = Case.from_dict(options["case"])
    subject, (images, _) = make_subject(backend, form, case), case.batch_of_images()

    def run() -> None:
        subject.predict(images)

    return run


def building(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A network with its weights drawn, thrown away again.

    The form is a way to draw this project's initial weights, or plain.
    """
    case, wait = Case.from_dict(options["case"]), waiter(backend)

    def run() -> None:
        if form == "plain":
            plain_module(backend).Plain(case.spec, case.image_shape)
        else:
            load_backend(backend).create(case.spec, init=cast(Init, form))
        wait()

    return run


def pipeline(backend: str, form: str, options: dict[str, Any]) -> Run:
    """One batch of the shipped sample from the data loader, without a step."""
    batches = _endless(FashionMNIST(options["batch"], source="sample"))

    def run() -> None:
        next(batches)

    return run


def _endless(data: FashionMNIST) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from data.train_batches(0, epoch)
        epoch += 1


def sampling(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A population of a design space, and what it costs where the form says so, on one core."""
    space = SPACES[options["space"]]

    def run() -> None:
        population = space.sample(options["networks"], seed=0)
        if form == COUNTED:
            population.costs(IMAGENET_IMAGE_SIZE)

    return run


def product(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A product of two square float32 matrices in PyTorch."""
    import torch

    side = options["side"]
    a, b, out = torch.rand(side, side), torch.rand(side, side), torch.empty(side, side)

    def run() -> None:
        torch.mm(a, b, out=out)

    return run


def copy(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A copy from one place in memory to another in PyTorch."""
    import torch

    source = torch.ones(options["bytes"], dtype=torch.uint8)
    target = torch.ones_like(source)

    def run() -> None:
        target.copy_(source)

    return run


def gpu_product(backend: str, form: str, options: dict[str, Any]) -> Run:
    """A product of two square matrices on the GPU in the precision that is the form."""
    return gpu.product(backend, form, options["side"])


TASKS: dict[str, Task] = {
    task.__name__: task
    for task in (training, inference, building, pipeline, sampling, product, copy, gpu_product)
}
"""Every task by the name that requests take."""
