"""Runs that are killed at random moments, and inside writes, end as if nothing had happened."""

import json
import os
import subprocess
import sys

import pytest

_MANY = 50


@pytest.mark.parametrize(
    ("source", "many"),
    [
        pytest.param("folder", False, marks=pytest.mark.bare("torch")),
        *(pytest.param(source, True, marks=pytest.mark.full)
          for source in ("arrays", "folder", "shards")),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("backend")
def test_a_killed_run_ends_in_the_weights_of_a_whole_one(name, native, tmp_path, source, many):
    kills = _MANY if many else native.KILLS
    threads = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.backends.killing", name, source,
         str(kills), str(tmp_path)],
        capture_output=True, text=True, env={**os.environ, **threads, **cache},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["moment"] + found["write"] == kills
    assert min(found["moment"], found["write"]) >= 1
    assert set(found["killed"]) == {found["whole"]}
