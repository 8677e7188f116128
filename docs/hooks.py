"""MkDocs event handlers: pages from elsewhere in the repository, and expansion of blocks and links.

`docs/expand.py` expands the pages; no code is run. Notebooks show the outputs they were saved with.
"""

from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

from docs import explorer
from docs.expand import ROOT, expand, relink, source_page, targets

_FILES = {"contributing.md": ".github/CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
_PUBLISHED = "assets/explorer/published.js"

_pages: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages written elsewhere, a page for each file that a page links to, and a script."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        for page in _notebook_pages(file, config):
            files.append(page)
    for page, path in _FILES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    _pages.update({path: page for page, path in _FILES.items()})
    files.append(File.generated(config, _PUBLISHED, content=explorer.module()))
    linked = {
        target
        for file in files.documentation_pages()
        for target in targets(file.content_string, _origin(file.src_uri))
        if not target.startswith("docs/") and target not in _pages and (ROOT / target).is_file()
    }
    for path in sorted(linked):
        _pages[path] = f"source/{path}.md"
        files.append(File.generated(config, _pages[path], content=source_page(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Expand blocks and map links."""
    uri = page.file.src_uri
    if uri.startswith("source/"):
        return markdown
    return expand(relink(markdown, _origin(uri), uri, _pages))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the search dialog."""
    return _named(output)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """Name the search dialog of the page for addresses that do not exist."""
    return _named(output_content)


def _named(page: str) -> str:
    """A page whose search dialog has a name for screen readers, which the theme leaves out."""
    dialog = 'data-md-component="search" role="dialog"'
    return page.replace(dialog, f'{dialog} aria-label="Search"')


def _notebook_pages(file: File, config: MkDocsConfig) -> Iterator[File]:
    """The page of a notebook, and its images."""
    name = file.src_uri.removesuffix(".ipynb")
    resources = {"unique_key": name}
    text, resources = MarkdownExporter().from_filename(file.abs_src_path, resources)
    yield File.generated(config, f"{name}.md", content=text)
    for picture, content in resources["outputs"].items():
        yield File.generated(config, picture, content=content)


def _origin(uri: str) -> str:
    """The repository's file that contains a page's text."""
    return _FILES.get(uri, f"docs/{uri}")
