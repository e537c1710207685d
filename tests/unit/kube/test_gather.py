"""Live reads, typed."""

import base64
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_store, bucket_store, team_storage
from unit.scripted import namespace_object, secret
from wandb_byob.kube import gather
from wandb_byob.kube.client import TEAM_STORAGES, ForbiddenError, KubeError, UnavailableError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, CABundleReference, TeamStorage
from wandb_byob.model.config import Config
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

CONFIG = Config(release_namespace="byob", namespaces=("team-a", "team-b"))
ALL = Config(release_namespace="byob", namespaces=())


def test_an_object_that_does_not_fit_names_the_field() -> None:
    """Stored before a rule was there, or past it."""
    with pytest.raises(Stalled, match=r"BucketStore data .*\$\.spec\.provider") as caught:
        gather.typed(bucket_store(spec={"provider": 5}), BucketStore)
    assert caught.value.reason is Reason.INVALID_SPEC


def test_a_status_that_does_not_fit_reads_as_empty() -> None:
    """It is ours to write anew."""
    store = gather.typed(bucket_store(status={"checks": 5}), BucketStore)
    assert store.status.checks == ()


def test_somebody_elses_invalid_object_is_passed_over() -> None:
    """One broken object must not stop the looks at all others."""
    bodies = [team_storage("bad", spec={"path": 5}), team_storage("good")]
    assert [team.metadata.name for team in gather.all_valid(bodies, TeamStorage)] == ["good"]


@pytest.mark.parametrize("user", ["team-a", "team-b"])
def test_what_may_not_be_read_is_an_error_only_at_home(user: str) -> None:
    """Elsewhere it reads as absent, so that it tells nothing."""
    kube = MemoryKube(bucket_store())

    def forbid(call: str) -> None:
        raise ForbiddenError("forbidden", status=403)

    kube.before = forbid
    key = ObjectKey(Kind.BUCKET_STORE, "team-a", "data")
    if user == "team-a":
        with pytest.raises(ForbiddenError):
            gather.foreign(kube, key, BucketStore, user=user)
    else:
        assert gather.foreign(kube, key, BucketStore, user=user) is None


def test_no_answer_is_never_absence() -> None:
    """Also not for what lies elsewhere."""
    kube = MemoryKube(bucket_store())

    def down(call: str) -> None:
        raise UnavailableError("no answer", status=0)

    kube.before = down
    with pytest.raises(UnavailableError):
        gather.foreign(kube, ObjectKey(Kind.BUCKET_STORE, "team-a", "data"), BucketStore, user="team-b")


ELSEWHERE = {"bucketStoreRef": {"name": "data", "namespace": "team-a"}}


@pytest.mark.parametrize(
    ("grant", "names"),
    [
        ({"from": "Same"}, ["ml"]),
        ({"from": "All"}, ["far", "ml", "same-name-here"]),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "b"}}}, ["far", "same-name-here", "ml"]),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}, ["ml"]),
    ],
)
def test_users_are_those_that_refer_and_are_admitted(grant: dict[str, Any], names: list[str]) -> None:
    """A TeamStorage elsewhere that means a BucketStore of the same name in its own namespace is none."""
    kube = MemoryKube(
        team_storage("ml"),
        team_storage("other", spec={"bucketStoreRef": {"name": "other"}}),
        team_storage("far", namespace="team-b", spec=ELSEWHERE),
        team_storage("same-name-here", namespace="team-b", spec=ELSEWHERE),
        team_storage("own-data", namespace="team-b"),
        namespace_object("team-b", team="b"),
    )
    store = as_store(bucket_store(spec={"allowedNamespaces": grant}))
    for config in (CONFIG, ALL):
        assert sorted(team.metadata.name for team in gather.users_of(kube, config, store)) == sorted(names)


def test_the_api_is_asked_for_what_refers_to_this_bucket_store_only() -> None:
    """The cost of a look does not grow with the number of objects."""
    kube = MemoryKube()
    gather.users_of(kube, CONFIG, as_store(bucket_store()))
    assert kube.reads == ["list teamstorages team-a spec.bucketStoreRef.name=data"]


def test_a_namespace_that_may_not_be_read_stops_nobody_else() -> None:
    """One tenant who takes the Role in his namespace away, or deletes it, must not stop the work in all others."""
    kube = MemoryKube(team_storage("ml"), team_storage("far", namespace="team-b", spec=ELSEWHERE), bucket_store("data"))

    def forbid(call: str) -> None:
        if " team-b" in call:
            raise ForbiddenError("forbidden", status=403)

    kube.before = forbid
    store = as_store(bucket_store(spec={"allowedNamespaces": {"from": "All"}}))
    assert [team.metadata.name for team in gather.users_of(kube, CONFIG, store)] == ["ml"]
    assert [found.metadata.name for found in gather.namesakes(kube, CONFIG, store)] == ["data"]
    told: list[str] = []
    list(gather.everywhere(kube, CONFIG, TEAM_STORAGES, forbidden=told.append))
    assert told == ["team-b"]


