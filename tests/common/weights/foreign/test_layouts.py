"""Names and shapes of other libraries, as in their published RegNetY-400MF."""

import pytest

from common import REGNETX32
from common.arch import RESNET_SPECS
from common.weights import expected_shapes
from common.weights.foreign import LAYOUTS, foreign_names
from common.weights.foreign.resnets import RESNETS
from tests.foreign import REGNETY_400MF, SMALL_RESNET, SMALL_X, SPECS

# Keys of the state dicts that torchvision 0.29 (regnet_y_400mf), timm 1.0.31 (regnety_004), pycls
# at 5719de6 (RegNetY-400MF) and transformers 5.24 (facebook/regnet-y-004) give.
_TORCHVISION = {
    "stem.0.weight": (32, 3, 3, 3),
    "stem.1.running_var": (32,),
    "trunk_output.block1.block1-0.proj.0.weight": (48, 32, 1, 1),
    "trunk_output.block1.block1-0.proj.1.bias": (48,),
    "trunk_output.block1.block1-0.f.a.0.weight": (48, 32, 1, 1),
    "trunk_output.block1.block1-0.f.a.1.weight": (48,),
    "trunk_output.block1.block1-0.f.b.0.weight": (48, 8, 3, 3),
    "trunk_output.block1.block1-0.f.b.1.running_mean": (48,),
    "trunk_output.block1.block1-0.f.se.fc1.weight": (8, 48, 1, 1),
    "trunk_output.block1.block1-0.f.se.fc1.bias": (8,),
    "trunk_output.block1.block1-0.f.se.fc2.weight": (48, 8, 1, 1),
    "trunk_output.block1.block1-0.f.c.0.weight": (48, 48, 1, 1),
    "trunk_output.block1.block1-0.f.c.1.weight": (48,),
    "trunk_output.block4.block4-5.f.se.fc1.weight": (110, 440, 1, 1),
    "fc.weight": (1000, 440),
    "fc.bias": (1000,),
}
_TIMM = {
    "stem.conv.weight": (32, 3, 3, 3),
    "stem.bn.weight": (32,),
    "s1.b1.conv1.conv.weight": (48, 32, 1, 1),
    "s1.b1.conv1.bn.weight": (48,),
    "s1.b1.conv2.conv.weight": (48, 8, 3, 3),
    "s1.b1.conv2.bn.running_var": (48,),
    "s1.b1.se.fc1.weight": (8, 48, 1, 1),
    "s1.b1.se.fc2.bias": (48,),
    "s1.b1.conv3.conv.weight": (48, 48, 1, 1),
    "s1.b1.conv3.bn.bias": (48,),
    "s1.b1.downsample.conv.weight": (48, 32, 1, 1),
    "s1.b1.downsample.bn.weight": (48,),
    "s4.b6.se.fc1.weight": (110, 440, 1, 1),
    "head.fc.weight": (1000, 440),
}
_PYCLS = {
    "stem.conv.weight": (32, 3, 3, 3),
    "stem.bn.weight": (32,),
    "s1.b1.proj.weight": (48, 32, 1, 1),
    "s1.b1.bn.running_mean": (48,),
    "s1.b1.f.a.weight": (48, 32, 1, 1),
    "s1.b1.f.a_bn.weight": (48,),
    "s1.b1.f.b.weight": (48, 8, 3, 3),
    "s1.b1.f.b_bn.weight": (48,),
    "s1.b1.f.se.f_ex.0.weight": (8, 48, 1, 1),
    "s1.b1.f.se.f_ex.2.bias": (48,),
    "s1.b1.f.c.weight": (48, 48, 1, 1),
    "s1.b1.f.c_bn.weight": (48,),
    "s4.b6.f.se.f_ex.0.weight": (110, 440, 1, 1),
    "head.fc.weight": (1000, 440),
}
_HUGGINGFACE = {
    "regnet.embedder.embedder.convolution.weight": (32, 3, 3, 3),
    "regnet.embedder.embedder.normalization.weight": (32,),
    "regnet.encoder.stages.0.layers.0.shortcut.convolution.weight": (48, 32, 1, 1),
    "regnet.encoder.stages.0.layers.0.shortcut.normalization.weight": (48,),
    "regnet.encoder.stages.0.layers.0.layer.0.convolution.weight": (48, 32, 1, 1),
    "regnet.encoder.stages.0.layers.0.layer.0.normalization.running_var": (48,),
    "regnet.encoder.stages.0.layers.0.layer.1.convolution.weight": (48, 8, 3, 3),
    "regnet.encoder.stages.0.layers.0.layer.2.attention.0.weight": (8, 48, 1, 1),
    "regnet.encoder.stages.0.layers.0.layer.2.attention.2.bias": (48,),
    "regnet.encoder.stages.0.layers.0.layer.3.convolution.weight": (48, 48, 1, 1),
    "regnet.encoder.stages.3.layers.5.layer.3.normalization.bias": (440,),
    "classifier.1.weight": (1000, 440),
}
_D2L = {
    "net.0.0.weight": (32, 1, 3, 3),
    "net.0.0.bias": (32,),
    "net.0.1.weight": (32,),
    "net.stage1.0.conv1.weight": (32, 32, 1, 1),
    "net.stage1.0.conv1.bias": (32,),
    "net.stage1.0.conv2.weight": (32, 16, 3, 3),
    "net.stage1.0.bn2.running_mean": (32,),
    "net.stage1.0.conv4.weight": (32, 32, 1, 1),
    "net.stage2.5.bn3.weight": (80,),
    "net.head.2.weight": (10, 80),
}
# Keys that timm 1.0.31 gives for resnet50, and torchvision, too.
_RESNET50 = {
    "conv1.weight": (64, 3, 7, 7),
    "bn1.running_var": (64,),
    "layer1.0.conv1.weight": (64, 64, 1, 1),
    "layer1.0.bn1.weight": (64,),
    "layer1.0.conv2.weight": (64, 64, 3, 3),
    "layer1.0.conv3.weight": (256, 64, 1, 1),
    "layer1.0.bn3.bias": (256,),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "layer1.0.downsample.1.running_mean": (256,),
    "layer4.2.conv3.weight": (2048, 512, 1, 1),
    "fc.weight": (1000, 2048),
}
_GOLDEN = {
    "torchvision": (_TORCHVISION, REGNETY_400MF, 331),
    "timm": (_TIMM, REGNETY_400MF, 331),
    "pycls": (_PYCLS, REGNETY_400MF, 331),
    "huggingface": (_HUGGINGFACE, REGNETY_400MF, 331),
    "d2l": (_D2L, REGNETX32, 200),
}


