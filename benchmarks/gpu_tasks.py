"""What a worker measures on a GPU: steps, `Trainer.fit`, populations, products and copies.

Each task returns lists of values by name: seconds, and under `memory` the peak in bytes. A worker
measures one form after the other. Without a GPU they run on the CPU, as a check.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers import GPU_PEERS
from benchmarks.tasks import RATE, make_steps, plain_module
from common.backends import frozen_heap, load_backend
from common.data import FashionMNIST
from common.data.rows import Rows
from common.training import Device
from common.training.config import TrainConfig

Values = dict[str, list[float]]
Options = dict[str, Any]

_STEPS = 10
"""Steps between two looks at the clock: a GPU is given the next ones while it computes."""


def steps(backend: str, form: str, options: Options) -> Values:
    """Seconds of a training step, or prediction, with images from the host and on the device."""
    case, module = Case.from_dict(options["case"]), plain_module(backend)
    (train, infer), (images, labels) = make_steps(backend, form, case), case.batch_of_images()
    found: Values = {}
    for name, given in (("host", images), ("device", _on_device(backend, form, images))):
        once = partial(infer, given) if options["predicts"] else partial(train, given, labels)
        found[name] = _seconds(once, module.wait, options["rounds"])
    return found | {"memory": [_peak_memory(backend)]}


def _seconds(once: Callable[[], Any], wait: Callable[[], None], rounds: int) -> list[float]:
    """Seconds of a call, the mean of each round but the first."""
    values = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        for _ in range(_STEPS):
            once()
        wait()
        values.append((time.perf_counter() - began) / _STEPS)
    return values[1:]


def _on_device(backend: str, form: str, images: Any) -> Any:
    """Images on the device: rows for this project's learners, a tensor for others."""
    if form not in GPU_PEERS:
        return Rows(images, np.arange(len(images)))
    import torch

    return torch.from_numpy(images).to("cuda" if torch.cuda.is_available() else "cpu")


def _peak_memory(backend: str) -> float:
    """Bytes of the device's memory that arrays had at most since this was asked last."""
    if backend == "torch":
        import torch

        if not torch.cuda.is_available():
            return 0.0
        peak = float(torch.cuda.max_memory_allocated())
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return peak
    import jax

    known = jax.devices()[0].memory_stats() or {}  # whose peak is that of the whole process
    return float(known.get("peak_bytes_in_use", 0))


def fit(backend: str, form: str, options: Options) -> Values:
    """Seconds of a step of `Trainer.fit` on the sample, in each epoch after the first."""
    case, module = Case.from_dict(options["case"]), load_backend(backend)
    data = FashionMNIST(case.batch, case.image_size, source="sample")
    epochs = options["epochs"]
    trainer = module.Trainer(epochs, precision=form, progress=False)  # type: ignore[arg-type]
    trainer.fit(module.create(case.spec), data)
    rows = [row for row in trainer.history if row["kind"] == "interval"]
    before = [0, *(row["step"] for row in rows)]
    spent = [0.0] * epochs
    for earlier, row in zip(before, rows, strict=False):
        seconds = (row["step"] - earlier) * case.batch / row["images_per_second"]
        spent[earlier // data.steps_per_epoch] += seconds
    return {"fit": [seconds / data.steps_per_epoch for seconds in spent[1:]]}


def agreement(backend: str, form: str, options: Options) -> Values:
    """How far three training steps are from those of the CPU in the same precision.

    The largest relative difference of the losses, and that of the state, in which each array is
    compared by its largest value.
    """
    case, module = Case.from_dict(options["case"]), load_backend(backend)
    images, labels = case.batch_of_images()

    def trained(device: Device) -> tuple[list[float], dict[str, Any]]:
        network = module.create(case.spec)
        learner = module.Learner(network, case.image_shape, device=device, precision=form)  # type: ignore[arg-type]
        losses = [float(learner.train_step(images, labels, RATE)[0]) for _ in range(3)]
        return losses, learner.state()

    (losses, state), (expected, expected_state) = trained("auto"), trained("cpu")
    differences = [_difference(state[name], array) for name, array in expected_state.items()]
    return {"losses": [_difference(losses, expected)], "state": [max(differences)]}


def _difference(found: Any, expected: Any) -> float:
    """The largest difference as a share of the largest value."""
    expected = np.asarray(expected, np.float64)
    return float(np.max(np.abs(found - expected)) / max(np.max(np.abs(expected)), 1e-300))


def population(backend: str, form: str, options: Options) -> Values:
    """Seconds in which this process trains its part of a population of small networks.

    The part is every `workers`-th network from `first` on, `threads` of them at a time.
    """
    from common.spaces import SPACES, Limits
    from common.studies import StudyConfig
    from common.studies.crew import Crew
    from common.studies.networks import draw_all
    from common.studies.trials import Claim
    from common.studies.worker import train_network

    training = TrainConfig(
        backend, spec=None, data="sample", epochs=options["epochs"], precision=form,  # type: ignore[arg-type]
        resize=(28, 28),
    )  # fmt: skip
    space = replace(SPACES["AnyNetXE-small"], limits=Limits(flops=(1e6, 2e6), image_size=28))
    drawn = draw_all(StudyConfig((space,), options["networks"], training=training))
    waiting = drawn[options["first"] :: options["workers"]]
    module, data = load_backend(backend), FashionMNIST(training.batch_size, 28, "sample")
    crew = Crew(options["threads"], module.clear_caches, len(waiting))

    def train(thread: int) -> None:
        with module.own_stream():
            while crew.begin():
                try:
                    claim = Claim(0, 0, waiting.pop())
                    train_network(module, claim, data, training, lambda *_: False)
                finally:
                    crew.end(trained=True, done=True)

    began = time.perf_counter()
    with frozen_heap(backend):
        crew.run(train)
    return {"population": [time.perf_counter() - began]}


def yardsticks(backend: str, form: str, options: Options) -> Values:
    """Seconds of a product of square matrices in a precision, and of a copy of one in memory."""
    import torch

    from anynet_torch.layers import products

    dtype = torch.bfloat16 if form == "bfloat16" else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b, out = torch.rand(3, options["side"], options["side"], device=device, dtype=dtype)

    def multiply() -> None:
        with products(form):
            torch.mm(a, b, out=out)

    wait, rounds = plain_module(backend).wait, options["rounds"]
    return {
        "product": _seconds(multiply, wait, rounds),
        "copy": _seconds(lambda: out.copy_(a), wait, rounds),
        "bytes": [float(2 * a.nbytes)],
    }


MEASURES: dict[str, Callable[[str, str, Options], Values]] = {
    task.__name__: task for task in (steps, fit, agreement, population, yardsticks)
}
"""Every task by the name that requests take."""
