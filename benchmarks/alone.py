"""What runs by itself in a worker of its own: the training loop, and loading weights."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.memory import reset_peak, resident
from benchmarks.plain import RATE
from benchmarks.studies import worker
from benchmarks.subjects import waiter
from common.backends import load_backend
from common.data import FashionMNIST
from common.data.fashion_mnist import Batch
from common.errors import BackendError
from common.weights import initial_weights, save_weights
from common.weights.foreign import export_weights, import_weights

OWN = "own.safetensors"
"""Name of the weight file in this project's own format."""

Values = dict[str, list[float]]


class TurnByTurn(FashionMNIST):
    """The shipped sample, whose training batches stop after every block for one of bare steps.

    `bare_step` makes a step without a loop around it, `wait` returns when all steps are done.
    """

    def __init__(
        self, case: Case, block: int, bare_step: Callable[[], None], wait: Callable[[], None]
    ) -> None:
        super().__init__(case.batch, case.image_size, source="sample")
        self.block = block
        self.bare_step = bare_step
        self.wait = wait
        self.values: Values = {"fit": [], "bare": []}

    def train_batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; the clock of `fit` runs while the loop has its block."""
        began = time.perf_counter()
        for number, batch in enumerate(super().train_batches(seed, epoch, start), 1):
            yield batch
            if number % self.block:
                continue
            self.wait()
            self.values["fit"].append((time.perf_counter() - began) / self.block)
            self.values["bare"].append(self._bare())
            began = time.perf_counter()

    def _bare(self) -> float:
        began = time.perf_counter()
        for _ in range(self.block):
            self.bare_step()
        self.wait()
        return (time.perf_counter() - began) / self.block


def loop(backend: str, options: dict[str, Any]) -> Values:
    """Seconds of a step inside `Trainer.fit` and bare, in turn; the first blocks compile.

    `fit` resizes 28 pixel images, shows its bar, writes its record and checkpoints; the bare step
    gets images of the network's size.
    """
    case, module = Case.from_dict(options["case"]), load_backend(backend)
    learner = module.Learner(module.create(case.spec), case.image_shape)
    images, labels = case.batch_of_images()

    def bare_step() -> None:
        learner.train_step(images, labels, RATE)

    data = TurnByTurn(case, options["block"], bare_step, waiter(backend))
    with tempfile.TemporaryDirectory() as folder:
        trainer = module.Trainer(1, out=Path(folder, "run"), log_every=options["block"])
        network = module.create(case.spec)
        trainer.fit(network, data)
    return {name: values[1:] for name, values in data.values.items()}


def writing(backend: str, options: dict[str, Any]) -> Values:
    """Weight files of every format in a folder: the bytes of each by its name."""
    spec, folder = Case.from_dict(options["case"]).spec, Path(options["folder"])
    arrays = initial_weights(spec)
    save_weights(folder / OWN, spec, arrays)
    for name in ("torchvision.safetensors", "torchvision.npz", "torchvision.pth"):
        if backend == "torch" or not name.endswith(".pth"):
            export_weights(folder / name, spec, arrays, "torchvision")
    return {path.name: [float(path.stat().st_size)] for path in sorted(folder.iterdir())}


def loading(backend: str, options: dict[str, Any]) -> Values:
    """Seconds of loading a weight file, and the peak of memory above the model meanwhile.

    This project's own file is loaded as users do, building included; what is left in the end is
    the model. Another library's file is put into a model that is already there.
    """
    case, module = Case.from_dict(options["case"]), load_backend(backend)
    path = Path(options["folder"], options["name"])
    own = path.name == OWN
    network = module.create("regnetx32" if own else case.spec)
    before, began = reset_peak(), time.perf_counter()
    if own:
        network = module.load(path)
    else:
        module.set_weights(network, import_weights(path)[1])
    seconds, peak = time.perf_counter() - began, resident("VmHWM")
    if network.spec != case.spec:
        raise BackendError(f"{path}: must give {case.spec}; got {network.spec}")
    return {"seconds": [seconds], "bytes": [peak - (reset_peak() if own else before)]}


ALONE: dict[str, Callable[[str, dict[str, Any]], Values]] = {
    task.__name__: task for task in (loop, writing, loading, worker)
}
"""Every such measurement by the name that requests take."""