@pytest.mark.parametrize("error", [ForbiddenError("forbidden", status=403), UnavailableError("no answer", status=0)])
def test_where_all_namespaces_are_watched_a_refusal_is_an_error_and_no_answer_always_is(error: KubeError) -> None:
    """Nothing is then known of anything."""
    kube = MemoryKube()

    def fail(call: str) -> None:
        raise error

    kube.before = fail
    with pytest.raises(type(error)):
        list(gather.everywhere(kube, ALL, TEAM_STORAGES, forbidden=lambda namespace: None))


def test_namesakes_are_found_across_the_s3_family_and_namespaces() -> None:
    """An S3-compatible endpoint may turn out to be AWS' own."""
    minio = {
        "provider": "S3Compatible",
        "s3": None,
        "s3Compatible": {"bucket": "data", "endpoint": "https://m", "region": "r"},
    }
    kube = MemoryKube(
        bucket_store("data"),
        bucket_store("minio", namespace="team-b", spec=minio),
        bucket_store("other", spec={"s3": {"bucket": "other", "region": "r"}}),
    )
    found = gather.namesakes(kube, CONFIG, as_store(bucket_store("data")))
    assert sorted(store.metadata.name for store in found) == ["data", "minio"]


@pytest.mark.parametrize(
    ("bodies", "ending"),
    [([namespace_object("n")], False), ([namespace_object("n", terminating=True)], True), ([], True)],
)
def test_terminating(bodies: list[dict[str, Any]], *, ending: bool) -> None:
    """A namespace that is gone has ended."""
    assert gather.terminating(MemoryKube(*bodies), "n") is ending


@pytest.mark.parametrize(
    "data", [{}, {"ca.crt": ""}, {"ca.crt": "hush hush"}, {"other": "-----BEGIN CERTIFICATE-----"}]
)
def test_a_ca_bundle_without_a_certificate_is_refused(data: dict[str, str]) -> None:
    """With the key's name and nothing of what is in it."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "team-a"}, "data": data}
    with pytest.raises(Stalled, match=r"ca\.crt of ConfigMap ca") as caught:
        gather.ca_bundle(MemoryKube(body), "team-a", CABundleReference(name="ca"))
    assert "hush" not in caught.value.message


def _bundle(text: bytes) -> dict[str, Any]:
    meta = {"name": "ca", "namespace": "team-a"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"ca.crt": base64.b64encode(text).decode()}}


CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def test_of_a_ca_bundle_only_the_certificates_count() -> None:
    """Bundles have comments in any language, and a Secret of type kubernetes.io/tls may have a key besides."""
    text = "# Autorité\n".encode() + CERTIFICATE + b"\n\xff\n-----BEGIN PRIVATE KEY-----\n" + CERTIFICATE
    found, _ = gather.ca_bundle(MemoryKube(_bundle(text)), "team-a", CABundleReference(name="ca", kind="Secret"))
    assert found == f"{CERTIFICATE.decode()}\n" * 2


def test_a_ca_bundle_of_great_size_is_refused() -> None:
    """Each takes many times its size in memory, and nobody needs so many authorities for one store."""
    kube = MemoryKube(_bundle(CERTIFICATE * 10000))
    with pytest.raises(Stalled, match="more than 512 KiB of certificates"):
        gather.ca_bundle(kube, "team-a", CABundleReference(name="ca", kind="Secret"))


@pytest.mark.parametrize(
    ("labels", "type_"),
    [
        ({names.INSTANCE: "wandb"}, "Opaque"),
        ({names.PROBE: "uid-data"}, "Opaque"),
        ({}, "kubernetes.io/service-account-token"),
        ({}, "bootstrap.kubernetes.io/token"),
    ],
    ids=["W&B's configuration", "a probe's input", "a ServiceAccount's token", "a node's token"],
)
def test_what_is_never_sent_to_a_store(labels: dict[str, str], type_: str) -> None:
    """Who may create a BucketStore names where keys are sent to, so that not every Secret of the namespace will do as keys."""
    body = secret("theirs")
    body["metadata"]["labels"] = labels
    with pytest.raises(Stalled, match=r"Secret theirs \(spec\.credentials\.secretRef\)") as caught:
        gather.contents(
            MemoryKube(body | {"type": type_}), "Secret", "team-a", "theirs", field="spec.credentials.secretRef"
        )
    assert caught.value.reason is Reason.SECRET_INVALID


def test_a_missing_secret_names_field_and_namespace() -> None:
    """What is missing, where, and which field names it."""
    with pytest.raises(
        Stalled, match=r"Secret keys does not exist in namespace team-a\. .*spec\.credentials\.secretRef"
    ):
        gather.contents(MemoryKube(), "Secret", "team-a", "keys", field="spec.credentials.secretRef")
