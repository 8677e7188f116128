"""Fine-tune a RegNet of another library: `python finetune.py regnet_y_400mf.pth`."""

import sys

import anynet_torch as anynet
from common.data import ImageSet
from common.training import Recipe
from common.weights import new_head, save_weights
from common.weights.foreign import import_weights


class InColour(anynet.FashionMNIST):
    """Grey images with three equal channels, as the network expects them."""

    def __init__(self, batch_size: int, resize: int, source: str) -> None:
        super().__init__(batch_size, resize, source)
        self.train, self.val = (
            ImageSet(part.images.repeat(3, axis=1), part.labels) for part in (self.train, self.val)
        )


# The library and the network are recognised by the names and shapes of the arrays.
spec, arrays = import_weights(sys.argv[1])
spec, arrays = new_head(spec, arrays, num_classes=10)
save_weights("start.safetensors", spec, arrays)

trainer = anynet.Trainer(
    max_epochs=2,
    recipe=Recipe(momentum=0.9, weight_decay=5e-5, warmup_epochs=0.5, schedule="cosine"),
    weights="start.safetensors",
    out="runs/finetuned",
)
trainer.fit(anynet.AnyNet.from_spec(spec, lr=0.01), InColour(64, 64, "sample"))
print(f"{trainer.evaluation.accuracy:.1%} correct")
