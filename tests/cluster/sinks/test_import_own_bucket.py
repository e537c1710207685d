"""`byob import` with the instance's own bucket, wherever W&B has it: applied, it restarts nothing and hides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from cluster import moving_in
from cluster.instance_world import InstanceWorld, address
from cluster.moving_in import documents, move_in, run, secret
from cluster.places import BEFORE, Place
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated

At = Callable[..., InstanceWorld]
OTHERS: Final = [each for each in BEFORE if each["name"] != VARIABLE]
REFERENCE: Final = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}
KMS: Final = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
SEEN: Final = ("BUCKET", "AWS_REGION", "AWS_S3_KMS_ID", "AZURE_STORAGE_KEY")
KEYS: Final = ("se/cr+et", "se%2Fcr%2Bet", "a2V5LW9mLWF6dXJl")
PLACES: Final = {
    "workloads": "BUCKET in env",
    "v1": "global.bucket in spec.values of WeightsAndBiases wandb",
    "v2": "spec.objectStore.default.externalObjectStore of WeightsAndBiases wandb",
}


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """A bucket as W&B has it in each place; `keys` are what the chart takes from a Secret, `selected` what v2 does."""

    env: Mapping[str, str]
    chart: Mapping[str, str]
    keys: Mapping[str, str]
    selected: Mapping[str, str]
    spec: Mapping[str, Any]
    secret: Mapping[str, str]


S3_KEYS: Final = {"accessKeyID": "AKown", "secretAccessKey": "se/cr+et"}
COMPATIBLE: Final = Theirs(
    env={"BUCKET": "s3://AKown:se%2Fcr%2Bet@minio.example.com:9000/acme-own/wandb/files?tls=true", "AWS_REGION": "eu-1"},
    chart={"provider": "s3", "name": "minio.example.com:9000", "path": "acme-own/wandb/files?tls=true", "region": "eu-1"},
    keys={"ACCESS_KEY": "AKown", "SECRET_KEY": "se%2Fcr%2Bet"},
    selected={"provider": "s3", "endpoint": "minio.example.com", "port": "9000", "accessKey": "AKown", "secretKey": "se/cr+et",
              "bucket": "acme-own", "path": "wandb/files", "region": "eu-1", "tlsEnabled": "true"},
    spec={"provider": "S3Compatible", "s3Compatible": {"bucket": "acme-own", "endpoint": "https://minio.example.com:9000", "region": "eu-1"}},
    secret=S3_KEYS,
)  # fmt: skip
AWS: Final = Theirs(
    env={"BUCKET": "s3://AKown:se%2Fcr%2Bet@acme-own/wandb/files", "AWS_REGION": "eu-west-1", "AWS_S3_KMS_ID": KMS},
    chart={"provider": "s3", "name": "acme-own", "path": "wandb/files", "region": "eu-west-1", "kmsKey": KMS},
    keys={"ACCESS_KEY": "AKown", "SECRET_KEY": "se%2Fcr%2Bet"},
    selected={"accessKey": "AKown", "secretKey": "se/cr+et", "bucket": "acme-own/wandb", "path": "files", "region": "eu-west-1"},
    spec={"provider": "S3", "s3": {"bucket": "acme-own", "region": "eu-west-1", "kmsKeyARN": KMS}},
    secret=S3_KEYS,
)  # fmt: skip
AWS_WITHOUT_KMS: Final = {"provider": "S3", "s3": {"bucket": "acme-own", "region": "eu-west-1"}}
"""W&B's operator v2 has no place for the key."""
AZURE: Final = Theirs(
    env={"BUCKET": "az://acme/acme-own/wandb/files", "AZURE_STORAGE_KEY": "a2V5LW9mLWF6dXJl"},
    chart={"provider": "az", "name": "acme/acme-own", "path": "wandb/files"},
    keys={"ACCESS_KEY": "a2V5LW9mLWF6dXJl"},
    selected={"provider": "azure", "accessKey": "acme", "secretKey": "a2V5LW9mLWF6dXJl", "bucket": "acme-own", "path": "wandb/files"},
    spec={"provider": "Azure", "azure": {"storageAccount": "acme", "container": "acme-own"}},
    secret={"accountKey": "a2V5LW9mLWF6dXJl"},
)  # fmt: skip
COREWEAVE: Final = Theirs(
    env={"BUCKET": "cw://AKown:se%2Fcr%2Bet@acme-own/wandb/files"},
    chart={"provider": "cw", "name": "acme-own", "path": "wandb/files"},
    keys={"ACCESS_KEY": "AKown", "SECRET_KEY": "se%2Fcr%2Bet"},
    selected={},  # W&B's operator v2 has none of CoreWeave
    spec={"provider": "CoreWeave", "coreWeave": {"bucket": "acme-own"}},
    secret=S3_KEYS,
)


