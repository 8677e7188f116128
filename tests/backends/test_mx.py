"""What MXNet users expect of a Gluon block."""

import numpy
import pytest

mxnet = pytest.importorskip("mxnet")

import anynet_mx as anynet  # noqa: E402
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
