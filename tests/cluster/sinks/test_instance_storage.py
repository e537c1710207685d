"""The bucket for the instance itself, in every place of W&B's configuration: set, left, refused, changed once, and taken back."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from cluster.instance_world import ESCAPED, HOST, SECRET, InstanceWorld, address
from cluster.places import Place
from cluster.scenario import condition_of
from testbed.stages import Failure, PodSelector
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile import store_deletion

At = Callable[..., InstanceWorld]
ANNOTATION = "byob.wandb.com/change-storage"
OWN = ({"name": "FIRST", "value": "1"}, {"name": "TEXT", "value": "a 'b' and, = ;"})
QUERY = "?region=eu-1&tls=true"


def storage(**more: Any) -> dict[str, Any]:
    return {"storage": {"bucketStoreRef": {"name": "main"}, **more}}


def as_seen(place: Place, bucket: str, *, keys: str = f"AKmain:{ESCAPED}", path: str = "", host: str = HOST) -> str:
    """BUCKET as the pods see it; W&B's operator v2 writes no parameters."""
    query = "" if place == "v2" else QUERY
    return f"s3://{keys}@{host}:443/{bucket}{path and '/'}{path}{query}"


def give(here: InstanceWorld, place: Place, bucket: str, *, key: str = "AKmain", secret: str = SECRET) -> None:
    """Have somebody else set W&B's bucket, in the way of the place."""
    if place == "workloads":
        value = as_seen(place, bucket, keys=f"{key}:{ESCAPED if secret == SECRET else secret}")
        for component in ("app", "api"):
            env = {"containers": [{"name": component, "env": [{"name": "BUCKET", "value": value}]}]}
            here.cluster.patch(
                here.deployment_path(component),
                {"spec": {"template": {"spec": env}}},
                content_type="application/strategic-merge-patch+json",
            )
        here.stand_in.wait_available()
        return
    encoded = ESCAPED if secret == SECRET else secret
    texts = {"v1": {"ACCESS_KEY": key, "SECRET_KEY": encoded}, "v2": _selected(bucket, key, secret)}[place]
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": texts})
    if place == "v1":
        theirs = {"secretName": "theirs", "accessKeyName": "ACCESS_KEY", "secretKeyName": "SECRET_KEY"}
        given = {
            "provider": "s3",
            "name": f"{HOST}:443",
            "path": f"{bucket}{QUERY}",
            "region": "eu-1",
            "secret": theirs,
        }
        operated(here).edit({"values": {"global": {"bucket": given}}})
    else:
        selectors = {name: {"name": "theirs", "key": name} for name in texts}
        operated(here).edit({"objectStore": {"default": {"externalObjectStore": selectors}}})
    operated(here).rounds_pass(2)
    here.stand_in.wait_available()


def _selected(bucket: str, key: str, secret: str) -> dict[str, str]:
    place = {
        "provider": "s3",
        "endpoint": HOST,
        "port": "443",
        "bucket": bucket,
        "region": "eu-1",
        "tlsEnabled": "true",
    }
    return {**place, "accessKey": key, "secretKey": secret, "forcePathStyle": "true"}


