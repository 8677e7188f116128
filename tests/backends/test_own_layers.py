"""The shipped `AnyNet` with the layers of a reader, in the chapter's signatures."""

import numpy as np
import pytest

from common.errors import BackendError, ConfigError, SpecError
from tests.backends.cells import cells, run, runnable
from tests.backends.native import to_layout
from tests.backends.test_overrides import _DATA, _IMAGES, _LABELS, _SHAPE

_ARCH = ((1, 8, 4, 1), (1, 16, 4, 1))


@pytest.fixture(scope="module")
def chapter(backend, name):
    """The names that the chapter's cells up to `stage` define."""
    imports, anynet, stage = cells(name)[1:4]
    return run(name, [imports, anynet, stage])


@pytest.fixture(params=[pytest.param("stem", marks=pytest.mark.bare("torch", "mx", "tf")), "stage"])
def mine(request, backend, chapter):
    """A subclass of the shipped class with a method of the chapter's."""
    method = getattr(chapter["AnyNet"], request.param)
    return type("Mine", (backend.AnyNet,), {request.param: method})


def test_a_chapters_method_works_on_the_shipped_class(backend, mine):
    trainer = backend.Trainer(1, 0, progress=False)
    rows = trainer.fit(mine(_ARCH, 8), _DATA)
    assert [row["kind"] for row in rows] == ["start", "interval", "epoch", "end"]
    arrays = backend.get_weights(trainer.network)
    assert [name for name, array in arrays.items() if not np.isfinite(array).all()] == []
    assert backend.logits(trainer.network, np.zeros((2, *_SHAPE))).shape == (2, 10)


def test_layers_of_the_spec_keep_their_seeded_weights(backend, mine):
    learner = backend.Learner(mine(_ARCH, 8, seed=3), _SHAPE, device="cpu")
    shipped = backend.Learner(backend.AnyNet(_ARCH, 8, seed=3), _SHAPE, device="cpu")
    found, expected = learner.state(), shipped.state()
    shared = found.keys() & expected.keys()
    assert "head.fc.weight" in shared
    assert [name for name in shared if not np.array_equal(found[name], expected[name])] == []
    assert len(found) == len(expected)
    assert found.keys() != expected.keys()


def test_own_layers_learn(backend, mine):
    learner = backend.Learner(mine(_ARCH, 8), _SHAPE, device="cpu")
    losses = [float(learner.train_step(_IMAGES, _LABELS, 0.1)[0]) for _ in range(8)]
    assert losses[-1] < losses[0]


def test_a_spec_is_not_saved_for_layers_that_it_does_not_describe(backend, mine, tmp_path):
    model = mine(_ARCH, 8)
    with pytest.raises(ConfigError, match="out: needs a model with a spec that describes it"):
        backend.Trainer(1, 0, progress=False, out=tmp_path / "run").fit(model, _DATA)
    assert not (tmp_path / "run").exists()
    trainer = backend.Trainer(1, 0, progress=False)
    trainer.fit(model, _DATA)
    with pytest.raises(SpecError, match="its spec must describe it; got .*Mine"):
        backend.save(trainer.network, tmp_path / "mine.safetensors")
    with pytest.raises(ConfigError, match="precise_bn: needs a spec"):
        backend.Trainer(1, 0, progress=False, precise_bn=8).fit(mine(_ARCH, 8), _DATA)


def test_a_spec_does_not_make_a_class_with_own_layers(backend, mine):
    spec = backend.AnyNet(_ARCH, 8).spec
    with pytest.raises(SpecError, match=r"own st(em|age); call Mine\(spec=spec\)"):
        mine.from_spec(spec)
    named = type("Named", (backend.AnyNet,), {"title": "mine"})
    assert type(named.from_spec(spec)) is backend.AnyNet


def test_a_stage_without_a_stride_is_not_given_one(backend, chapter):
    stage = chapter["AnyNet"].stage
    mine = type("Mine", (backend.AnyNet,), {"stage": stage})
    with pytest.raises(SpecError, match="stage: must take 5 arguments"):
        backend.Learner(mine(((1, 8, 4, 1, 1),), 8), _SHAPE, device="cpu")


def test_own_forwards_are_called_in_either_mode(backend):
    doubled = type(
        "Mine", (backend.AnyNet,), {"forward": lambda self, images: 2 * self.net(images)}
    )
    ours = backend.Learner(backend.AnyNet(_ARCH, 8), _SHAPE, device="cpu")
    theirs = backend.Learner(doubled(_ARCH, 8), _SHAPE, device="cpu")
    np.testing.assert_allclose(theirs.eval_step(_IMAGES), 2 * ours.eval_step(_IMAGES), rtol=1e-5)
    running, batch = (
        backend.logits(theirs.network, _IMAGES / 255.0, training=mode) for mode in (False, True)
    )
    assert np.abs(running - batch).max() > 1e-3


def test_own_layers_in_float64_are_float64_or_refused(backend, mine):
    def learner():
        return backend.Learner(mine(_ARCH, 8), _SHAPE, device="cpu", precision="float64")

    if backend.SUPPORTS_FLOAT64_OWN_LAYERS:
        assert {array.dtype.name for array in learner().state().values()} == {"float64"}
        return
    with pytest.raises(BackendError, match="precision: all layers must be float64"):
        learner()


def test_the_chapters_own_network_is_not_rounded_in_silence(backend, name):
    *building, _, _ = runnable(name)
    own = run(name, building)["RegNetX32"]
    if not backend.SUPPORTS_FLOAT64_OWN_LAYERS:
        with pytest.raises(BackendError, match="precision: Keras must make a network again"):
            backend.Learner(own(), _SHAPE, device="cpu", precision="float64")
        return
    learner = backend.Learner(own(), _SHAPE, device="cpu", precision="float64")
    assert {array.dtype.name for array in learner.state().values()} == {"float64"}


def test_own_layers_have_a_summary(backend, mine, capsys):
    mine(_ARCH, 8).layer_summary(to_layout(backend, (1, 1, 8, 8)))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1] for line in (lines[0], lines[-1])] == [
        str(to_layout(backend, (1, 8, 4, 4))), "(1, 10)",
    ]  # fmt: skip


def test_layers_that_draw_random_numbers_learn_or_are_one_error(backend, native):
    model = native.with_dropout(backend)
    if not backend.SUPPORTS_RANDOM_LAYERS:
        with pytest.raises(BackendError, match="model: must need no random keys in training"):
            backend.Learner(model, _SHAPE, device="cpu")
        return
    learner = backend.Learner(model, _SHAPE, device="cpu")
    losses = {float(learner.train_step(_IMAGES, _LABELS, 0.0)[0]) for _ in range(4)}
    assert len(losses) > 1
    assert np.array_equal(learner.eval_step(_IMAGES), learner.eval_step(_IMAGES))
