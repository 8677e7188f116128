"""Self-contained HTML pages: one style, one set of scripts, no request to any other host."""

from common.pages.page import rounded, to_json, write_page
from common.pages.runs import write_runs_page

__all__ = ["rounded", "to_json", "write_page", "write_runs_page"]
