"""The notebook runs in every framework, with a small population and one epoch."""

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from tests.documents import ROOT


@pytest.mark.full
def test_the_notebook_runs(backend, name, tmp_path):
    notebook = nbformat.read(ROOT / "docs/notebook.ipynb", nbformat.NO_CONVERT)
    choice = notebook.cells[1]
    assert choice.source == 'BACKEND = "torch"'
    choice.source = f'BACKEND = "{name}"'
    (population,) = (cell for cell in notebook.cells if "networks=8" in cell.source)
    population.source = population.source.replace("networks=8", "networks=2")
    (training,) = (cell for cell in notebook.cells if "max_epochs=3" in cell.source)
    training.source = training.source.replace("max_epochs=3", "max_epochs=1")
    (tuning,) = (cell for cell in notebook.cells if "max_epochs=8" in cell.source)
    tuning.source = tuning.source.replace("max_epochs=8", "max_epochs=1")
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources=resources).execute()


@pytest.fixture
def asked(monkeypatch):
    """What `%pip` was called with, in a shell of the notebook's folder."""
    monkeypatch.chdir(ROOT / "docs")
    lines = []
    shell = InteractiveShell.instance()
    shell.register_magic_function(lines.append, magic_name="pip")
    yield shell, lines
    InteractiveShell.clear_instance()


@pytest.mark.bare("torch")
@pytest.mark.parametrize("there", [True, False], ids=["installed", "missing"])
def test_the_notebook_installs_what_is_missing_from_its_checkout(asked, name, there, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: there or None)
    shell, lines = asked
    cells = nbformat.read(ROOT / "docs/notebook.ipynb", nbformat.NO_CONVERT).cells
    shell.run_cell(f'BACKEND = "{name}"').raise_error()
    shell.run_cell(cells[2].source).raise_error()
    assert lines == ([] if there else [f'install --quiet "{ROOT}[{name},notebook]"'])
