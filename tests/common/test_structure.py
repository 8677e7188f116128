"""The plan of the house, read from the source with no framework installed."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("anynet_torch", "anynet_mx", "anynet_tf", "anynet_jax")
_OWN_FILES = {
    "anynet_torch": {
        "collectives.py", "fused_norm.py", "graphs.py", "joined.py", "kernels.py", "parallel.py",
        "sending.py",
    },
    "anynet_jax": {"joined.py", "sending.py", "step.py"},
}  # fmt: skip
"""What XLA and MXNet's executor do by themselves on a GPU, and XLA on several devices; JAX compiles
a step of pure functions, which the others' learners have as methods; sending batches to a GPU
while it computes, which only the two that train there do; and biases that batch norms cancel, whose
place in TensorFlow is its layers, while MXNet's operators do not let them be left out."""

_FILES = {
    "__init__.py", "blocks.py", "capabilities.py", "convolution.py", "export.py", "layers.py",
    "model.py", "data.py", "derivatives.py", "devices.py", "freezing.py", "network.py",
    "optimizer.py", "pooling.py", "process.py", "train.py", "v_blocks.py", "weights.py",
}  # fmt: skip
(_ORDER,) = re.findall(
    r"^> (.+?)\n\n", (_ROOT / "docs/architecture.md").read_text(), re.MULTILINE | re.DOTALL
)
_LEVELS = {
    name: level
    for level, names in enumerate(_ORDER.replace("\n> ", " ").split(" → "))
    for name in names.split(", ")
}
"""The order of imports, as the page on architecture has it."""

_FOR_BACKENDS = {
    "arch", "arrays", "bounds", "chapter", "data", "errors", "files", "memory", "numbers",
    "training", "weights",
}  # fmt: skip
_FRAMEWORKS = {"torch", "mxnet", "tensorflow", "keras", "jax", "flax", "optax"}

_EXTRA_NAMES = {
    "anynet_torch": {"init_cnn"},
    "anynet_mx": set(),
    "anynet_tf": {"GroupedConv2D"},
    "anynet_jax": {"Network", "grouped_conv"},
}
"""Names that one framework's chapter tab or idiom needs and the others do not have."""

_EXTRA_PARAMETERS = {"in_channels", "training", "kwargs", "name", "dtype", "trainable"}
"""PyTorch and Gluon allocate at construction, Flax modules know their mode, Keras layers pass on
their base class's arguments."""

_FIXED = defaultdict(set, {"model.py:RegNetX32": {"arch", "stem_channels"}})
"""Fields that a Flax module must name to give them its own default."""


_ALIASES = {"initial": "init", "Conv": "conv", "nn.Dense": "linear", "UnitNorm": "BatchNorm"}
"""`init` is a method of every Flax module; the others are a block's default factories."""

_DIFFERING = {"model.py:Classifier.apply_init"}
"""Methods of d2l's that take other arguments in another tab of the book."""


_MAX_PARAMETERS = 8
_LONG = {
    "model.py:__init__", "blocks.py:__init__", "trainer.py:__init__",  # the chapter's constructors
    "ready.py:__init__",  # a data set's settings, given by name
}  # fmt: skip
"""Functions that may have more, as do Triton's kernels, which take every pointer and size."""


def _tree(path):
    return ast.parse(path.read_text(), str(path))


