"""The notebook runs in every framework; the MXNet session leaves out what takes minutes."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.documents import ROOT


@pytest.mark.long
def test_the_notebook_runs(backend, name, tmp_path):
    notebook = nbformat.read(ROOT / "docs/notebook.ipynb", nbformat.NO_CONVERT)
    choice = notebook.cells[1]
    assert choice.source == 'BACKEND = "torch"'
    choice.source = f'BACKEND = "{name}"'
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources=resources).execute()
