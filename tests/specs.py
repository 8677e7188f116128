"""Random specs for hypothesis: small enough to build, wide enough to matter."""

from hypothesis import strategies as st

from common import AnyNetSpec, StageSpec


@st.composite
def stages(draw, plain=False):
    """A stage; `plain` ones have neither groups nor a bottleneck."""
    depth, stride = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2]))
    channels = 4 * draw(st.integers(1, 6))
    if plain:
        return StageSpec(depth, channels, stride=stride)
    multiplier = draw(st.sampled_from([0.5, 1.0, 2.0]))
    middle = round(channels * multiplier)
    widths = [width for width in range(1, middle + 1) if middle % width == 0]
    group_width = draw(st.sampled_from([None, *widths]))
    return StageSpec(depth, channels, group_width, multiplier, stride)


@st.composite
def specs(draw):
    """A whole network of one to three small stages; an mlp has its own `image_size`."""
    block = draw(st.sampled_from(["resnext", "resnext", "resnet", "vanilla", "v", "vr", "mlp"]))
    return AnyNetSpec(
        stem_channels=draw(st.integers(1, 16)),
        stages=tuple(draw(st.lists(stages(plain=block != "resnext"), min_size=1, max_size=3))),
        num_classes=draw(st.integers(1, 12)),
        in_channels=draw(st.integers(1, 3)),
        block=block,
        stem_stride=draw(st.sampled_from([1, 2])),
        conv_bias=draw(st.booleans()),
        se_ratio=draw(st.sampled_from([0.0, 0.25])) if block == "resnext" else 0.0,
        bn_epsilon=draw(st.sampled_from([1e-5, 1e-3])),
        bn_momentum=draw(st.sampled_from([0.1, 0.5])),
        batch_norm=draw(st.sampled_from([True, True, False])),
        image_size=draw(st.integers(1, 9)) if block == "mlp" else None,
        stem="simple" if block == "mlp" else draw(st.sampled_from(["simple", "simple", "resnet"])),
    )
