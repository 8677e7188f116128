"""Runs that start from trained weights."""

from dataclasses import replace

import numpy as np

from common.training.state import read_weights
from common.weights import initial_weights, save_weights
from tests.common.training.fakes import SPEC, Data, FakeTrainer, Model


def test_a_head_of_other_classes_is_drawn_anew_and_said(tmp_path, caplog):
    other = replace(SPEC, num_classes=SPEC.num_classes + 5)
    save_weights(tmp_path / "start.safetensors", other, initial_weights(other, 3))
    state = read_weights(str(tmp_path / "start.safetensors"), SPEC, seed=4)
    assert np.array_equal(state["head.fc.weight"], initial_weights(SPEC, 4)["head.fc.weight"])
    assert np.array_equal(state["stem.conv.weight"], initial_weights(SPEC, 3)["stem.conv.weight"])
    classes = SPEC.num_classes
    assert caplog.messages == [
        f"head: drawn anew for {classes} classes; the file has {classes + 5}"
    ]


def test_a_resumed_run_does_not_need_the_weights_that_it_started_from(tmp_path):
    save_weights(tmp_path / "start.safetensors", SPEC, initial_weights(SPEC))
    settings = {"weights": tmp_path / "start.safetensors", "out": tmp_path / "run"}
    FakeTrainer(2, stop_after=1, **settings).fit(Model(), Data())
    (tmp_path / "start.safetensors").unlink()
    rows = FakeTrainer(2, **settings).fit(Model(), Data(), resume=True)
    assert rows[-1]["kind"] == "end"
