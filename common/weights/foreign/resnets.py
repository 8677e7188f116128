"""Module paths of ResNets in libraries that call the layers of RegNets otherwise."""

from dataclasses import replace

from common.weights.foreign.layouts import Layout

RESNET = Layout(
    name="torchvision",
    block="layer{stage}.{block0}",
    layers={
        "stem.conv": "conv1",
        "stem.bn": "bn1",
        **{name: name for number in range(1, 4) for name in (f"conv{number}", f"bn{number}")},
        "conv4": "downsample.0",
        "bn4": "downsample.1",
        "head.fc": "fc",
    },
    blocks=("resnext", "resnet"),
    stems=("resnet",),
    widths=(64, 256, 512, 1024, 2048),
    network="ResNet",
)
"""torchvision.models.resnet; timm.models.resnet has the same names."""

RESNETS = {
    "torchvision": RESNET,
    "timm": replace(RESNET, name="timm", prefers_averaged=True),
}
"""The layouts of networks with ResNet's stem, where libraries have other names for these."""
