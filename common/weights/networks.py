"""What is given as a network: whether it is one, has a spec, and has its weights."""

from common.arch import AnyNetSpec
from common.chapter import own_builders
from common.errors import BackendError, SpecError, WeightsError


def spec_of(network: object) -> AnyNetSpec:
    """The spec that describes a network.

    Raises `SpecError` for a network that was written by hand, in part or as a whole.
    """
    spec = getattr(network, "spec", None)
    if not isinstance(spec, AnyNetSpec):
        raise SpecError(f"network: must have a spec, as AnyNet has; got {_kind(network)} without")
    if own := own_builders(network):
        kind = _kind(getattr(network, "module", network))
        raise SpecError(
            f"network: its spec must describe it; got {kind}, which overrides {', '.join(own)}; "
            "get_weights(network) are its weights"
        )
    return spec


def described_by(network: object) -> AnyNetSpec | None:
    """The spec that describes a network, `None` for one written by hand, in part or as a whole."""
    spec = getattr(network, "spec", None)
    return spec if isinstance(spec, AnyNetSpec) and not own_builders(network) else None


def classes_of(network: object) -> int | None:
    """The number of classes that a network's spec says, `None` without a spec."""
    spec = getattr(network, "spec", None)
    return spec.num_classes if isinstance(spec, AnyNetSpec) else None


def taken_images(network: object) -> tuple[int | None, int | None]:
    """Channels and side of the images that a network takes, `None` where any will do."""
    spec = getattr(network, "spec", None)
    return (spec.in_channels, spec.image_size) if isinstance(spec, AnyNetSpec) else (None, None)


def no_network(network: object, package: str) -> BackendError:
    """The error for what is no network of a package."""
    return BackendError(
        f"network: must be one of {package} with its layers in `net`, such as "
        f'{package}.create("regnetx32") gives; got {_kind(network)}'
    )


def no_weights(network: object, remedy: str) -> WeightsError:
    """The error for a network whose weights are not allocated, and how to allocate them."""
    return WeightsError(f"network: must have its weights; got {_kind(network)} without; {remedy}")


def _kind(network: object) -> str:
    kind = type(network)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
