"""Train half of a run, and the other half where this file runs next: `python relay.py`, twice."""

from pathlib import Path

import anynet_torch as anynet
from common.training import REGNET_RECIPE

run = Path("runs/relay")
begun = run.exists()

trainer = anynet.Trainer(
    max_epochs=2,
    recipe=REGNET_RECIPE,  # the other half inherits momentum and schedule
    out=run,
    stop_after=2 if begun else 1,
)
data = anynet.FashionMNIST(batch_size=128, resize=(28, 28), source="sample")
trainer.fit(anynet.RegNetX32(lr=0.1), data, resume=begun)
