"""A folder whose files shadow modules of the project and of its dependencies."""

from pathlib import Path

_PACKAGES = ("common", "torch", "jax", "tensorflow", "mxnet", "numpy", "yaml", "optuna", "click")
_MODULES = ("json", "random", "pickle", "tempfile")


def make_hostile(folder: Path) -> Path:
    """Write them into `folder`; importing one ends the process with the word SHADOWED."""
    for name in _PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('SHADOWED by {name}')\n")
    for name in _MODULES:
        (folder / f"{name}.py").write_text(f"raise SystemExit('SHADOWED by {name}')\n")
    return folder
