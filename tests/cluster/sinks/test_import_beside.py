"""`byob import` where a WandbInstance is there already: it stays what it is, and gets what it lacks and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cluster.instance_world import InstanceWorld, address
from cluster.moving_in import documents, run, secret
from cluster.places import BEFORE, Place
from testbed import wandb
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated

At = Callable[..., InstanceWorld]
OTHERS: Final = [each for each in BEFORE if each["name"] != VARIABLE]
REFERENCE: Final = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}
MARKS: Final = {"labels": {"team": "ml"}, "annotations": {"byob.wandb.com/note": "ours"}}
ROLLOUT: Final = {
    "timeout": "7m",
    "windows": [{"schedule": "0 2 * * *", "duration": "2h", "timeZone": "Europe/Berlin"}],
}


def narrow(at: At, place: Place, **spec: Any) -> InstanceWorld:
    """A W&B whose WandbInstance leaves out a component that has no list, and has more in it than import would write."""
    named = {"target": {"workloads": {"names": ["wandb-app", "wandb-api"]}}} if place == "workloads" else {}
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))], rollout=ROLLOUT, **named, **spec)
    here.cluster.patch(here.path, {"metadata": MARKS})
    if place == "workloads":
        here.cluster.apply([wandb.workload("console")], namespace=here.namespace)
        here.stand_in.wait_available()
    return here


def own_bucket(here: InstanceWorld, place: Place) -> None:
    """Give W&B a bucket of its own."""
    if isinstance(here.stand_in, Operated):
        kept = {"bucket": "acme-own", "region": "eu-west-1"}
        here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": kept})
        selectors = {name: {"name": "theirs", "key": name} for name in kept}
        v2 = {"objectStore": {"default": {"externalObjectStore": selectors}}}
        v1 = {"values": {"global": {"bucket": {"provider": "s3", "name": "acme-own", "region": "eu-west-1"}}}}
        here.stand_in.edit(v2 if place == "v2" else v1)
        here.stand_in.rounds_pass(2)
    else:
        env = [{"name": "BUCKET", "value": "s3://acme-own"}, {"name": "AWS_REGION", "value": "eu-west-1"}]
        for component in ("app", "api"):
            spec = {"template": {"spec": {"containers": [{"name": component, "env": env}]}}}
            path = here.deployment_path(component)
            here.cluster.patch(path, {"spec": spec}, content_type="application/strategic-merge-patch+json")
    here.stand_in.wait_available()


def test_it_stays_as_it_is(at: At, tmp_path: Path, place: Place) -> None:
    """No wider target: what is left out there would restart W&B, and get the list."""
    here = narrow(at, place)
    done = run(here, tmp_path)
    assert done.status == 0, done.errors
    assert "WandbInstance wandb is there, and stays as it is." in done.output
    assert "W&B is not restarted, since no entry changes" in done.output
    assert documents(tmp_path, "wandbinstance") == []
    (store,) = documents(tmp_path, "bucketstores")
    assert store["spec"]["instanceRef"] == {"name": "wandb"}
    here.apply(*documents(tmp_path, "secrets"), store)
    again = run(here, tmp_path, "-d", "again")
    assert again.status == 0, again.errors
    assert "BucketStore bucket-one is there for it" in again.output
    assert "There is nothing to write: W&B is not restarted" in again.output
    assert not (tmp_path / "again").exists()


def test_it_gets_the_instances_own_bucket_and_nothing_else(at: At, tmp_path: Path, place: Place) -> None:
    """Applied as kubectl does it, twice: labels, annotations and every other field are what they were."""
    here = narrow(at, place)
    own_bucket(here, place)
    revisions, before = here.stand_in.revisions(), here.instance()
    metadata = {"name": "wandb", "namespace": here.namespace, **MARKS}
    theirs = {key: before[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    here.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(theirs))
    done = run(here, tmp_path)
    assert done.status == 0, done.output + done.errors
    assert "wandbinstance.yaml is the same with spec.storage added, and nothing else changed" in done.output
    here.cluster.kubectl("apply", "-f", str(tmp_path / "byob" / "wandbinstance.yaml"))
    after = here.instance()
    assert after["spec"] == before["spec"] | {
        "storage": {"bucketStoreRef": {"name": "acme-own"}, "takeOwnership": False}
    }
    assert after["metadata"]["labels"] == MARKS["labels"]
    assert after["metadata"]["annotations"].items() >= MARKS["annotations"].items()
    assert here.stand_in.revisions() == revisions


def test_a_bucket_that_it_asks_for_already_stays(at: At, tmp_path: Path, place: Place) -> None:
    """Also one that W&B does not have: import takes nothing back, and says what the operator says of it."""
    here = narrow(at, place, storage={"bucketStoreRef": {"name": "main"}})
    here.bucket("main", verified=False)
    own_bucket(here, place)
    done = run(here, tmp_path)
    assert done.status == 1, done.output + done.errors
    assert "spec.storage stays as it is: W&B keeps the instance's files in s3://acme-own" in done.output
    assert documents(tmp_path, "wandbinstance") == []
    assert [each["metadata"]["name"] for each in documents(tmp_path, "bucketstores")] == ["bucket-one"]


def test_what_the_arguments_say_otherwise_is_an_error(at: At, tmp_path: Path, place: Place) -> None:
    """By the field's name; nothing is written."""
    here = narrow(at, place)
    for words, field in (
        (("--host", "https://other.example.com"), "spec.host"),
        (("--separator", ";"), "spec.fileStores.separator"),
        (("--release", "other"), "spec.target"),
    ):
        done = run(here, tmp_path, *words)
        assert done.status == 2
        assert f"WandbInstance wandb is there, and its {field} says something else" in " ".join(done.errors.split())
    assert not (tmp_path / "byob").exists()


def test_whatever_its_name_it_is_found(at: At, tmp_path: Path, place: Place) -> None:
    """And of several the administrator names one."""
    here = narrow(at, place)
    body = here.instance()
    here.apply(
        {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": "prod"}, "spec": body["spec"]}
    )
    several = run(here, tmp_path)
    assert several.status == 2
    assert "There are several WandbInstances: prod, wandb. Name one with --name" in " ".join(several.errors.split())
    here.cluster.delete(here.path)
    done = run(here, tmp_path)
    assert "WandbInstance prod is there, and stays as it is." in done.output
    (store,) = documents(tmp_path, "bucketstores")
    assert store["spec"]["instanceRef"] == {"name": "prod"}