@pytest.fixture
def at(at: At) -> At:
    """The same, without a WandbInstance."""
    return lambda **options: moving_in.alone(at(**options))


def with_bucket(at: At, place: Place, theirs: Theirs) -> InstanceWorld:
    """A W&B with a list of one bucket, and this one of its own."""
    texts = {"workloads": theirs.env, "v1": theirs.keys, "v2": theirs.selected}[place]
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": dict(texts)}
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one")), kept])
    if isinstance(here.stand_in, Operated):
        named = {"secretName": "theirs", "accessKeyName": "ACCESS_KEY", "secretKeyName": "SECRET_KEY"}
        chart = {"values": {"global": {"bucket": {**theirs.chart, "secret": named}}}}
        selectors = {name: {"name": "theirs", "key": name} for name in theirs.selected}
        v2 = {"objectStore": {"default": {"externalObjectStore": selectors}}}
        here.stand_in.edit(chart if place == "v1" else v2)
        here.stand_in.rounds_pass(2)
    else:
        for component in ("app", "api"):
            env = [
                {"name": name, "valueFrom": {"secretKeyRef": {"name": "theirs", "key": name}}} for name in theirs.env
            ]
            spec = {"template": {"spec": {"containers": [{"name": component, "env": env}]}}}
            path = here.deployment_path(component)
            here.cluster.patch(path, {"spec": spec}, content_type="application/strategic-merge-patch+json")
    here.stand_in.wait_available()
    return here


def specifications(here: InstanceWorld) -> list[Any]:
    """What others have written for W&B, whole."""
    bodies = [here.stand_in.body()] if isinstance(here.stand_in, Operated) else here.stand_in.deployments()
    return [body["spec"] for body in bodies]


@pytest.mark.parametrize("theirs", [COMPATIBLE, AWS, AZURE], ids=["S3Compatible", "S3", "Azure"])
def test_it_becomes_a_bucket_store_and_stays_as_it_is(at: At, tmp_path: Path, place: Place, theirs: Theirs) -> None:
    """Shown at its level, without its keys; applied and verified, the operator has nothing to write, and W&B the same bytes."""
    moves_in_untouched(at, tmp_path, place, theirs)


@pytest.mark.parametrize("place", ["workloads", "v1"], indirect=True)
def test_of_one_at_coreweave_nobody_need_be_told(at: At, tmp_path: Path, place: Place) -> None:
    """W&B support has set it long ago: it is in place, and asks for no annotation."""
    moves_in_untouched(at, tmp_path, place, COREWEAVE)


def moves_in_untouched(at: At, folder: Path, place: Place, theirs: Theirs) -> None:
    here = with_bucket(at, place, theirs)
    before, revisions = specifications(here), here.stand_in.revisions()
    seen = {variable: here.stand_in.seen(variable) for variable in SEEN}
    done = run(here, folder)
    said = done.output + done.errors
    assert done.status == 0, said
    assert PLACES[place] in said
    assert "Secret theirs" in said
    assert "It is the instance's own bucket" in said
    assert not [key for key in KEYS if key in said]
    assert "W&B is not restarted" in said
    (instance,) = documents(folder, "wandbinstance")
    assert instance["spec"]["storage"] == {"bucketStoreRef": {"name": "acme-own"}, "path": "wandb/files"}
    stores = {each["metadata"]["name"]: each["spec"] for each in documents(folder, "bucketstores")}
    own = stores["acme-own"]
    assert {key: own[key] for key in theirs.spec} == (
        AWS_WITHOUT_KMS if theirs is AWS and place == "v2" else theirs.spec
    )
    assert (own["managementPolicy"], own["adoptionPolicy"]) == ("Observe", "Adopt")
    (keys,) = (each for each in documents(folder, "secrets") if each["metadata"]["name"] == "acme-own")
    assert keys["stringData"] == theirs.secret

    move_in(here, folder)
    mark = here.cluster.audit_position()
    here.settle("StorageConfigured")
    here.settle("Ready")
    assert specifications(here) == before
    assert here.stand_in.revisions() == revisions
    assert {variable: here.stand_in.seen(variable) for variable in SEEN} == seen
    assert here.secrets() == {}
    assert {resource for _, resource, _ in here.writes(mark)} == {"wandbinstances.byob.wandb.com/status"}
    found = here.status()["storage"]
    assert (found["bucketStoreRef"], found["path"]) == ({"name": "acme-own"}, "wandb/files")


