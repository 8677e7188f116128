"""Checks that arrays are those of a network; one error lists all that are not."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, buffers, parameters
from common.arrays import as_array, in_layout
from common.errors import MAX_REPEATED, WeightsError, shortened

MOMENTUM = ".momentum"
"""Suffix of momentum buffers' names in a training state."""

MOMENTS = (".moment1", ".moment2")
"""Suffixes of the names of AdamW's averages of gradients and of their squares."""

STEPS = "optimizer_steps"
"""Name of the number of steps that AdamW has taken, int64 ()."""

AVERAGE = ".average"
"""Suffix of the names of weights and statistics averaged over the steps."""

OWN = "optimizer."
"""Prefix of the names of a model's own optimizer's arrays in a training state."""

_MAX_NAMED = 8
_MAX_AXES = 6
_LONGEST_LIST = 3 * MAX_REPEATED


class ArrayInfo(NamedTuple):
    """Shape and NumPy dtype of an array that is not read yet."""

    shape: tuple[int, ...]
    dtype: str


def expected_shapes(spec: AnyNetSpec) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a network by canonical name, parameters before running statistics."""
    return {**parameters(spec), **buffers(spec)}


def check_depth(spec: AnyNetSpec, names: Collection[str], where: str) -> None:
    """Raise `WeightsError` if a spec has more blocks than `names`, before it is planned."""
    blocks = sum(stage.depth for stage in spec.stages)
    if blocks > len(names):
        raise WeightsError(
            f"{where}: must hold the arrays of {blocks} blocks, as its spec says; "
            f"got {len(names)} arrays"
        )


def check_found(
    spec: AnyNetSpec, found: Mapping[str, ArrayInfo], where: str, training: bool = False
) -> list[str]:
    """Check names, shapes and dtypes; returns all names in the plan's order.

    - `spec`: the network that the arrays should be of.
    - `found`: shape and dtype of each array by canonical name.
    - `where`: the beginning of an error message.
    - `training`: whether it is a training state. All of its arrays may be float64 instead of
      float32; of a part such as `stage1`, either all parameters or none have momentum buffers, and
      either all or none have moments; either all arrays of the network or none have an average;
      arrays of a model's own optimizer are not checked.

    Raises one `WeightsError` that lists all differences.
    """
    shapes = expected_shapes(spec)
    own = [name for name in found if training and name.startswith(OWN)]
    if training:
        shapes |= _training_shapes(spec, set(found) - set(own))
    first = next((found[name].dtype for name in shapes if name in found), "float32")
    dtype = "float64" if training and first == "float64" else "float32"
    missing = [name for name in shapes if name not in found]
    extra = sorted(set(found) - set(shapes) - set(own))
    wrong = []
    for name in (name for name in shapes if name in found):
        if found[name].shape != shapes[name]:
            got = brief_shape(found[name].shape)
            wrong.append(f"{name} must have shape {shapes[name]}, got {got}")
        elif found[name].dtype != (needed := "int64" if name == STEPS else dtype):
            wrong.append(f"{name} must be {needed}, got {found[name].dtype}")
    if missing or extra or wrong:
        raise WeightsError(
            f"{where}: arrays must be those of the network's plan; missing {some(missing)}; "
            f"extra {shortened(some(extra))}; unfit {some(wrong)}"
        )
    return [*shapes, *own]


def _training_shapes(spec: AnyNetSpec, names: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays that a training state with these names has beside the network's."""
    shapes = dict[str, tuple[int, ...]]()
    for endings in ((MOMENTUM,), MOMENTS):
        parts = {part_of(name) for name in names if name.endswith(endings)}
        for ending in endings:
            for name, shape in parameters(spec).items():
                if part_of(name) in parts:
                    shapes[name + ending] = shape
    if STEPS in names or any(name.endswith(MOMENTS) for name in names):
        shapes[STEPS] = ()
    if any(name.endswith(AVERAGE) for name in names):
        shapes |= {name + AVERAGE: shape for name, shape in expected_shapes(spec).items()}
    return shapes


def part_of(name: str) -> str:
    """The part of the network that an array belongs to, such as `stem`, `stage1` or `head`."""
    return name.partition(".")[0]


def fit_arrays(
    expected: Mapping[str, ArrayInfo], arrays: object, where: str = "weights"
) -> dict[str, NDArray[Any]]:
    """`arrays` converted to the dtypes of `expected`, in its order.

    Values may be any array-likes of real numbers. Raises one `WeightsError` that lists all arrays
    that are missing or extra, have another shape, are not numeric, or are not finite in the
    network's dtype.
    """
    if not isinstance(arrays, Mapping):
        raise WeightsError(f"{where}: must be arrays by name; got {type(arrays).__name__}")
    missing = [name for name in expected if name not in arrays]
    extra = sorted(str(name) for name in arrays if name not in expected)
    fitting, unfit = dict[str, NDArray[Any]](), []
    for name in (name for name in expected if name in arrays):
        try:
            fitting[name] = _fit(name, expected[name], arrays[name])
        except WeightsError as error:
            unfit.append(str(error))
    if missing or extra or unfit:
        raise WeightsError(
            f"{where}: arrays must be those of the network; missing {some(missing)}; "
            f"extra {shortened(some(extra))}; unfit {some(unfit)}"
        )
    return fitting


def _fit(name: str, expected: ArrayInfo, value: object) -> NDArray[Any]:
    array = as_array(value, name, WeightsError)
    if array.shape != expected.shape:
        got = brief_shape(array.shape)
        raise WeightsError(f"{name} must have shape {expected.shape}, got {got}")
    array = in_layout(array, expected.dtype)
    if not np.isfinite(array).all():
        raise WeightsError(f"{name} must be finite in {expected.dtype}, got NaN or infinity")
    return array


def check_values(arrays: Mapping[str, NDArray[Any]], where: str) -> None:
    """Raise one `WeightsError` that names all arrays with NaN or infinity."""
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise WeightsError(f"{where}: arrays must be finite; got NaN or infinity in {some(wrong)}")


def some(items: list[str]) -> str:
    """The first items and the number of those left out, for a message."""
    if not items:
        return "none"
    shown = [shortened(item) for item in items[:_MAX_NAMED]]
    while len(", ".join(shown)) > _LONGEST_LIST:
        shown.pop()
    more = f" and {len(items) - len(shown)} more" if len(items) > len(shown) else ""
    return ", ".join(shown) + more


def brief_shape(shape: tuple[int, ...]) -> str:
    """The shape of an array for a message that lists several."""
    return str(shape) if len(shape) <= _MAX_AXES else f"one of {len(shape)} axes"
