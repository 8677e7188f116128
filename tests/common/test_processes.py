"""Processes of this project, started in folders that hold modules of the same names."""

import ast
import os
import shutil
import sys
import types
from runpy import run_path

import pytest

from common.backends import FRAMEWORKS
from common.processes import (
    PIPE,
    ROOT,
    import_path,
    physical_cores,
    process_pool,
    run_python,
    start_python,
    usable_cores,
)
from tests.hostile import make_hostile

START = run_path(str(ROOT / "common/start.py"))
_IMPORTS = "import common, numpy, yaml, click, json, random, pickle, tempfile"
_STARTERS = {
    "subprocess", "multiprocessing", "concurrent.futures.ProcessPoolExecutor", "os.execv",
    "os.fork", "os.system", "os.popen",
}  # fmt: skip


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A folder full of foreign modules, which is the working directory."""
    folder = make_hostile(tmp_path / "hostile")
    monkeypatch.chdir(folder)
    return folder


def test_a_process_imports_nothing_from_its_working_directory(hostile):
    done = run_python("-c", _IMPORTS)
    assert (done.returncode, done.stderr) == (0, "")


def test_nor_do_the_processes_that_it_starts(hostile):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_IMPORTS!r}])"
    assert run_python("-c", code).stderr == ""


def test_a_process_imports_what_its_parent_can(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("FOUND = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run_python("-c", "import only_here; print(only_here.FOUND)").stdout == "7\n"


def test_a_process_of_another_python_is_given_this_project_alone(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    done = run_python("-c", "import sys; print(sys.path[:2])", python=sys.executable)
    found = ast.literal_eval(done.stdout)
    assert found[0] == str(ROOT)
    assert found[1] != str(tmp_path)


def test_the_folder_of_the_script_is_left_out(hostile, monkeypatch):
    script = types.ModuleType("__main__")
    script.__file__, script.__spec__ = str(hostile / "script.py"), None
    monkeypatch.setitem(sys.modules, "__main__", script)
    monkeypatch.setattr(sys, "path", [str(hostile), "", str(ROOT), "relative"])
    assert import_path() == [str(ROOT), str(hostile / "relative")]


def test_the_folder_of_the_script_stays_where_this_project_is_in_it(monkeypatch):
    script = types.ModuleType("__main__")
    script.__file__, script.__spec__ = str(ROOT / "script.py"), None
    monkeypatch.setitem(sys.modules, "__main__", script)
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    assert import_path() == [str(ROOT)]


def test_a_pool_imports_nothing_from_its_working_directory(hostile):
    before = dict(os.environ)
    with process_pool({"ANYNET_TEST": "7"}) as pool:
        assert pool.submit(os.getenv, "ANYNET_TEST").result() == "7"
    assert dict(os.environ) == before


_WITH_A_POOL = """
import time
from common.processes import process_pool
with process_pool({}, one_task_each=False) as pool:
    pool.submit(time.sleep, 0).result()
    pool.submit(time.sleep, 600)
    print("begun", flush=True)
    time.sleep(600)
"""


def test_a_pool_ends_with_a_process_that_is_killed():
    process = start_python("-c", _WITH_A_POOL, stdout=PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.kill()
    process.communicate(timeout=60)  # the output ends when no process of the pool has it any more


def _run_module(*arguments):
    """`python -m` as a user runs it, with the working directory on the path."""
    code = f"""
import os, sys
del os.environ["PYTHONSAFEPATH"]
os.execv(sys.executable, [sys.executable, "-m", *{arguments!r}])
"""
    return run_python("-c", code)


@pytest.mark.parametrize("module", ["common", "common.cli"])
def test_python_m_imports_nothing_from_its_working_directory(hostile, module):
    shutil.rmtree(hostile / "common")  # which Python itself would take for the program
    done = _run_module(module, "--version")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_of_a_user_keeps_its_working_directory(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").write_text("import common\n")
    (tmp_path / "mine/__main__.py").write_text("import beside\n")
    (tmp_path / "beside.py").write_text("print('found')\n")
    monkeypatch.chdir(tmp_path)
    assert _run_module("mine").stdout == "found\n"


@pytest.fixture(params=["folder", "file", "imported before"])
def foreign(request, tmp_path, monkeypatch):
    """The place of a foreign `common`, which must not be run."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "common"]:
        monkeypatch.delitem(sys.modules, name)
    place = tmp_path / ("common.py" if request.param == "file" else "common")
    code = place
    if request.param != "file":
        place.mkdir()
        code = place / "__init__.py"
    code.write_text("raise SystemExit('SHADOWED')\n")
    monkeypatch.syspath_prepend(tmp_path)
    if request.param == "imported before":
        module = types.ModuleType("common")
        module.__file__, module.__path__ = str(code), [str(place)]
        monkeypatch.setitem(sys.modules, "common", module)
    return place


def test_a_foreign_common_is_one_error_that_names_it(foreign):
    with pytest.raises(ImportError, match="anynet_x: needs the package common") as caught:
        START["check_common"]("anynet_x")
    assert f"got {foreign}, which is in the way; rename it" in str(caught.value)


def test_the_command_names_a_foreign_common_in_one_line(foreign):
    with pytest.raises(SystemExit) as caught:
        START["main"]()
    assert str(caught.value).startswith("Error: anynet: needs the package common")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("package", [framework.package for framework in FRAMEWORKS.values()])
def test_every_package_refuses_a_foreign_common_before_it_is_run(tmp_path, package):
    place = make_hostile(tmp_path) / "common"
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {package}"
    last = run_python("-c", code).stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {package}: needs the package common")
    assert str(place) in last


def test_without_affinity_all_cores_are_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cores() == [0, 1, 2]


@pytest.mark.parametrize(
    ("siblings", "expected"),
    [
        (["0", "1", "2", "3"], 4),
        (["0,2", "1,3", "0,2", "1,3"], 2),
        (["0-1", "0-1", "2-3"], 2),
        ([], None),
    ],
    ids=["one processor each", "hyperthreading", "one processor not ours", "unknown"],
)
def test_a_core_that_is_shown_twice_counts_once(siblings, expected, tmp_path, monkeypatch):
    for number, text in enumerate(siblings):
        folder = tmp_path / f"cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{text}\n")
    shown = list(range(len(siblings) or 4))
    monkeypatch.setattr("common.processes.usable_cores", lambda: shown)
    assert physical_cores(tmp_path) == expected


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


_OF_OTHER_PROGRAMS = {"common/gpus.py"}
"""What starts a program that is not Python."""

_FOLDERS = ("common", "benchmarks", *(framework.package for framework in FRAMEWORKS.values()))


@pytest.mark.parametrize("folder", _FOLDERS)
def test_one_file_alone_starts_processes(folder):
    starters = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if _STARTERS & set(_imported(path)) or "sys.executable" in path.read_text()
    }
    assert starters - {"common/processes.py", *_OF_OTHER_PROGRAMS} == set()


def test_the_hostile_folder_is_hostile(hostile):
    code = f"import sys; sys.path.insert(0, {str(hostile)!r}); import numpy"
    assert run_python("-c", code).stderr == "SHADOWED by numpy\n"