@pytest.mark.parametrize(("names", "spec", "total"), _GOLDEN.values(), ids=_GOLDEN)
def test_names_and_shapes_are_the_published_ones(names, spec, total, request):
    layout = LAYOUTS[request.node.callspec.id]
    found = dict(foreign_names(layout, spec).values())
    assert {name: found.get(name) for name in names} == names
    assert len(found) == total


@pytest.mark.parametrize("layout", RESNETS.values(), ids=RESNETS)
def test_names_and_shapes_of_a_resnet_are_the_published_ones(layout):
    found = dict(foreign_names(layout, RESNET_SPECS["resnet50"]).values())
    assert {name: found.get(name) for name in _RESNET50} == _RESNET50
    assert len(found) == 267


def test_without_squeeze_and_excitation_transformers_counts_three_layers():
    found = dict(foreign_names(LAYOUTS["huggingface"], SMALL_X).values())
    assert found["regnet.encoder.stages.1.layers.1.layer.2.convolution.weight"] == (24, 24, 1, 1)


@pytest.mark.parametrize(
    ("layout", "spec"),
    [*((layout, SPECS[name]) for name, layout in LAYOUTS.items()),
     *((layout, SMALL_RESNET) for layout in RESNETS.values())],
)  # fmt: skip
def test_every_name_leads_back_to_its_layer(layout, spec):
    names = foreign_names(layout, spec)
    assert {layout.canonical(name): canonical for canonical, (name, _) in names.items()} == {
        canonical: canonical for canonical in expected_shapes(spec)
    }


@pytest.mark.parametrize(
    "name",
    ["trunk_output.block1.block2-0.f.a.0.weight", "trunk_output.block1.block1-0.f.a.0.scale",
     "trunk_output.block1.block1-0.f.a.weight", "xtrunk_output.block1.block1-0.f.a.0.weight"],
)  # fmt: skip
def test_a_name_that_is_nearly_one_is_none(name):
    assert LAYOUTS["torchvision"].canonical(name) is None
