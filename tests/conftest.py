"""The order of the test files."""

_LONGEST_FIRST = (
    "test_studies.py", "test_killed.py", "test_notebook.py", "test_documents.py",
    "test_training.py", "test_network.py", "test_not_finite.py", "test_jax.py",
    "test_jax_derivatives.py", "test_jax_lowering.py", "test_million.py", "test_corruption.py",
)  # fmt: skip
"""Files that take longest, for the processes of a session to end at about the same time."""


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
