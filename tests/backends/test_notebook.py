"""The notebook runs in every framework, with a small population and one epoch."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.documents import ROOT


@pytest.mark.long
@pytest.mark.bare("torch")
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
