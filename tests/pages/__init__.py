"""Tests of pages in headless Chromium: those of the site, and those that commands write.

`nox -s pages` builds the site and runs them; `nox -s pages -- -k explorer` only some. Without nox,
`ANYNET_SITE` names the folder of a built site. The fixtures are those of `conftest.py`:

- `visit(address, width, scheme)` opens a page, in a window as wide as `WIDTHS[width]`, in the
  colours `scheme`, and returns a `Visit`: `visit.page` is Playwright's page, `visit.complaints()`
  what a reader should never meet there;
- `site` is the address of the built site, without a slash at its end;
- `each_window` goes over both widths and both schemes.

A page that lies in a file is visited as `path.as_uri()`, so it has to work from the disk.
"""