def _imports(path):
    """Top-level modules and, for this project's own, the part below `common`."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [f"common.{alias.name}" for alias in node.names]
                if node.module == "common"
                else [node.module]
            )


def _sources(*folders):
    return [path for folder in folders for path in sorted((_ROOT / folder).rglob("*.py"))]


def _exports(package):
    tree = _tree(_ROOT / package / "__init__.py")
    (names,) = (
        node.value for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )  # fmt: skip
    return set(ast.literal_eval(names))


def _public(package):
    """Signature and first docstring line of every public function, class and method by name."""
    found = {}
    for path in _sources(package):
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
                found[f"{path.name}:{node.name}"] = node
            if isinstance(node, ast.ClassDef) and node.name[0] != "_":
                found |= {
                    f"{path.name}:{node.name}.{item.name}": item
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and item.name[0] != "_"
                }
    return found


def _parameters(node):
    """Names and defaults of a function's parameters, or of a class's constructor or fields."""
    if isinstance(node, ast.ClassDef):
        if constructor := _constructor(node):
            return _parameters(constructor)
        fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
        pairs = [(item.target.id, item.value) for item in fields]
    else:
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        defaults = [None] * (len(node.args.args) - len(node.args.defaults)) + node.args.defaults
        pairs = list(zip(arguments, defaults + node.args.kw_defaults, strict=True))
        pairs = [(argument.arg, default) for argument, default in pairs]
    return [
        (
            _ALIASES.get(name, name),
            default and _ALIASES.get(ast.unparse(default), ast.unparse(default)),
        )
        for name, default in pairs
        if name != "self" and name not in _EXTRA_PARAMETERS
    ]


def _constructor(node):
    found = [item for item in node.body if getattr(item, "name", "") == "__init__"]
    return found[0] if found else None


def _mirrored(model, mirror):
    """Exported callables of both: functions, methods, and classes with their own constructor."""
    exported = _exports("anynet_torch")
    return [
        key
        for key, node in model.items()
        if key in mirror.keys() - _DIFFERING
        and key.split(":")[1].split(".")[0] in exported
        and (isinstance(node, ast.FunctionDef) or _constructor(node))
    ]


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_mirrors_have_the_same_files(package):
    assert {path.name for path in _sources(package)} - _OWN_FILES.get(package, set()) == _FILES


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_mirrors_export_the_same_names(package):
    assert _exports(package) - _EXTRA_NAMES[package] == _exports("anynet_torch") - {"init_cnn"}


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_mirrors_exported_callables_have_the_same_parameters(package):
    model, mirror = _public("anynet_torch"), _public(package)
    differing = {
        key: (theirs, ours)
        for key in _mirrored(model, mirror)
        if (ours := _parameters(model[key]))
        != (theirs := [item for item in _parameters(mirror[key]) if item[0] not in _FIXED[key]])
    }
    assert differing == {}


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_mirrors_docstrings_begin_alike(package):
    model, mirror = _public("anynet_torch"), _public(package)
    first = {
        key: [(ast.get_docstring(nodes[key]) or "").split("\n")[0] for nodes in (mirror, model)]
        for key in set(model) & set(mirror)
        if key.split(":")[1].split(".")[0] in _exports("anynet_torch")
    }
    assert {key: lines for key, lines in first.items() if lines[0] != lines[1]} == {}


@pytest.mark.parametrize("path", _sources("common"), ids=lambda p: str(p.relative_to(_ROOT)))
def test_common_imports_only_from_its_left(path):
    if path.parent == _ROOT / "common" and path.stem in ("__init__", "__main__"):
        return
    own = path.relative_to(_ROOT / "common").parts[0].removesuffix(".py")
    used = {name.split(".")[1] for name in _imports(path) if name.startswith("common.")} - {own}
    assert {name for name in used if _LEVELS[name] >= _LEVELS[own]} == set()


@pytest.mark.parametrize("path", _sources("common"), ids=lambda p: str(p.relative_to(_ROOT)))
def test_common_imports_no_framework(path):
    assert {name.split(".")[0] for name in _imports(path)} & (_FRAMEWORKS | set(_PACKAGES)) == set()


@pytest.mark.parametrize("path", _sources(*_PACKAGES), ids=lambda p: str(p.relative_to(_ROOT)))
def test_backends_use_only_the_shared_parts_made_for_them(path):
    used = {name.split(".")[1] for name in _imports(path) if name.startswith("common.")}
    assert used <= _FOR_BACKENDS


def test_importing_common_imports_no_framework_and_no_heavy_library():
    heavy = _FRAMEWORKS | {"matplotlib", "rich", "click", "requests", "safetensors"}
    code = f"import sys, common; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["common", *_PACKAGES, "benchmarks"])
def test_a_function_has_at_most_8_parameters(package):
    found = {
        f"{path.name}:{node.name}"
        for path in _sources(package)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef)
        and not any(ast.unparse(one).startswith("triton.jit") for one in node.decorator_list)
        for its in [node.args]
        for names in [{arg.arg for arg in its.posonlyargs + its.args + its.kwonlyargs}]
        if len(names - {"self", "cls"}) > _MAX_PARAMETERS
    }
    assert found - _LONG == set()


@pytest.mark.parametrize("package", ["common/training", "common/studies"])
def test_training_and_studies_know_the_protocol_of_data_alone(package):
    assert [path.name for path in _sources(package) if "FashionMNIST" in path.read_text()] == []


@pytest.mark.parametrize(
    "path",
    [*_sources("common", *_PACKAGES, "benchmarks", "tests", "docs"), _ROOT / "noxfile.py"],
    ids=lambda p: p.name,
)
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def _packages():
    """All packages but the command's, whose page is docs/commands.md."""
    files = [path for path in _sources("common", *_PACKAGES) if path.name == "__init__.py"]
    folders = [path.parent.relative_to(_ROOT) for path in files]
    return [".".join(folder.parts) for folder in folders if "cli" not in folder.parts]


@pytest.mark.parametrize("package", _packages())
def test_a_page_of_the_api_has_every_exported_name(package):
    """mkdocstrings shows what a package's `__all__` names, if it has a docstring."""
    pages = "".join(path.read_text() for path in (_ROOT / "docs/api").glob("*.md"))
    assert re.search(rf"^::: {package}$", pages, re.MULTILINE)
    folder = _ROOT / package.replace(".", "/")
    assert [name for name in sorted(_exports(folder)) if not _documented(package, name)] == []


def _documented(module, name):
    """Whether a name of a module has a docstring there or, if imported, where it comes from."""
    path = _ROOT / module.replace(".", "/")
    body = _tree(path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom) and name in {a.asname or a.name for a in node.names}:
            return _documented(node.module, name)
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) is not None
        if name in {getattr(target, "id", "") for target in _assigned(node)}:
            return isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    return False


def _assigned(node):
    return getattr(node, "targets", [getattr(node, "target", None)])


def test_no_text_repeats_a_value_of_any_length():
    """`!r` and its like do: `common.errors.shown` and `shortened` repeat 200 characters at most."""
    assert [
        f"{path.relative_to(_ROOT)}:{node.lineno}"
        for part in ("common", *_PACKAGES)
        for path in sorted((_ROOT / part).rglob("*.py"))
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FormattedValue) and node.conversion != -1
    ] == []
