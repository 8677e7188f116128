"""Records that the command writes."""

from click.testing import CliRunner
from safetensors.numpy import load_file

from common.cli import main
from common.parity.quantities import Key


def _record(folder, *options):
    arguments = ["parity", "record", "reference", "--case", "mlp", "--out", str(folder), *options]
    return CliRunner().invoke(main, arguments)


def test_the_runs_of_a_record_have_as_many_steps_as_told(tmp_path):
    result = _record(tmp_path, "--steps", "3")
    assert result.exit_code == 0, result.output
    arrays = load_file(tmp_path / "reference.safetensors")
    found = {Key.parse(name): array for name, array in arrays.items()}
    lengths = {len(array) for key, array in found.items() if key.quantity.kind == "losses"}
    assert lengths == {3}
    assert max(key.step for key in found) == 3


def test_a_run_of_one_step_is_refused(tmp_path):
    result = _record(tmp_path, "--steps", "1")
    assert result.exit_code == 2
    assert "1 is not in the range x>=2" in result.output
