"""The plain networks of the benchmarks, and workers that measure them."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import RegNetX32, RegNetX_200MF, RegNetY_400MF, shrunk
from benchmarks.gpu_tasks import MEASURES, _difference
from benchmarks.peers import make_peer
from benchmarks.photos import make_photos
from benchmarks.processes import Process, WorkerError
from common.arch import count
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images

_CASES = [shrunk(case) for case in (RegNetX32, RegNetY_400MF)]


def _parameters(plain):
    """The numbers of elements of the trainable arrays of a plain network."""
    if hasattr(plain, "variables"):  # JAX
        import jax

        return [leaf.size for leaf in jax.tree.leaves(plain.variables["params"])]
    if hasattr(plain.net, "collect_params"):  # MXNet
        arrays = plain.net.collect_params().values()
        return [array.data().size for array in arrays if array.grad_req != "null"]
    if hasattr(plain.net, "trainable_variables"):  # Keras
        return [array.numpy().size for array in plain.net.trainable_variables]
    return [array.numel() for array in plain.net.parameters()]


@pytest.fixture(scope="module")
def work(name, backend, tmp_path_factory):
    """Starts a worker for a form."""
    log = tmp_path_factory.mktemp("log") / "log.txt"
    return lambda form: Process(Path(sys.executable), name, form, log)


@pytest.mark.bare("torch")
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.network)
def test_the_plain_network_has_the_planned_parameters(name, backend, case):
    plain = importlib.import_module(f"benchmarks.plain.{name}").Plain(case.spec, case.image_shape)
    assert sum(_parameters(plain)) == count(case.spec, case.image_size).params


@pytest.mark.bare("torch")
@pytest.mark.parametrize(("task", "form"), [("training", "plain"), ("inference", "fused")])
def test_a_worker_times_a_step(work, task, form):
    with work(form) as worker:
        prepared = worker.ask("prepare", task=task, options={"case": _CASES[1].to_dict()})
        assert prepared["first"] > 0
        assert worker.ask("time")["seconds"] > 0


@pytest.mark.bare("torch")
@pytest.mark.parametrize("form", ["memory", "shards"])
def test_a_worker_times_an_epoch(work, tmp_path, form):
    photos, shards = tmp_path / "photos", tmp_path / "shards"
    make_photos(photos, 8)
    prepare_shards(find_images(photos), shards)
    case = shrunk(RegNetX_200MF)
    options = {"case": case.to_dict(), "steps": 2, "shards": str(shards)}
    with work(form) as worker:
        assert worker.ask("prepare", task="epoch", options=options)["first"] > 0


_TINY = {"case": _CASES[0].to_dict(), "rounds": 1}
_FIT = {"case": replace(_CASES[0], batch=400).to_dict(), "epochs": 2}


@pytest.mark.parametrize(
    ("task", "form", "options", "found"),
    [
        ("steps", "float32", {**_TINY, "predicts": False}, {"host", "device", "memory"}),
        ("steps", "fused float32", {**_TINY, "predicts": True}, {"host", "device", "memory"}),
        ("fit", "float32", _FIT, {"fit"}),
        ("population", "float32",
         {"networks": 2, "workers": 1, "first": 0, "threads": 2, "epochs": 1}, {"population"}),
    ],
)  # fmt: skip
@pytest.mark.full
@pytest.mark.usefixtures("backend")
def test_a_worker_measures_on_a_cpu_what_it_does_on_a_gpu(name, task, form, options, found):
    if name not in ("torch", "jax"):
        pytest.skip("the section on GPUs is of PyTorch and JAX")
    values = MEASURES[task](name, form, options)
    assert values.keys() == found
    assert all(value > 0 for what in found - {"memory"} for value in values[what])


@pytest.mark.full
@pytest.mark.usefixtures("backend")
def test_steps_on_a_cpu_agree_with_themselves(name):
    case = shrunk(RegNetX32).to_dict()
    found = MEASURES["agreement"](name, "float64", {"case": case})
    assert found == {"losses": [0.0], "state": [0.0]}
    assert _difference([1.0, 2.0], [1.0, 4.0]) == 0.5


@pytest.mark.full
@pytest.mark.parametrize("form", ["plain bfloat16", "timm bfloat16", "torchvision bfloat16"])
def test_a_peer_takes_images_on_the_device(name, backend, form):
    if name != "torch":
        pytest.skip("PyTorch's libraries")
    import torch

    if not form.startswith("plain"):
        pytest.importorskip(form.split()[0], exc_type=Exception)
    case = replace(RegNetY_400MF, image_size=32, batch=4)
    peer = make_peer(form, case)
    images, labels = case.batch_of_images()
    assert torch.isfinite(peer.train_step(torch.from_numpy(images), labels))
    np.testing.assert_array_equal(peer.eval_step(torch.from_numpy(images)), peer.eval_step(images))


def test_a_worker_answers_after_an_error(work):
    with work("none") as worker:
        with pytest.raises(WorkerError, match="form: must be one"):
            worker.ask("prepare", task="training", options={"case": _CASES[0].to_dict()})
        assert worker.ask("facts")["versions"]


def test_a_worker_that_ended_is_an_error(work):
    with work("ours") as worker:
        worker._process.kill()
        with pytest.raises(WorkerError, match="the worker ended; see "):
            worker.ask("facts")
