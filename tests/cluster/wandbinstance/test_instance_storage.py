"""The bucket for the instance itself in W&B's plain workloads: its variables, and what tells of it. What all places have in common is in sinks/."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.instance_world import ESCAPED, HOST, InstanceWorld, address
from testbed.stages import Failure, PodSelector
from testbed.wandb import VARIABLE

Made = Callable[..., InstanceWorld]
ANNOTATION = "byob.wandb.com/change-storage"


def storage(name: str, **more: Any) -> dict[str, Any]:
    return {"storage": {"bucketStoreRef": {"name": name}, **more}}


def main(name: str, path: str = "", secret: str = ESCAPED) -> str:
    """The address of an instance's bucket: with the store's port, and with the path."""
    return f"s3://AK{name}:{secret}@{HOST}:443/bucket-{name}{path and '/'}{path}?region=eu-1&tls=true"


def literal(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def told(here: InstanceWorld) -> dict[str, Any]:
    return here.condition("StorageConfigured")


def test_it_is_set_with_the_teams_buckets_by_one_rollout(made: Made) -> None:
    """One immutable Secret holds both; no key is shown anywhere."""
    here = made(**storage("main", path="wandb/files"))
    here.bucket("main", verified=False)
    here.bucket("one")
    here.team("one")
    here.look()
    assert told(here)["reason"] == "WaitingForBucket"
    assert here.condition("Configured")["reason"] == "WaitingForBuckets", "the instance's own is still on its way"
    here.verify("main", paths=["wandb/files"])
    here.settle("Ready")
    assert here.stand_in.seen("BUCKET") == {main("main", "wandb/files")}
    assert here.stand_in.seen("AWS_REGION") == {"eu-1"}
    assert here.stand_in.seen("AWS_S3_KMS_ID") == {None}
    assert here.stand_in.seen("GORILLA_FILE_STORE") == {None}, "nobody had it"
    assert here.entries() == [address("one")]
    assert set(here.stand_in.revisions().values()) == {2}
    (secret,) = here.secrets().values()
    assert secret["immutable"] is True
    status = here.status()
    assert status["storage"] == {
        "identity": f"s3://{HOST}/bucket-main",
        "address": f"s3://***:***@{HOST}:443/bucket-main/wandb/files?region=eu-1&tls=true",
        "path": "wandb/files",
        "source": "BucketStore",
        "bucketStoreRef": {"name": "main"},
    }
    assert told(here)["message"] == "W&B keeps the instance's files in bucket-main/wandb/files."
    for kept in (ESCAPED, "AKmain"):
        assert kept not in str(here.instance())
        assert kept not in str(here.deployment("app"))
    mark = here.cluster.audit_position()
    here.look()
    assert here.writes(mark) == []


def test_another_bucket_is_set_only_where_it_is_named(made: Made) -> None:
    """Else the files would be hidden: it is told what is there, without keys, and what to do; a team's bucket enters all the same."""
    old = "s3://AKOLD:se%2Fcret@old.example.com:9000/bucket-old?tls=true"
    own = [literal("BUCKET", old), literal("GORILLA_FILE_STORE", old), literal("OTHER", "stays")]
    here = made(env=own, **storage("main", takeOwnership=True))
    here.bucket("main")
    here.bucket("one")
    here.team("one")
    here.settle("RolledOut")
    here.settle("Stalled", "True", reason="StorageWouldChange")
    message = told(here)["message"]
    assert "s3://***:***@old.example.com:9000/bucket-old?tls=true" in message
    assert f'{ANNOTATION}: "bucket-main"' in message
    assert here.stand_in.seen("BUCKET") == {old}
    assert here.entries() == [address("one")], "a team does not wait for that"
    assert here.status()["storage"]["source"] == "Kept"

    here.cluster.patch(here.path, {"metadata": {"annotations": {ANNOTATION: "bucket-other"}}})
    here.look()
    assert "another bucket, and so means nothing here" in told(here)["message"]
    revisions = here.stand_in.revisions()
    here.cluster.patch(here.path, {"metadata": {"annotations": {ANNOTATION: "bucket-main"}}})
    here.settle("Ready")
    assert here.stand_in.seen("BUCKET") == here.stand_in.seen("GORILLA_FILE_STORE") == {main("main")}
    assert here.stand_in.seen("OTHER") == {"stays"}
    assert {name: count + 1 for name, count in revisions.items()} == here.stand_in.revisions()
    assert "AKOLD" not in str(here.instance())


def test_a_failed_change_goes_back_by_itself(made: Made) -> None:
    """Both the bucket and the list are as they were, each from where it was."""
    old = "s3://AKOLD:secret-old@old.example.com:9000/bucket-old?tls=true"
    here = made(
        env=[literal("BUCKET", old), literal("AWS_S3_KMS_ID", "arn:old")], **storage("main", takeOwnership=True)
    )
    here.cluster.patch(here.path, {"metadata": {"annotations": {ANNOTATION: "bucket-main"}}})
    before = here.deployment("app")["spec"]["template"]["spec"]["containers"][0]["env"]
    with here.cluster.fail_pods(Failure.CRASH, PodSelector(namespace=here.namespace, other_secrets=[""])):
        here.bucket("main")
        here.bucket("one")
        here.team("one")
        here.settle("RolledOut", "False", reason="RolloutFailed")
        here.settle("Configured", "False", reason="RolledBack")
    here.stand_in.wait_available()
    here.settle("RolledOut")
    after = here.deployment("app")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert sorted(after, key=lambda each: str(each["name"])) == sorted(before, key=lambda each: str(each["name"]))
    assert here.stand_in.seen("BUCKET") == {old}
    assert here.stand_in.seen(VARIABLE) == {None}
    assert told(here)["reason"] == "RolledBack"
    assert here.status()["storage"]["source"] == "Kept"
    here.cluster.patch(here.path, {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "now"}}})
    here.settle("Ready")
    assert here.stand_in.seen("BUCKET") == {main("main")}
    assert here.stand_in.seen("AWS_S3_KMS_ID") == {None}


def test_without_the_field_the_bucket_stays(made: Made) -> None:
    """W&B goes on with it, also when a team's bucket comes."""
    here = made(**storage("main"))
    here.bucket("main")
    here.settle("Ready")
    here.cluster.patch(here.path, {"spec": {"storage": None}})
    here.look()
    assert told(here) == {}
    here.bucket("one")
    here.team("one")
    here.settle("Ready")
    assert here.stand_in.seen("BUCKET") == {main("main")}
    assert here.entries() == [address("one")]
    assert here.status()["storage"]["bucketStoreRef"] == {"name": "main"}


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (storage("missing"), "BucketStoreNotFound", "BucketStore missing"),
        (storage("elsewhere"), "InvalidSpec", "another WandbInstance"),
        (storage("unseen"), "WaitingForBucket", "has not been checked yet"),
    ],
    ids=["not there", "of another W&B", "not looked at"],
)
def test_a_bucket_that_cannot_be_set_is_explained(made: Made, spec: dict[str, Any], reason: str, words: str) -> None:
    """And it keeps no team from its own."""
    here = made(**spec)
    here.bucket("elsewhere", verified=False, instanceRef={"name": "other"})
    here.bucket("unseen", verified=False)
    here.bucket("one")
    here.team("one")
    here.look()
    assert told(here)["reason"] == reason
    assert words in told(here)["message"]
    assert here.stand_in.seen("BUCKET") == {None}
