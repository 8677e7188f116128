"""What tests must know of MXNet."""

from contextlib import nullcontext
from math import prod

LABEL_DTYPE = "int32"
"""Of the labels in a batch that a loader gives."""

IMPORTED = {"mxnet: arrays of NumPy": [[False, False], [True, True]]}
"""What importing the package changes for other code in the process.

`npx.set_np`, which the layers of `mxnet.np` need for as long as the process runs.
"""

IMPORTED_WITH_WARNINGS = True
"""Whether the framework warns of itself when it is imported: 1.9.1 is MXNet's last release."""

IMPORTS = ("mxnet",)
"""What a user imports of the framework."""

KEEPING_MEMORY = {}
"""What `keep_freed_memory` changes."""

KILLS = 8
"""How often a run is killed in tests: fewer where an attempt compiles for seconds."""

ELSEWHERE = {"weights.md": "begins with a file of PyTorch's"}
"""Pages whose code does not run in this framework's session, and why."""

TRAINS_PAGES_IN_FULL = False
"""Whether pages train for as many epochs as they say, or for one."""

READ_EXPORT = """
import warnings
warnings.simplefilter("ignore")
import mxnet
mxnet.npx.set_np()
files = [f"{path}/model-symbol.json", ["data"], f"{path}/model-0000.params"]
network = mxnet.gluon.SymbolBlock.imports(*files)
run = lambda images: network(mxnet.np.array(images)).asnumpy()
"""
"""How a user reads an export."""


def array(values):
    import mxnet

    return mxnet.np.array(values, dtype=values.dtype)


def in_float64():
    """Where arrays of float64 stay so."""
    return nullcontext()


def loader(images, labels, size):
    """Batches as the framework's own loader gives them, and the order of their axes."""
    from mxnet.gluon.data import ArrayDataset, DataLoader

    return DataLoader(ArrayDataset(array(images), array(labels)), size), "NCHW"


def call_block(block, shape):
    """Run a new block on zeros of `shape` (N, C, H, W)."""
    import mxnet

    block.initialize()
    return block(mxnet.np.zeros(shape))


def by_hand(backend, allocated):
    """A network of five classes without a spec; its weights may come with the first batch."""
    from mxnet import np as mx_np
    from mxnet.gluon import nn

    model = backend.Classifier()
    model.net = nn.HybridSequential()
    model.net.add(nn.Flatten(), nn.Dense(5))
    model.net.initialize()
    if allocated:
        model(mx_np.zeros((1, 1, 8, 8)))
    return model


def trainable(network):
    parameters = network.collect_params().values()
    return sum(prod(p.shape) for p in parameters if p.grad_req != "null")


def planned(backend, spec):
    """Trainable parameters of a network whose weights are not drawn."""
    return trainable(backend.create(spec, init="zeros"))


def pad_like_same(monkeypatch):
    """Strided 3x3 convolutions that pad at the bottom and right alone."""
    from mxnet.gluon.nn import Conv2D

    before = Conv2D.hybrid_forward

    def hybrid_forward(conv, F, x, weight, bias=None):  # noqa: N803
        own = conv._kwargs
        if own["stride"] != (2, 2) or own["kernel"] != (3, 3):
            return before(conv, F, x, weight, bias)
        # On even sizes every second output of stride 1, from the second on.
        conv._kwargs = {**own, "stride": (1, 1)}
        try:
            y = before(conv, F, x, weight, bias)
        finally:
            conv._kwargs = own
        return F.npx.slice(y, (None, None, 1, 1), (None,) * 4, (None, None, 2, 2))

    monkeypatch.setattr(Conv2D, "hybrid_forward", hybrid_forward)


def device_of(device):
    """The device of arrays created on what `try_gpu` returned."""
    return str(device)


def loss_object():
    """A loss of the framework's, as an attribute `loss` would hold it."""
    from mxnet.gluon.loss import SoftmaxCrossEntropyLoss

    return SoftmaxCrossEntropyLoss()


def with_dropout(backend):
    """A network of ten classes without a spec that draws random numbers in training."""
    from mxnet.gluon import nn

    model = backend.Classifier()
    model.net = nn.HybridSequential()
    model.net.add(nn.Flatten(), nn.Dense(10), nn.Dropout(0.5))
    model.net.initialize()
    return model


def output(layer, x):
    """The output of a layer without weights, in evaluation mode."""
    import mxnet

    layer.hybridize()
    return layer(mxnet.np.array(x, dtype=x.dtype))


def output_and_gradient(layer, x, gradient):
    """The output of a layer without weights, and the gradient of x for that of the output."""
    import mxnet

    x, gradient = (mxnet.np.array(array, dtype=array.dtype) for array in (x, gradient))
    x.attach_grad()
    with mxnet.autograd.record():
        y = layer(x)
    y.backward(gradient)
    return y, x.grad
