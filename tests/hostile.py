"""A folder whose files have the names of modules that are meant to come from elsewhere."""

from pathlib import Path

_PACKAGES = ("common", "torch", "jax", "tensorflow", "mxnet", "numpy", "yaml", "optuna", "click")
_MODULES = ("json", "random", "pickle", "tempfile")


def make_hostile(folder: Path) -> Path:
    """Put them into `folder`; whoever imports one ends with the word SHADOWED."""
    for name in _PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('SHADOWED by {name}')\n")
    for name in _MODULES:
        (folder / f"{name}.py").write_text(f"raise SystemExit('SHADOWED by {name}')\n")
    return folder
