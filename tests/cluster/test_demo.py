"""`make demo` as somebody runs it who has just cloned the project, its output in a pipe."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.cluster import Cluster
from testbed.demo.objects import rows
from testbed.processes import child_environment, listening, wait_for

pytestmark = pytest.mark.long

TESTS = Path(__file__).parents[1]


@pytest.fixture
def demo_folder(tmp_path: Path) -> Iterator[Path]:
    """Where a demo may be; whatever a failed test leaves there is ended."""
    yield tmp_path / "demo"
    _start("down", tmp_path / "demo").communicate()


def test_the_demo_shows_the_main_job_and_leaves_a_cluster_until_it_is_ended(demo_folder: Path) -> None:
    """Up: everything Ready with one rollout, two breaks told and repaired, no key shown. Then the cluster is there; down: nothing is."""
    up = _start("up", demo_folder)
    told, _ = up.communicate(timeout=200)

    assert up.returncode == 0, told
    assert "W&B revisions api 1→2  app 1→2  executor 1→2  filestream 1→2  parquet 1→2\n" in told
    assert "W&B unchanged console 1\n" in told
    assert "4 buckets, 4 teams, and W&B's workloads that read files were rolled out once." in told
    assert len(re.findall(r"s3://\*\*\*:\*\*\*@\S+", told)) == 4
    _assert_breaks_are_told(told.partition("Trouble")[2])
    assert not [key for key in _keys(demo_folder) if key in told], "a key is shown"
    assert max(map(len, told.splitlines())) <= 100

    found = rows(Cluster.attach(demo_folder))
    assert {each.kind for each in found} == {"WandbInstance", "BucketStore", "TeamStorage"}
    assert all(each.ready == "True" for each in found), found
    kubectl = [demo_folder / "bin" / "kubectl", f"--kubeconfig={demo_folder / 'kubeconfig'}", "get", "bucketstores"]
    assert "vision" in subprocess.run(kubectl, stdout=subprocess.PIPE, text=True, check=True).stdout

    _assert_down_ends_all(demo_folder)
    again = _start("down", demo_folder)
    assert again.communicate()[0] == "No demo is running.\n"
    assert again.returncode == 0


def test_whatever_an_interrupted_demo_leaves_is_ended(demo_folder: Path) -> None:
    """A killed `up` leaves what the next one ends before it begins; Ctrl-C in that one ends all by itself."""
    killed = _start("up", demo_folder)
    wait_for((demo_folder / "state.json").exists, timeout=60, what="the control plane is starting")
    killed.kill()
    killed.communicate()
    assert _programs(demo_folder)

    interrupted = _start("up", demo_folder)
    assert interrupted.stdout is not None
    said = list(itertools.takewhile(lambda line: "object stores:" not in line, interrupted.stdout))
    assert "begin anew" in said[0]
    interrupted.send_signal(signal.SIGINT)
    rest, _ = interrupted.communicate(timeout=60)

    assert interrupted.returncode == 130, rest
    assert not demo_folder.exists()
    assert not _programs(demo_folder)


def _assert_breaks_are_told(told: str) -> None:
    cors, _, key = told.partition("Trouble")
    assert re.search(r"BucketStore +legacy +False +ChecksFailed", cors)
    assert "Add a CORS rule that allows https://wandb.example.com" in " ".join(cors.split())
    assert "1 in bucket speech, 1 in bucket acme-legacy" in cors
    assert re.search(r"BucketStore +vision +False +AccessDenied", key)
    assert "the secret key in spec.provisioning.secretRef does not belong to the access key" in " ".join(key.split())
    assert re.findall(r"BucketStore +vision +(\w+)", key)[-1] == "True"
    assert told.count("W&B meanwhile: no workload was restarted; of its pods, 12 of 12 serve.") == 2


def _assert_down_ends_all(folder: Path) -> None:
    ports = [json.loads((folder / f"{store}.json").read_text())["port"] for store in ("minio", "moto", "versitygw")]
    assert _programs(folder)
    assert all(map(listening, ports))
    down = _start("down", folder)
    down.communicate()
    assert down.returncode == 0
    assert not folder.exists()
    assert not _programs(folder)
    assert not any(map(listening, ports))


def _start(command: str, folder: Path) -> subprocess.Popen[str]:
    env = child_environment({"PYTHONPATH": str(TESTS), "BYOB_TESTBED": "own"})
    # A terminal starts its programs with Ctrl-C at work; a run in the background starts all of them with it ignored.
    argv = ["env", "--default-signal=INT", sys.executable, "-m", "testbed.demo", command, "--folder", str(folder)]
    return subprocess.Popen(
        argv, cwd=folder.parent, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _keys(folder: Path) -> list[str]:
    """Every key that the demo has made, the one of the entry from before included."""
    stores = [json.loads((folder / f"{store}.json").read_text())["keys"] for store in ("minio", "moto", "versitygw")]
    return ["OLDKEY", "oldsecret", *(key for keys in stores for key in keys.values())]


def _programs(folder: Path) -> list[str]:
    """The programs that run with this folder."""
    running = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,args="], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    own = str(os.getpid())
    return [line for line in running.splitlines() if str(folder) in line and line.split()[0] != own]
