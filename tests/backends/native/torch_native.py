"""What tests must know of PyTorch."""

from contextlib import nullcontext

LABEL_DTYPE = "int64"
"""Of the labels in a batch that a loader gives."""

IMPORTED = {}
"""What importing the package changes for other code in the process."""

IMPORTED_WITH_WARNINGS = False
"""Whether the framework warns of itself when it is imported."""

IMPORTS = ("torch",)
"""What a user imports of the framework."""

KEEPING_MEMORY = {"memory given back": [True, False]}
"""What `keep_freed_memory` changes."""

KILLS = 6
"""How often a run is killed in tests: fewer where an attempt compiles for seconds."""

ELSEWHERE = {}
"""Pages whose code does not run in this framework's session, and why."""

TRAINS_PAGES_IN_FULL = True
"""Whether pages train for as many epochs as they say, or for one."""

READ_EXPORT = """
import torch
network = torch.export.load(path).module()
run = lambda images: network(torch.from_numpy(images)).detach().numpy()
"""
"""How a user reads an export."""


def array(values):
    import torch

    return torch.from_numpy(values)


def in_float64():
    """Where arrays of float64 stay so."""
    return nullcontext()


def loader(images, labels, size):
    """Batches as the framework's own loader gives them, and the order of their axes."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    tensors = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
    return DataLoader(tensors, size), "NCHW"


def call_block(block, shape):
    """Run a new block on zeros of `shape` (N, C, H, W)."""
    import torch

    return block(torch.zeros(shape))


def by_hand(backend, allocated):
    """A network of five classes without a spec; its weights may come with the first batch."""
    from torch import nn, zeros

    model = backend.Classifier()
    model.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    if allocated:
        model(zeros(1, 1, 8, 8))
    return model


def trainable(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def planned(backend, spec):
    """Trainable parameters of a network whose weights are not drawn, nor allocated here."""
    import torch

    with torch.device("meta"):
        return trainable(backend.create(spec))


def pad_like_same(monkeypatch):
    """Strided 3x3 convolutions that pad at the bottom and right alone."""
    import torch

    before = torch.nn.Conv2d.forward

    def forward(conv, x):
        if conv.stride != (2, 2) or conv.kernel_size != (3, 3):
            return before(conv, x)
        return torch.nn.functional.conv2d(
            torch.nn.functional.pad(x, (0, 1, 0, 1)), conv.weight, conv.bias, 2, 0, 1,
            conv.groups,
        )  # fmt: skip

    monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)


def device_of(device):
    """The device of arrays created on what `try_gpu` returned."""
    return str(device)


def loss_object():
    """A loss of the framework's, as an attribute `loss` would hold it."""
    from torch.nn import CrossEntropyLoss

    return CrossEntropyLoss()


def with_dropout(backend):
    """A network of ten classes without a spec that draws random numbers in training."""
    from torch import nn

    model = backend.Classifier()
    model.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(10), nn.Dropout(0.5))
    return model


def slope(network, images, direction):
    """The derivative of the logits of images along a direction, in forward mode."""
    import torch

    images, direction = torch.from_numpy(images), torch.from_numpy(direction)
    return torch.func.jvp(network.eval(), (images,), (direction,))[1].detach().numpy()


def output(layer, x):
    """The output of a layer without weights, in evaluation mode."""
    import torch

    return layer.eval()(torch.from_numpy(x))


def output_and_gradient(layer, x, gradient):
    """The output of a layer without weights, and the gradient of x for that of the output."""
    import torch

    x = torch.from_numpy(x).requires_grad_()
    y = layer(x)
    y.backward(torch.from_numpy(gradient))
    return y.detach(), x.grad
