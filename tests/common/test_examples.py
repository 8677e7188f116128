"""The examples that need no framework."""

import os
import runpy
import subprocess

from common.spaces import find_space
from tests.documents import ROOT

_EXAMPLES = ROOT / "docs/examples"


def test_a_new_space_is_written_to_a_file_that_commands_take(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wedge = runpy.run_path(str(_EXAMPLES / "space.py"))["wedge"]
    assert find_space("wedge.json") == wedge
    assert "wedge: 4,800 candidates" in capsys.readouterr().out


def test_a_job_of_a_cluster_is_a_worker_of_the_study(tmp_path):
    stand_in = tmp_path / "anynet"
    stand_in.write_text('#!/bin/sh\necho "$@"')
    stand_in.chmod(0o755)
    job = subprocess.run(
        [_EXAMPLES / "cluster.sh", "large"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_CPUS_PER_TASK": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert job.stdout.split() == ["study", "work", "large", "--threads", "4"]
