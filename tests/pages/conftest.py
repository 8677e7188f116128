"""The browser, the built site and visits to pages."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.environments import ROOT, chromium
from tests.pages.browsing import SCHEMES, WIDTHS, Visit, serving

SITE = Path(os.environ.get("ANYNET_SITE", ROOT / "site"))
"""The folder of the built site."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `path` runs once for each page of the site, by its path there."""
    if "path" in metafunc.fixturenames:
        pages = sorted(str(page.relative_to(SITE)) for page in SITE.rglob("*.html"))
        if not pages:
            pytest.exit(f"{SITE} must hold the built site; run nox -s docs", 4)
        metafunc.parametrize("path", pages)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, that of the system."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium())
        yield found
        found.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built site."""
    with serving(SITE) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a page by its address, width and scheme; it is closed after the test."""
    visits: list[Visit] = []

    def opened(address: str, width: str = "desktop", scheme: str = "light") -> Visit:
        visits.append(Visit(browser, address, width, scheme))
        return visits[-1]

    yield opened
    for one in visits:
        one.close()


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids="-".join)
def each_window(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A width and a scheme for `visit`, each pair in turn."""
    window: tuple[str, str] = request.param
    return window
