"""Fine-tune another library's RegNet: `python finetune.py regnet_y_400mf.pth photos/`."""

import sys

import anynet_torch as anynet
from common.data import Augmentation, ImageFolder
from common.training import Recipe
from common.weights import new_head, save_weights
from common.weights.foreign import import_weights

checkpoint, photos = sys.argv[1:]
data = ImageFolder(photos, batch_size=16, size=64, augmentation=Augmentation(flip=True))

# The library and the network are recognised by the names and shapes of the arrays.
spec, arrays = import_weights(checkpoint)
spec, arrays = new_head(spec, arrays, num_classes=len(data.classes))
save_weights("start.safetensors", spec, arrays)

trainer = anynet.Trainer(
    max_epochs=2,
    recipe=Recipe(momentum=0.9, weight_decay=5e-5, warmup_epochs=0.5, schedule="cosine"),
    weights="start.safetensors",
    out="runs/finetuned",
)
trainer.fit(anynet.AnyNet.from_spec(spec, lr=0.01), data)
print(f"{trainer.evaluation.accuracy:.1%} correct")
