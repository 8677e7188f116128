"""Functions of networks in which there is no framework, made once for all four packages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from common.arch import AnyNetSpec, regnet
from common.data.description import ImageDescription
from common.weights.files import load_weights, save_weights
from common.weights.initial import Init
from common.weights.networks import spec_of

Network = TypeVar("Network")


class NetworkFunctions(Generic[Network]):
    """`regnet`, `save` and `load` of a package, which makes them of three functions of its own.

    `create(spec, seed, init)` gives a network with weights drawn from `seed`,
    `with_weights(spec, arrays)` one with canonical arrays that are known to fit, and
    `get_weights(network)` the canonical arrays of one. A package's own names are bound to the
    methods: `anynet_torch.save` is the `save` of its `NetworkFunctions`.
    """

    def __init__(
        self,
        create: Callable[[AnyNetSpec, int, Init], Network],
        with_weights: Callable[[AnyNetSpec, Mapping[str, NDArray[Any]]], Network],
        get_weights: Callable[[Network], Mapping[str, NDArray[Any]]],
    ) -> None:
        self._create, self._with_weights, self._get_weights = create, with_weights, get_weights

    def regnet(
        self,
        name: str,
        num_classes: int = 1000,
        in_channels: int = 3,
        seed: int = 0,
        init: Init = "xavier",
    ) -> Network:
        """A ready RegNet of the paper by name.

        - `name`: `regnetx_200mf` to `regnety_32gf`, or another spelling that `find_spec` knows.
        - `num_classes`, `in_channels`: of the head and of the images.
        - `seed`: the weights are drawn from it, the same in every framework.
        - `init`: `xavier`, `he`, `he_zero_gamma` or `zeros`.

        Raises `SpecError` for an unknown name and for numbers that no network has.
        """
        return self._create(regnet(name, num_classes, in_channels), seed, init)

    def save(
        self, network: Network, path: str | Path, images: ImageDescription | None = None
    ) -> None:
        """Write a network to one safetensors file, whole or not at all.

        The file holds the spec and the canonical arrays, float32, and is loaded by every framework.
        `images` says how the network sees an image, and what its classes are called.
        Raises `BackendError` for what is no network, `SpecError` for a network without a spec,
        `WeightsError` for one that is not float32 or not finite.
        """
        arrays = self._get_weights(network)
        save_weights(path, spec_of(network), arrays, images)

    def load(self, path: str | Path) -> Network:
        """The network in a safetensors file of this project, a training state included.

        Raises `WeightsError` that names the file and every array that does not fit its spec.
        """
        return self._with_weights(*load_weights(path))
