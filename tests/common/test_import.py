"""Importing all of `common` beside other code."""

import json

from common.processes import ROOT, run_python

_LIBRARIES = "click,jinja2,optuna,requests,rich.style,scipy,sqlalchemy"
"""Those that change the process when they are imported: loggers, Python's random numbers."""


def _modules():
    for path in sorted((ROOT / "common").rglob("*.py")):
        if path.name != "__main__.py":
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__")


def test_it_changes_nothing_for_other_code():
    done = run_python("-m", "tests.process_state", _LIBRARIES, ",".join(_modules()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["imported"] == {}
