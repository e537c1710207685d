"""The Kubernetes client on a real API server: what it sends is what the API takes, and what comes back is told apart."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from testbed.cluster import Cluster
from testbed.processes import wait_for
from wandb_byob.kube.client import (
    BUCKET_STORES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    SECRETS,
    ConflictError,
    ForbiddenError,
    KubeError,
    NamespaceTerminatingError,
    PatchType,
    UnavailableError,
)
from wandb_byob.kube.connection import from_kubeconfig
from wandb_byob.kube.rest import PAGE, RestClient
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.redaction import Redactor
from wandb_byob.runtime.events import Count, EventWriter
from wandb_byob.runtime.leases import LeaseLock


@pytest.fixture
def kube(cluster: Cluster) -> RestClient:
    return RestClient(from_kubeconfig([cluster.kubeconfig]))


@pytest.fixture
def place(cluster: Cluster) -> Iterator[str]:
    name = cluster.create_namespace(f"rest-{uuid.uuid4().hex[:8]}")
    yield name
    cluster.delete(f"/api/v1/namespaces/{name}")


def config_map(name: str = "x", **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_an_object_is_created_read_patched_and_deleted(kube: RestClient, place: str) -> None:
    made = kube.create(CONFIG_MAPS, place, config_map(a="1"))
    assert kube.get(CONFIG_MAPS, place, "x") == made
    kube.patch(CONFIG_MAPS, place, "x", {"data": {"b": "2"}}, patch_type=PatchType.MERGE)
    (listed,) = kube.list(CONFIG_MAPS, place, fields="metadata.name=x")
    assert listed["data"] == {"a": "1", "b": "2"}
    assert {entry["manager"] for entry in listed["metadata"]["managedFields"]} == {"wandb-byob"}
    kube.delete(CONFIG_MAPS, place, "x", uid=made["metadata"]["uid"])
    assert kube.get(CONFIG_MAPS, place, "x") is None
    kube.delete(CONFIG_MAPS, place, "x", uid=made["metadata"]["uid"])
    assert kube.get(NAMESPACES, "", place)


def test_an_apply_with_the_uid_of_an_object_that_is_gone_makes_no_ghost(kube: RestClient, place: str) -> None:
    made = kube.create(CONFIG_MAPS, place, config_map())
    kube.delete(CONFIG_MAPS, place, "x", uid=made["metadata"]["uid"])
    body = config_map() | {"metadata": {"name": "x", "uid": made["metadata"]["uid"]}}
    with pytest.raises(ConflictError):
        kube.patch(CONFIG_MAPS, place, "x", body, patch_type=PatchType.APPLY)
    assert kube.get(CONFIG_MAPS, place, "x") is None


def test_only_the_object_that_was_meant_is_deleted(kube: RestClient, place: str) -> None:
    """One of the same name that was created meanwhile stays."""
    first = kube.create(CONFIG_MAPS, place, config_map())
    kube.delete(CONFIG_MAPS, place, "x", uid=first["metadata"]["uid"])
    kube.create(CONFIG_MAPS, place, config_map())
    kube.delete(CONFIG_MAPS, place, "x", uid=first["metadata"]["uid"])
    assert kube.get(CONFIG_MAPS, place, "x") is not None


def test_writes_on_an_old_version_and_second_creations_are_conflicts(kube: RestClient, place: str) -> None:
    version = kube.create(CONFIG_MAPS, place, config_map())["metadata"]["resourceVersion"]
    kube.patch(CONFIG_MAPS, place, "x", {"data": {"a": "1"}}, patch_type=PatchType.MERGE)
    with pytest.raises(ConflictError):
        kube.patch(
            CONFIG_MAPS,
            place,
            "x",
            {"metadata": {"resourceVersion": version}, "data": {"a": "2"}},
            patch_type=PatchType.MERGE,
        )
    with pytest.raises(ConflictError):
        kube.create(CONFIG_MAPS, place, config_map())


def test_lists_of_more_than_a_page_are_whole(kube: RestClient, place: str) -> None:
    count = PAGE + 20
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: kube.create(CONFIG_MAPS, place, config_map(f"cm-{number}")), range(count)))
    expected = {f"cm-{number}" for number in range(count)} | {"kube-root-ca.crt"}
    assert {item["metadata"]["name"] for item in kube.list(CONFIG_MAPS, place)} == expected
    assert set(kube.identities(CONFIG_MAPS, place)) == {(place, name) for name in expected}


def test_refusals_name_the_field_and_never_the_value(kube: RestClient, place: str) -> None:
    container = {
        "name": "c",
        "image": "i",
        "env": [{"name": "A=B", "value": "canary-value"}],
        "imagePullPolicy": "canary-policy",
    }
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": pod}
    with pytest.raises(KubeError, match="imagePullPolicy") as failed:
        kube.create(DEPLOYMENTS, place, {"metadata": {"name": "x"}, "spec": spec})
    assert failed.value.status == 422
    assert "canary" not in str(failed.value)


def test_what_is_not_granted_is_said_with_verb_and_resource(cluster: Cluster, place: str) -> None:
    nobody = RestClient(from_kubeconfig([cluster.kubeconfig_for(place, "default")]))
    with pytest.raises(ForbiddenError, match='cannot list resource "secrets"'):
        nobody.list(SECRETS, place)


def test_a_namespace_that_is_being_deleted_is_told_apart(cluster: Cluster, kube: RestClient) -> None:
    name = cluster.create_namespace(f"rest-{uuid.uuid4().hex[:8]}")
    held = config_map("held") | {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    kube.create(CONFIG_MAPS, name, held)
    cluster.delete(f"/api/v1/namespaces/{name}")
    cluster.wait(f"/api/v1/namespaces/{name}", lambda found: found["status"]["phase"] == "Terminating")
    with pytest.raises(NamespaceTerminatingError):
        kube.create(CONFIG_MAPS, name, config_map())
    kube.patch(CONFIG_MAPS, name, "held", {"metadata": {"finalizers": None}}, patch_type=PatchType.MERGE)


def test_while_the_api_server_is_away_nothing_is_known(cluster: Cluster, kube: RestClient, place: str) -> None:
    with cluster.apiserver_down():
        with pytest.raises(UnavailableError):
            kube.get(CONFIG_MAPS, place, "x")
        with pytest.raises(UnavailableError):
            kube.create(CONFIG_MAPS, place, config_map())
    assert kube.get(CONFIG_MAPS, place, "x") is None


def test_a_kind_that_is_not_served_is_not_an_empty_list(kube: RestClient, place: str) -> None:
    """Of a missing CRD nothing must be concluded."""
    nowhere = type(BUCKET_STORES)("no.such.group", "v1", "things", "Thing")
    with pytest.raises(KubeError):
        kube.list(nowhere, place)


def test_events_are_taken_by_the_api_and_counted(kube: RestClient, place: str) -> None:
    key = ObjectKey(Kind.BUCKET_STORE, place, "data")
    writer = EventWriter(kube, Redactor(), instance="pod-0")
    writer.start()
    writer.publish(key, uid=str(uuid.uuid4()), warning=True, reason="AccessDenied", message="Not allowed.")
    wait_for(lambda: kube.list(EVENTS, place), timeout=10, what="the Event is there")
    (event,) = kube.list(EVENTS, place)
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "AccessDenied", "Not allowed.")
    assert event["regarding"]["name"] == "data"
    writer._correlator.decide = lambda occurrence, now: Count(event["metadata"]["name"], 7)  # type: ignore[method-assign]
    writer.publish(key, uid=event["regarding"]["uid"], warning=True, reason="AccessDenied", message="Not allowed.")
    writer.stop(5)
    assert kube.list(EVENTS, place)[0]["series"]["count"] == 7


def test_of_many_who_take_a_lease_at_once_one_gets_it(kube: RestClient, place: str) -> None:
    """The API server decides by resourceVersion, also when it is created, renewed and released."""
    locks = [
        LeaseLock(kube, namespace=place, name="leader", identity=f"p{number}", now=lambda: datetime.now(UTC))
        for number in range(8)
    ]

    def take(lock: LeaseLock) -> bool:
        try:
            return lock.hold(15)
        except ConflictError:
            return False

    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            held = list(threads.map(take, locks))
            assert sum(held) == 1
            winner = locks[held.index(True)]
            assert winner.hold(15, keep=True)
            winner.release()


def test_a_token_that_is_rotated_is_taken_up(cluster: Cluster, place: str, tmp_path: Path) -> None:
    """The old one is refused from one moment to the next; the call after that succeeds."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    token = config["users"][0]["user"].pop("token")
    file = tmp_path / "token"
    file.write_text("refused")
    config["users"][0]["user"]["tokenFile"] = str(file)
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    kube = RestClient(from_kubeconfig([tmp_path / "config"]))
    with pytest.raises(UnavailableError):
        kube.get(CONFIG_MAPS, place, "x")
    file.write_text(token)
    began = time.monotonic()
    assert kube.get(CONFIG_MAPS, place, "x") is None
    assert time.monotonic() - began < 5
