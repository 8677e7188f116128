"""What the site makes of the repository's Markdown."""

import ast
import json
import re
from textwrap import dedent

import numpy as np
import pytest

from common.arch import REGNETS, count
from common.backends import FRAMEWORKS
from docs import banner, explorer, figures
from docs.expand import DARK, FIGURE, ROOT, definition, expand, relink, targets

_IMPORT = dedent(
    """
    ```python
    import anynet_torch as anynet
    ```
    """
)


def test_a_block_that_imports_anynet_appears_in_four_tabs():
    expanded = expand(_IMPORT)
    assert [line for line in expanded.splitlines() if "import" in line or "===" in line] == [
        '=== "PyTorch"', "    import anynet_torch as anynet",
        '=== "MXNet"', "    import anynet_mx as anynet",
        '=== "TensorFlow"', "    import anynet_tf as anynet",
        '=== "JAX"', "    import anynet_jax as anynet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "block",
    [
        "```python\nimport common\n```",
        "```bash\nanynet backends\n```",
        '=== "PyTorch"\n\n    ```python\n    import anynet_torch\n    ```',
    ],
)
def test_other_blocks_stay_as_they_are(block):
    assert expand(block) == block


def test_a_file_of_the_packages_is_shown_in_four_tabs():
    expanded = expand("```source\nmodel.py AnyNet.stem\n```")
    titles = [line.strip() for line in expanded.splitlines() if "title=" in line]
    assert titles == [
        f'```python title="anynet_{name}/model.py"' for name in ("torch", "mx", "tf", "jax")
    ]


def test_a_file_with_its_folder_is_shown_once():
    expanded = expand("    ```source\n    anynet_jax/layers.py Chain\n    ```")
    assert expanded.splitlines()[:2] == [
        '    ```python title="anynet_jax/layers.py"',
        "    class Chain(nn.Sequential):",
    ]


def test_a_command_is_shown_with_those_below_it():
    headings = [line for line in expand("```help\nanynet\n```").splitlines() if line[:2] == "##"]
    assert {"## anynet", "## anynet train", "## anynet parity compare"} <= set(headings)


def test_a_picture_with_a_caption_is_a_figure_in_both_colour_schemes():
    text = "![Two\ncurves](runs/a.png)\n\n*What to\nsee.*\n"
    assert expand(text).splitlines() == [
        '<figure markdown="span">',
        "![Two curves](runs/a.png#only-light)",
        "![Two curves](runs/a-dark.png#only-dark)",
        "<figcaption>What to see.</figcaption>",
        "</figure>",
    ]


def test_a_drawing_in_svg_is_the_same_in_both_colour_schemes():
    expanded = expand("![Parts](a.svg)\n\n*A caption.*")
    assert [line for line in expanded.splitlines() if "!" in line] == ["![Parts](a.svg)"]


def _figures(page):
    """The paths of a page's figures, and those of its other pictures, which are in two schemes."""
    text = page.read_text()
    captioned = {found["path"] for found in FIGURE.finditer(text)}
    return captioned, set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)) - captioned


_PAGES = sorted(ROOT.glob("docs/*.md"))


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_every_figure_of_a_page_has_a_caption_or_is_for_one_scheme(page):
    _, others = _figures(page)
    assert [path for path in others if not path.endswith(("#only-light", "#only-dark"))] == []


@pytest.mark.parametrize("path", sorted(figures.shown()))
def test_a_figure_of_a_page_is_drawn_from_records_in_both_schemes(path):
    assert path in figures.drawings()
    assert (ROOT / "docs" / f"{path}.png").is_file()
    assert (ROOT / "docs" / f"{path}{DARK}.png").is_file()


def test_a_definition_begins_with_its_decorators_and_at_the_margin():
    code = "class A:\n    x = 1\n\n    @property\n    def b(self):\n        return 2\n\nc = 3\n"
    assert definition(code, "A.b") == "@property\ndef b(self):\n    return 2\n"


def test_a_definition_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="missing"):
        definition("a = 1\n", "missing")


@pytest.mark.parametrize(
    ("link", "moved"),
    [
        ("parity.md", "parity.md"),
        ("parity.md#the-star", "parity.md#the-star"),
        ("../noxfile.py", "source/noxfile.py.md"),
        ("../.github/CONTRIBUTING.md#set-up", "contributing.md#set-up"),
        ("https://d2l.ai", "https://d2l.ai"),
        ("#below", "#below"),
    ],
)
def test_links_lead_to_pages_of_the_site(link, moved):
    pages = {"noxfile.py": "source/noxfile.py.md", ".github/CONTRIBUTING.md": "contributing.md"}
    assert relink(f"[a]({link})", "docs/a.md", "a.md", pages) == f"[a]({moved})"


def test_links_of_a_file_elsewhere_are_seen_from_its_page():
    pages = {"LICENSE": "source/LICENSE.md"}
    text = "[a](docs/parity.md) [b](LICENSE)"
    assert relink(text, "README.md", "deep/page.md", pages) == (
        "[a](../parity.md) [b](../source/LICENSE.md)"
    )


def test_linked_files_are_those_of_the_repository():
    assert targets("[a](../noxfile.py) ![b](speed/a.png) [c](https://d2l.ai)", "docs/a.md") == {
        "noxfile.py", "docs/speed/a.png",
    }  # fmt: skip


def test_the_notebook_was_saved_after_a_run_from_top_to_bottom():
    notebook = json.loads((ROOT / "docs/notebook.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert len([output for output in outputs if "image/png" in output.get("data", {})]) >= 6


_PACKAGES = [
    path.parent
    for folder in ("common", *(framework.package for framework in FRAMEWORKS.values()))
    for path in sorted((ROOT / folder).rglob("__init__.py"))
    if "cli" not in path.parts
]


@pytest.mark.parametrize("folder", _PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_exported_function_with_the_name_of_its_module_has_its_own_entry(folder):
    """Among the members of a package, mkdocstrings finds the module and leaves it out."""
    pages = "".join(path.read_text() for path in (ROOT / "docs/api").glob("*.md"))
    package = ".".join(folder.relative_to(ROOT).parts)
    tree = ast.parse((folder / "__init__.py").read_text())
    imported = {
        f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module == f"{package}.{alias.name}"
    }
    assert {name for name in imported if f"::: {name}\n" not in pages} == set()


def test_the_losses_of_the_banner_coincide():
    (first, *others) = banner.losses().values()
    assert len(others) == 3
    for epochs, values in others:
        assert epochs == first[0]
        np.testing.assert_allclose(values, first[1], rtol=2e-12)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_banner_shows_all_runs_and_spaces(scheme):
    left, right = banner.draw(scheme).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        framework.title for framework in FRAMEWORKS.values()
    ]
    shares = [line.get_ydata()[-1] for line in right.get_lines()]
    assert shares == [1.0] * len(banner.SPACES)


def test_the_explorer_has_the_published_models_and_networks():
    lines = dict(
        line.removeprefix("export const ").rstrip(";").split(" = ", 1)
        for line in explorer.module().splitlines()
    )
    models = {model["name"]: model for model in json.loads(lines["models"])}
    assert list(models) == list(REGNETS)
    assert models["regnetx_200mf"]["flops"] == count(REGNETS["regnetx_200mf"].network(), 224).flops
    sizes = {len(networks) for networks in json.loads(lines["populations"]).values()}
    assert sizes == {64}


def test_the_readme_is_read_in_one_go():
    assert len((ROOT / "README.md").read_text().splitlines()) < 120
