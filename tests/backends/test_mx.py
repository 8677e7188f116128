"""What MXNet users expect of a Gluon block."""

import os
import subprocess
import sys

import numpy
import pytest

mxnet = pytest.importorskip("mxnet")

import anynet_mx as anynet  # noqa: E402
from anynet_mx.convolution import conv, joined_width  # noqa: E402
from anynet_mx.layers import GlobalAvgPool, SqueezeExcitation  # noqa: E402
from common import REGNETX32, AnyNetSpec  # noqa: E402
from common.weights import expected_shapes  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)
_X = numpy.random.default_rng(0).random((2, 1, 16, 16), numpy.float32)


@pytest.fixture
def model():
    return anynet.create(_SPEC, seed=3)


def test_hybridising_changes_no_logits(model):
    before = anynet.logits(model, _X)
    model.net.hybridize(static_alloc=True, static_shape=True)
    numpy.testing.assert_allclose(anynet.logits(model, _X), before, atol=1e-6)


@pytest.mark.perf
def test_a_hybridised_network_is_one_graph(model):
    model.net.hybridize()
    anynet.logits(model, _X)
    inputs, output = model.net._cached_graph
    assert len(inputs) == 1
    assert "fullyconnected" in output.tojson().lower()


@pytest.mark.filterwarnings("ignore:.*Cannot decide type:UserWarning")
def test_an_exported_network_gives_the_same_logits(model, tmp_path):
    model.net.hybridize()
    before = anynet.logits(model, _X)
    model.net.export(str(tmp_path / "net"))
    imported = mxnet.gluon.SymbolBlock.imports(
        str(tmp_path / "net-symbol.json"), ["data"], str(tmp_path / "net-0000.params")
    )
    numpy.testing.assert_allclose(imported(mxnet.np.array(_X)).asnumpy(), before, atol=1e-6)


def test_parameter_paths_are_canonical_names():
    paths = anynet.RegNetX32().net._collect_params_with_prefix()
    names = {path.replace("gamma", "weight").replace("beta", "bias") for path in paths}
    assert names == set(expected_shapes(REGNETX32))


def test_a_stage_without_in_channels_finds_them_at_the_first_call():
    stage = anynet.RegNetX32().stage(2, 32, 16, 1)
    stage.initialize()
    assert stage(mxnet.np.zeros((2, 5, 8, 8))).shape == (2, 32, 4, 4)


def test_the_chapters_slip_is_another_network():
    # The MXNet tab gives a stage's later blocks (num_channels, num_channels, groups, bot_mul).
    block = anynet.ResNeXtBlock(80, 80, 16, 1)
    block.initialize()
    block(mxnet.np.zeros((1, 80, 4, 4)))
    assert block.conv2.weight.shape == (1280, 80, 3, 3)
    assert block.conv4 is not None


_STEP = """
import sys
import numpy
import anynet_mx
from common import AnyNetSpec

arch, block, se_ratio, stem = eval(sys.argv[1])
spec = AnyNetSpec.from_arch(arch, 32, block=block, se_ratio=se_ratio, stem=stem)
learner = anynet_mx.Learner(anynet_mx.create(spec), (1, 32, 32), device="cpu")
learner.train_step(numpy.zeros((2, 1, 32, 32), "uint8"), numpy.zeros(2, "int32"), 0.1)
learner.eval_step(numpy.zeros((2, 1, 32, 32), "uint8"))
"""


