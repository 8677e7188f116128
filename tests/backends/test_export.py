"""Each framework's own format, loaded in a process that does not know this package."""

import numpy as np
import pytest

from common.errors import SpecError
from common.marks import is_ours
from common.processes import run_python
from tests.backends.native import to_layout
from tests.hostile import make_hostile
from tests.inference import SPECS, random_images, relative_error, trained_weights

_SIZE = 24

_WRITE_LOGITS = """
folder = sys.argv[2]
for number in (1, 3):
    np.save(f"{folder}/logits{number}.npy", run(np.load(f"{folder}/images{number}.npy")))
print([name for name in sys.modules if name.startswith(("anynet", "common"))])
"""


_IN_FULL = [pytest.param(kind, marks=pytest.mark.full) for kind in ("vanilla", "mlp")]


@pytest.fixture(scope="module", params=["squeezed", *_IN_FULL])
def exported(request, backend, tmp_path_factory):
    """A network, and the path of its export with an ending that the framework wants."""
    spec, folder = SPECS[request.param], tmp_path_factory.mktemp("exported")
    network = backend.create(spec)
    backend.set_weights(network, trained_weights(spec))
    backend.export(network, folder / "net.pt2", spec.image_size or _SIZE)
    return network, folder / "net.pt2"


def test_a_fresh_process_gives_the_same_logits(backend, native, exported, tmp_path):
    network, path = exported
    batches = {number: random_images(network.spec, _SIZE, number) for number in (1, 3)}
    for number, images in batches.items():
        np.save(tmp_path / f"images{number}.npy", to_layout(backend, images))
    code = f"import sys\nimport numpy as np\npath = sys.argv[1]{native.READ_EXPORT}{_WRITE_LOGITS}"
    done = run_python("-c", code, path, tmp_path, cwd=make_hostile(tmp_path / "beside"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")
    for number, images in batches.items():
        found = np.load(tmp_path / f"logits{number}.npy")
        assert relative_error(found, backend.logits(network, images)) < 1e-5


def test_nothing_else_is_left_beside_it(exported):
    _, path = exported
    assert list(path.parent.iterdir()) == [path]


def test_exporting_leaves_the_network_as_it_was(backend, exported):
    network, _ = exported
    expected = trained_weights(network.spec)
    found = backend.get_weights(network)
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


def test_an_image_size_below_one_is_refused(backend, tmp_path):
    with pytest.raises(SpecError, match="image_size must be at least 1"):
        backend.export(backend.create(SPECS["vanilla"]), tmp_path / "net.pt2", 0)


def test_an_image_size_that_an_mlp_does_not_take_is_refused(backend, tmp_path):
    with pytest.raises(SpecError, match="image_size must be that of the mlp, 11x11; got 24x24"):
        backend.export(backend.create(SPECS["mlp"]), tmp_path / "net.pt2", _SIZE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_marked_as_ours(exported):
    _, path = exported
    assert path.is_dir() or is_ours(path)
