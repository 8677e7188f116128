"""A page as a browser shows it, and what is wrong with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

WIDTHS = {"desktop": 1280, "phone": 390}
SCHEMES = ("light", "dark")
SEVERE = ("serious", "critical")

_AXE = Axe()
_LOCAL = ("127.0.0.1", None)
"""Hosts that a page may ask: the test's server, and none (files and data in addresses)."""

_TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = element => {
        for (let box = element.parentElement; box; box = box.parentElement)
            if (box !== document.body && getComputedStyle(box).overflowX !== "visible") return true;
        return false;
    };
    const wide = [...document.body.querySelectorAll("*")].filter(
        element => element.getBoundingClientRect().right > width + 1 && !scrolls(element)
    );
    return wide.map(element => element.outerHTML.slice(0, 120)).slice(-3).concat("the page");
}"""


class Visit:
    """A page that is open in a window of a given width and colour scheme."""

    def __init__(self, browser: Browser, address: str, width: str, scheme: str) -> None:
        self._context = browser.new_context(
            viewport={"width": WIDTHS[width], "height": 844},
            color_scheme=scheme,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._errors: list[str] = []
        self._elsewhere: list[str] = []
        self.page: Page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._errors.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.goto(address, wait_until="load")

    def close(self) -> None:
        """Close the page and forget what it has stored."""
        self._context.close()

    def complaints(self) -> list[str]:
        """All that a reader should not meet, a line each.

        Errors in the console, requests to other hosts, a page wider than its window, and axe-core's
        serious and critical findings.
        """
        too_wide = [f"wider than the window: {one}" for one in self.page.evaluate(_TOO_WIDE)]
        elsewhere = [f"asks another host: {address}" for address in self._elsewhere]
        return [*self._errors, *elsewhere, *too_wide, *self._barriers()]

    def clipboard(self) -> str:
        """The text that was copied last."""
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def _barriers(self) -> list[str]:
        found = _AXE.run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [
            f"axe-core, {rule['impact']}: {rule['help']}: {_place(node)}"
            for rule in found
            if rule["impact"] in SEVERE
            for node in rule["nodes"][:3]
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in _LOCAL:
            self._elsewhere.append(request.url)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._errors.append(f"answer {response.status}: {response.url}")


def _place(node: dict[str, Any]) -> str:
    """An element of the page, and the numbers of a check that failed."""
    told = [check["message"] for check in node["any"] if check["id"] == "color-contrast"]
    return " ".join([node["html"][:120], *told])


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a local server of the files in `folder`."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