@pytest.mark.perf
@pytest.mark.parametrize(
    ("arch", "block", "se_ratio", "stem"),
    [
        (((2, 48, 16, 1), (1, 96, 16, 1)), "resnext", 0.25, "simple"),
        (((2, 48, 8, 1), (1, 104, 8, 1)), "resnext", 0, "simple"),
        (((1, 96, 24, 1), (1, 48, 12, 1), (1, 48, 4, 1)), "resnext", 0.25, "simple"),
        (((1, 24, 24, 1), (1, 48, 24, 1), (1, 48, 16, 1)), "resnext", 0, "simple"),
        (((1, 24, 1, 4), (1, 64, 1, 1)), "resnext", 0.25, "simple"),
        (((1, 48), (1, 104), (1, 32)), "resnet", 0, "simple"),
        (((1, 48), (1, 104), (1, 32)), "vanilla", 0, "simple"),
        (((1, 48), (1, 104), (1, 32)), "v", 0, "simple"),
        (((1, 48), (1, 104), (1, 32)), "vr", 0, "resnet"),
        (((1, 48, 24, 1), (1, 32, 16, 1)), "resnext", 0, "resnet"),
    ],
    ids=str,
)
def test_no_batch_norm_runs_in_the_slow_reference_implementation(arch, block, se_ratio, stem):
    command = [sys.executable, "-W", "ignore", "-c", _STEP, repr((arch, block, se_ratio, stem))]
    environment = {**os.environ, "DNNL_VERBOSE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    norms = [line for line in done.stdout.splitlines() if ",batch_normalization," in line]
    assert norms or "dnnl_verbose" not in done.stdout
    assert [line for line in norms if "ref:any" in line] == []


def _assert_same_function(ours, plain, *arrays):
    """Two functions of arrays have the same values and the same gradients."""
    results = []
    for function in (ours, plain):
        inputs = [mxnet.np.array(array, dtype=array.dtype) for array in arrays]
        for x in inputs:
            x.attach_grad()
        with mxnet.autograd.record():
            y = function(*inputs)
            total = (y**3).sum()
        total.backward()
        results.append([array.asnumpy() for array in (y, *(x.grad for x in inputs))])
    for array, expected in zip(*results, strict=True):
        assert array.dtype == expected.dtype
        digits = 1e-12 if array.dtype == numpy.float64 else 1e-5
        largest = abs(expected).max()
        numpy.testing.assert_allclose(array, expected, rtol=digits, atol=digits * largest)


@pytest.mark.parametrize("hybridised", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 16, 8, 8), (1, 5, 3, 7), (3, 24, 1, 1)])
def test_the_pooling_is_the_mean(shape, dtype, hybridised):
    x = numpy.random.default_rng(0).standard_normal(shape).astype(dtype)
    pool = GlobalAvgPool()
    pool.hybridize(hybridised)
    _assert_same_function(pool, lambda x: x.mean((2, 3)), x)


@pytest.mark.parametrize("hybridised", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 16, 8, 8), (1, 5, 3, 7), (3, 24, 1, 1)])
def test_squeeze_and_excitation_is_a_product(shape, dtype, hybridised):
    layer = SqueezeExcitation(shape[1], 4)
    layer.initialize()
    layer.cast(dtype)
    layer.hybridize(hybridised)

    def product(x):
        gates = mxnet.npx.relu(layer.fc1(x.mean((2, 3))))
        return x * mxnet.npx.sigmoid(layer.fc2(gates))[:, :, None, None]

    x = numpy.random.default_rng(0).standard_normal(shape).astype(dtype)
    _assert_same_function(layer, product, x)


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("channels", "strides", "groups", "joined"),
    [
        *((36, 1, 3, 12), (36, 2, 3, 12), (36, 1, 9, 4), (36, 2, 1, 36)),
        *((48, 1, 6, 16), (48, 2, 12, 16), (96, 1, 4, 48), (104, 1, 13, 8)),
    ],
)
def test_a_grouped_convolution_is_dense_ones_side_by_side(
    channels, strides, groups, joined, dtype, side
):
    rng = numpy.random.default_rng(0)
    x = rng.standard_normal((2, channels, side, side)).astype(dtype)
    layer = conv(channels, 3, strides, groups, use_bias=False, in_channels=channels)
    layer.initialize()
    layer.cast(dtype)
    weight = rng.standard_normal((channels, channels // groups, 3, 3)).astype(dtype)
    assert weight.shape == layer.weight.shape
    assert joined_width(channels, groups) == joined

    def dense(x, weight):
        return mxnet.np.concatenate(
            [
                mxnet.npx.convolution(
                    part, kernel, None, no_bias=True, num_filter=channels // groups,
                    kernel=(3, 3), stride=(strides, strides), pad=(1, 1),
                )
                for part, kernel in zip(
                    mxnet.np.split(x, groups, 1), mxnet.np.split(weight, groups, 0), strict=True
                )
            ],
            axis=1,
        )  # fmt: skip

    _assert_same_function(
        lambda x, weight: layer.hybrid_forward(mxnet.nd, x, weight), dense, x, weight
    )


def test_there_is_no_apply_init_as_in_the_chapters_tab():
    assert not hasattr(anynet.Classifier, "apply_init")
