"""The callback of the page on logging, with a stand-in for the service."""

import sys
from types import ModuleType

import pytest

import common.training
from tests.common.training.fakes import Data, FakeTrainer, Model
from tests.documents import ROOT, read


class _Service(ModuleType):
    """What the page uses of wandb: a run that notes what it is told."""

    def __init__(self):
        super().__init__("wandb")
        self.started, self.logged, self.finished = [], [], 0

    def init(self, **settings):
        self.started.append(settings)
        return self

    def log(self, numbers, step):
        self.logged.append((step, numbers))

    def finish(self):
        self.finished += 1


@pytest.fixture
def service(monkeypatch):
    made = _Service()
    monkeypatch.setitem(sys.modules, "wandb", made)
    monkeypatch.setitem(sys.modules, "anynet_torch", common.training)
    return made


@pytest.fixture
def callback(service, tmp_path):
    """An instance of the class that the page defines."""
    (block,) = (one for one in read(ROOT / "docs/logging.md") if "wandb" in one.code)
    names = {"__name__": "page"}
    block.run(names, tmp_path)
    return names["WeightsAndBiases"]()


def test_the_service_gets_the_settings_and_every_number(service, callback, tmp_path):
    trainer = FakeTrainer(1, out=tmp_path / "run", log_every=1, callbacks=[callback])
    history = trainer.fit(Model(), Data())
    assert service.started[0]["config"]["epochs"] == 1
    assert [(step, len(numbers)) for step, numbers in service.logged] == [
        (row["step"], len(row) - 1) for row in history if row["kind"] in ("interval", "epoch")
    ]
    assert service.finished == 1