def operated(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def written_by_others(here: InstanceWorld) -> Any:
    """The specification, or the containers' environment, whole."""
    if isinstance(here.stand_in, Operated):
        return copy.deepcopy(here.stand_in.body()["spec"])
    containers = [each["spec"]["template"]["spec"]["containers"][0] for each in here.stand_in.deployments()]
    return [sorted(container.get("env", []), key=lambda each: str(each["name"])) for container in containers]


def without(found: Any, *names: str) -> Any:
    """The same without some of the variables, and without the bucket."""
    if isinstance(found, Mapping):
        kept = {key: without(value, *names) for key, value in found.items()}
        return {key: value for key, value in kept.items() if key not in (*names, "bucket", "externalObjectStore")}
    if isinstance(found, list):
        return [
            without(each, *names) for each in found if not (isinstance(each, Mapping) and each.get("name") in names)
        ]
    return found


def told(here: InstanceWorld) -> dict[str, Any]:
    return here.condition("StorageConfigured")


def test_it_is_set_from_nothing_with_a_teams_bucket_by_one_rollout(at: At, place: Place) -> None:
    """One Secret, one rollout; what others have set is what it was, and no key is shown."""
    here = at(env=OWN, **storage(path="wandb/files"))
    before = written_by_others(here)
    here.bucket("main", verified=False)
    here.verify("main", paths=["wandb/files"])
    here.bucket("one")
    here.team("one")
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main", path="wandb/files")}
    assert here.stand_in.seen("AWS_REGION") == {"eu-1"}
    assert here.entries() == [address("one")]
    assert set(here.stand_in.revisions().values()) == {2}
    assert len(here.secrets()) == 1
    ours = (VARIABLE, "BUCKET", "AWS_REGION", "BYOB_INSTANCE_STORAGE")
    assert without(written_by_others(here), *ours) == without(before)
    assert told(here)["status"] == "True"
    assert here.status()["storage"]["bucketStoreRef"] == {"name": "main"}
    for kept in (ESCAPED, SECRET, "AKmain"):
        assert kept not in str(here.instance())
        assert kept not in str(written_by_others(here))
    mark = here.cluster.audit_position()
    here.look()
    here.look()
    assert here.writes(mark) == []


def test_the_same_bucket_is_left_where_it_is(at: At, place: Place) -> None:
    """Whoever has set it keeps it: nothing is written to W&B, and a team's bucket that comes later does not touch it."""
    here = at(env=OWN)
    give(here, place, "bucket-main")
    before, revisions = written_by_others(here), here.stand_in.revisions()
    here.bucket("main")
    here.cluster.patch(here.path, {"spec": storage()})
    here.settle("Ready")
    assert told(here)["status"] == "True"
    assert here.secrets() == {}
    assert written_by_others(here) == before
    assert here.stand_in.revisions() == revisions
    here.bucket("one")
    here.team("one")
    here.settle("Ready")
    assert here.entries() == [address("one")]
    assert without(written_by_others(here), VARIABLE) == without(before)
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main")}


def test_another_bucket_is_set_once_it_is_named(at: At, place: Place) -> None:
    """Refused with a sentence of what is there and what to do, then changed by one rollout."""
    here = at(env=OWN, **storage(takeOwnership=True))
    give(here, place, "bucket-old", key="AKOLD", secret="old-secret-1")
    here.bucket("main")
    here.settle("Stalled", "True", reason="StorageWouldChange")
    message = told(here)["message"]
    assert "s3://***:***@store.example.com:443/bucket-old" in message
    assert f'{ANNOTATION}: "bucket-main"' in message
    assert "AKOLD" not in str(here.instance())
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-old", keys="AKOLD:old-secret-1")}
    revisions = here.stand_in.revisions()
    here.cluster.patch(here.path, {"metadata": {"annotations": {ANNOTATION: "bucket-main"}}})
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main")}
    assert here.stand_in.revisions() == {name: count + 1 for name, count in revisions.items()}


def test_what_somebody_has_set_is_taken_only_where_that_is_allowed(at: At, place: Place) -> None:
    """Another key for the same bucket hides nothing, and yet whoever has set the old one would set it back."""
    here = at(**storage())
    give(here, place, "bucket-main", secret="old-secret-1")
    here.bucket("main")
    here.settle("Stalled", "True", reason="LiteralPresent")
    assert "spec.storage.takeOwnership" in told(here)["message"]
    here.cluster.patch(here.path, {"spec": storage(takeOwnership=True)})
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main")}


def test_a_failed_change_goes_back_by_itself(at: At, place: Place) -> None:
    """The bucket and the list return together, byte for byte what they were; then it is tried again when somebody asks."""
    here = at(env=OWN, **storage(takeOwnership=True))
    give(here, place, "bucket-old", key="AKOLD", secret="old-secret-1")
    here.cluster.patch(here.path, {"metadata": {"annotations": {ANNOTATION: "bucket-main"}}})
    before = written_by_others(here)
    with here.cluster.fail_pods(Failure.CRASH, PodSelector(namespace=here.namespace, other_secrets=["", "theirs"])):
        here.bucket("main")
        here.bucket("one")
        here.team("one")
        here.settle("RolledOut", "False", reason="RolloutFailed")
        here.settle("Configured", "False", reason="RolledBack")
        here.settle("RolledOut", "True")
    here.stand_in.wait_available()
    assert written_by_others(here) == before
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-old", keys="AKOLD:old-secret-1")}
    assert here.stand_in.seen(VARIABLE) == {None}
    assert told(here)["reason"] == "RolledBack"
    here.cluster.patch(here.path, {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "now"}}})
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main")}
    assert here.entries() == [address("one")]


def test_a_first_bucket_that_fails_leaves_nothing_behind(at: At, place: Place) -> None:
    here = at(env=OWN, **storage())
    before = written_by_others(here)
    with here.cluster.fail_pods(Failure.CRASH, PodSelector(namespace=here.namespace, other_secrets=[""])):
        here.bucket("main")
        here.settle("RolledOut", "False", reason="RolloutFailed")
        here.settle("Configured", "False", reason="RolledBack")
        here.settle("RolledOut", "True")
    here.stand_in.wait_available()
    assert written_by_others(here) == before
    assert here.stand_in.seen("BUCKET") == {None}


def test_a_rotated_key_is_one_rollout(at: At, place: Place) -> None:
    here = at(**storage())
    here.bucket("main")
    here.settle("Ready")
    here.stand_in.wait_available()
    revisions = here.stand_in.revisions()
    here.bucket("main", secret="another-secret")
    here.look()
    here.settle("RolledOut")
    here.stand_in.wait_available()
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main", keys="AKmain:another-secret")}
    assert here.stand_in.revisions() == {name: count + 1 for name, count in revisions.items()}


def test_the_bucket_is_kept_where_the_wandb_instance_is_gone(at: At, place: Place) -> None:
    """Deleting a WandbInstance leaves W&B as it is; its BucketStore is held for as long as W&B's workloads have the bucket, and its bucket stays."""
    here = at(**storage())
    here.bucket("main", deletionPolicy="Delete", provisioning={"secretRef": {"name": "main-keys"}})
    here.settle("Ready")
    here.stand_in.wait_available()
    here.cluster.delete(here.path)
    here.cluster.wait(here.path, lambda found: found is None, what="the WandbInstance is gone")
    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/bucketstores/main"
    confirmed = {"annotations": {"byob.wandb.com/confirm-delete": "main"}}
    here.cluster.patch(path, {"metadata": {"finalizers": ["byob.wandb.com/finalizer"], **confirmed}})
    here.cluster.delete(path)

    def look() -> dict[str, Any] | None:
        key = ObjectKey(Kind.BUCKET_STORE, here.namespace, "main")
        store_deletion.reconcile(here.world, key, here.cluster.get(path))
        found: dict[str, Any] | None = here.cluster.get(path)
        return found

    held = condition_of(look(), "Ready")
    assert held["reason"] == "DeletionBlocked", "no store was asked to delete anything"
    assert "keeps W&B's own files in this bucket, so that it cannot be deleted" in held["message"]
    here.cluster.patch(path, {"metadata": {"annotations": {"byob.wandb.com/release": "main"}}})
    assert look() is None
    assert here.stand_in.seen("BUCKET") == {as_seen(place, "bucket-main")}