def test_what_cannot_be_told_is_left_out(at: At, tmp_path: Path, place: Place) -> None:
    """Components that differ, a level that may win, an object store of W&B's operator: said, with what to do; no spec.storage is written."""
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))])
    if isinstance(here.stand_in, Operated):
        given: Any = {"objectStore": {"default": {"managedObjectStore": {"enabled": True}}}}
        if place == "v1":
            bucket = {"provider": "s3", "name": "acme-own", "region": "eu-west-1"}
            given = {"values": {"global": {"bucket": bucket}, "app": {"env": {"BUCKET": "s3://acme-app"}}}}
        here.stand_in.edit(given)
        here.stand_in.rounds_pass(2)
    else:
        for component in ("app", "api"):
            env = [{"name": "BUCKET", "value": f"gs://acme-{component}"}]
            spec = {"template": {"spec": {"containers": [{"name": component, "env": env}]}}}
            path = here.deployment_path(component)
            here.cluster.patch(path, {"spec": spec}, content_type="application/strategic-merge-patch+json")
    here.stand_in.wait_available()
    before, revisions = specifications(here), here.stand_in.revisions()
    done = run(here, tmp_path)
    assert done.status == 1, done.errors
    assert "spec.storage is left out: " in done.output
    words = {
        "workloads": "give all of them the same",
        "v1": "BUCKET is set at app.env in spec.values of WeightsAndBiases wandb",
        "v2": "copy its files to one",
    }
    assert words[place] in done.output
    assert "storage" not in documents(tmp_path, "wandbinstance")[0]["spec"]
    move_in(here, tmp_path)
    here.settle("Ready")
    assert specifications(here) == before
    assert here.stand_in.revisions() == revisions


def composed(here: InstanceWorld, **names: str) -> None:
    """Give the workloads their bucket as W&B's chart does: put together by Kubernetes, of a ConfigMap and a Secret with keys."""
    place = {
        "BUCKET_NAME": "minio.example.com:9000",
        "BUCKET_PATH": "acme-own/wandb/files?tls=true",
        "AWS_REGION": "eu-1",
    }
    here.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wandb-bucket-configmap"}, "data": place})
    here.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": dict(COMPATIBLE.keys)}
    )
    keys = {"BUCKET_ACCESS_KEY": "ACCESS_KEY", "BUCKET_SECRET_KEY": "SECRET_KEY"} | names
    env: list[Any] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "theirs", "key": key, "optional": True}}}
        for name, key in keys.items()
    ]
    url = "s3://$(BUCKET_ACCESS_KEY):$(BUCKET_SECRET_KEY)@$(BUCKET_NAME)/$(BUCKET_PATH)"
    env += [{"name": name, "value": url} for name in ("BUCKET", "GORILLA_FILE_STORE", "GORILLA_STORAGE_BUCKET")]
    whole = [{"configMapRef": {"name": "wandb-bucket-configmap", "optional": True}}]
    for component in ("app", "api"):
        spec = {"template": {"spec": {"containers": [{"name": component, "env": env, "envFrom": whole}]}}}
        path = here.deployment_path(component)
        here.cluster.patch(path, {"spec": spec}, content_type="application/strategic-merge-patch+json")
    here.stand_in.wait_available()


@pytest.mark.parametrize("place", ["workloads"], indirect=True)
def test_what_kubernetes_puts_together_is_read_as_the_pods_have_it(at: At, tmp_path: Path, place: Place) -> None:
    """W&B's chart, installed without its operator: bucket and keys are known, so that a rotated key is seen, and nothing restarts."""
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))])
    composed(here)
    before, revisions = specifications(here), here.stand_in.revisions()
    assert here.stand_in.seen("BUCKET") == {COMPATIBLE.env["BUCKET"]}
    done = run(here, tmp_path)
    assert done.status == 0, done.output + done.errors
    assert "BUCKET_NAME, BUCKET_PATH are filled into" in done.output
    stores = {each["metadata"]["name"]: each["spec"] for each in documents(tmp_path, "bucketstores")}
    assert {key: stores["acme-own"][key] for key in COMPATIBLE.spec} == COMPATIBLE.spec
    move_in(here, tmp_path)
    here.settle("StorageConfigured")
    here.settle("Ready")
    assert specifications(here) == before
    assert here.stand_in.revisions() == revisions
    here.apply(secret("another-key", name="acme-own", key="secretAccessKey"))
    here.verify("acme-own", paths=["wandb/files"])
    here.settle("StorageConfigured", "False", reason="LiteralPresent")


@pytest.mark.parametrize("place", ["workloads"], indirect=True)
def test_a_part_that_is_not_there_is_named(at: At, tmp_path: Path, place: Place) -> None:
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))])
    composed(here, BUCKET_NAME="gone", BUCKET_SECRET_KEY="gone")
    done = run(here, tmp_path)
    assert done.status == 1
    assert "spec.storage is left out: its keys are not known here" in done.output
    here.cluster.delete(f"/api/v1/namespaces/{here.namespace}/configmaps/wandb-bucket-configmap")
    done = run(here, tmp_path, "-d", "again")
    assert "spec.storage is left out: what $(BUCKET_NAME), $(BUCKET_PATH) stands for is not known here" in done.output
