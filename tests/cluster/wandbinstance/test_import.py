"""`byob import`: moving in with the buckets that a running W&B has already, without a restart where none is needed."""

import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.instance_world import ESCAPED, HOST, InstanceWorld, address
from console.program import Run, byob
from testbed.wandb import VARIABLE, host

MALFORMED = (f"s3://AKbad:{ESCAPED}@{HOST}/bad?region=eu-1?tls=true", "gcs://old")
OTHERS = ("gs://acme-public", "az://:a2V5a2V5@acme/data", "cw://AKcw:secretcw@cwobject.com/acme-cw?tls=true", "cw://")
ENTRIES = (address("one"), MALFORMED[0], OTHERS[0], address("two"), *OTHERS[1:], MALFORMED[1])
FOREIGN: Mapping[str, Any] = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}


def run(here: InstanceWorld, folder: Path) -> Run:
    words = ("--host", host(here.namespace), "-d", str(folder / "byob"), "-n", here.namespace)
    return byob(folder, "import", *words, environ={"KUBECONFIG": str(here.cluster.kubeconfig)})


def move_in(here: InstanceWorld, folder: Path) -> None:
    """Apply what was written, verify the two buckets that the test's store has, and name their teams."""
    here.cluster.delete(here.path)
    for file in ("wandbinstance", "secrets", "bucketstores"):
        here.apply(*yaml.safe_load_all((folder / "byob" / f"{file}.yaml").read_text()))
    for name in ("one", "two"):
        here.verify(f"bucket-{name}")
        here.team(name, bucket=f"bucket-{name}")


@pytest.mark.parametrize("literal", [False, True], ids=["referenced", "literal"])
def test_moving_in(made: Callable[..., InstanceWorld], tmp_path: Path, *, literal: bool) -> None:
    """A Secret that is referred to stays in place: no rollout. A literal becomes a reference: one. No entry changes a byte."""
    here = made(deploy=False)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "stores"},
        "stringData": {"list": ",".join(ENTRIES)},
    }
    here.apply(secret)
    here.stand_in.deploy(env=[{"name": VARIABLE, "value": ",".join(ENTRIES)} if literal else FOREIGN])
    done = run(here, tmp_path)
    assert done.status == 1, done.errors
    said = done.output + done.errors
    for key in ("AKone", ESCAPED, "secretcw", "a2V5a2V5"):
        assert key not in said
    assert "second ?" in said
    assert "gs://" in said
    for file in (tmp_path / "byob").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stores = list(yaml.safe_load_all((tmp_path / "byob" / "bucketstores.yaml").read_text()))
    providers = sorted(each["spec"]["provider"] for each in stores)
    assert providers == ["Azure", "CoreWeave", "GCS", "S3Compatible", "S3Compatible"]

    move_in(here, tmp_path)
    here.settle("Configured")
    here.settle()
    assert set(here.stand_in.revisions().values()) == {2 if literal else 1}
    assert here.entries() == list(ENTRIES)


def test_a_folder_that_is_there_is_not_written_into(made: Callable[..., InstanceWorld], tmp_path: Path) -> None:
    here = made(env=[{"name": VARIABLE, "value": address("one")}])
    (tmp_path / "byob").mkdir()
    done = run(here, tmp_path)
    assert done.status == 2
    assert "--directory" in done.errors
