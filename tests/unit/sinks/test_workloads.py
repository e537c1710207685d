"""Plain workloads: which containers get the variable, what they have, and the patch that changes it."""

import base64
import copy
from typing import Any

import pytest

from wandb_byob.decide.rollouts.variable import BUCKET, VARIABLE, Origin, Slot, reference
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks import workloads

LITERAL = {"name": VARIABLE, "value": "gs://a"}
OURS = "wandb-file-stores-"


def container(name: str = "app", *env: Any, env_from: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "image": "i", "env": [{"name": "HOST", "value": "h"}, *env]}
    return found | ({"envFrom": env_from} if env_from else {})


def deployment(*containers: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    meta = {"name": "wandb-app", "uid": "u", "resourceVersion": "7"} | metadata
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": list(containers) or [container()]}}
    return {"kind": "Deployment", "metadata": meta, "spec": {"template": template}}


def object_with(kind: str, **data: str) -> dict[str, Any]:
    encoded = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()} if kind == "Secret" else data
    return {"kind": kind, "data": encoded}


@pytest.mark.parametrize(
    ("containers", "wanted", "chosen"),
    [
        ([container()], (), ("app",)),
        ([container("a"), container("b", LITERAL)], (), ("b",)),
        ([container("a", LITERAL), container("b", LITERAL)], (), ("a", "b")),
        ([container("a"), container("b")], ("b",), ("b",)),
        ([container("a"), container("b")], ("b", "elsewhere"), ("b",)),
    ],
    ids=["the only one", "the one that has it", "both that have it", "listed", "of a list for all workloads"],
)
def test_the_containers_that_get_it(containers: list[Any], wanted: tuple[str, ...], chosen: tuple[str, ...]) -> None:
    assert workloads.choose_containers(deployment(*containers), wanted) == chosen


@pytest.mark.parametrize(("wanted", "reason"), [((), Reason.CONTAINER_AMBIGUOUS), (("c",), Reason.CONTAINER_NOT_FOUND)])
def test_containers_that_cannot_be_told(wanted: tuple[str, ...], reason: Reason) -> None:
    """The message names the workload, its containers and the field."""
    with pytest.raises(Stalled) as refused:
        workloads.choose_containers(deployment(container("a"), container("b")), wanted)
    assert refused.value.reason is reason
    for word in ("Deployment wandb-app", "a, b", "spec.target.workloads.containers"):
        assert word in refused.value.message


def from_secret(name: str, **more: Any) -> dict[str, Any]:
    return {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": name, "key": "k"} | more}}


FOUND = {
    ("Secret", "theirs"): object_with("Secret", k="gs://secret", GORILLA_SUPPORTED_FILE_STORES="gs://whole"),
    ("ConfigMap", "map"): object_with("ConfigMap", k="gs://map", SUPPORTED_FILE_STORES="gs://prefixed"),
    ("Secret", "gone"): None,
}


@pytest.mark.parametrize(
    ("given", "origin", "value"),
    [
        (container(), Origin.ABSENT, None),
        (container("app", LITERAL), Origin.LITERAL, "gs://a"),
        (container("app", {"name": VARIABLE}), Origin.LITERAL, ""),
        (container("app", from_secret("theirs")), Origin.SECRET, "gs://secret"),
        (container("app", {"name": VARIABLE, "valueFrom": {"configMapKeyRef": {"name": "map", "key": "k"}}}), Origin.CONFIG_MAP, "gs://map"),
        (container("app", from_secret("gone", optional=True)), Origin.SECRET, None),
        (container("app", LITERAL, from_secret("theirs")), Origin.SECRET, "gs://secret"),
        (container("app", {"name": VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}), Origin.OTHER, None),
        (container("app", env_from=[{"secretRef": {"name": "theirs"}}]), Origin.INHERITED, "gs://whole"),
        (container("app", env_from=[{"secretRef": {"name": "theirs"}}, {"prefix": "GORILLA_", "configMapRef": {"name": "map"}}]), Origin.INHERITED, "gs://prefixed"),
        (container("app", env_from=[{"prefix": "OTHER_", "secretRef": {"name": "theirs"}}]), Origin.ABSENT, None),
        (container("app", LITERAL, env_from=[{"secretRef": {"name": "theirs"}}]), Origin.LITERAL, "gs://a"),
        (container("app", reference(f"{OURS}lost")), Origin.SECRET, None),
    ],
    ids=["absent", "literal", "empty literal", "Secret", "ConfigMap", "optional and gone", "the last of two", "field", "envFrom", "the last envFrom, with prefix",
         "another prefix", "env hides envFrom", "one of ours that was deleted"],
)  # fmt: skip
def test_what_a_container_has(given: dict[str, Any], origin: Origin, value: str | None) -> None:
    """As Kubernetes would give it to the process."""
    body = deployment(given)
    found = {source: FOUND.get(source) for source in workloads.sources(body, ("app",), (VARIABLE,))}
    (reading,) = workloads.readings(body, ("app",), (VARIABLE,), found=found, ours=OURS)
    assert (reading.origin, reading.value) == (origin, value)
    assert "gs://" not in repr(reading)


def test_a_reference_to_nothing_is_refused() -> None:
    """What must be kept is not known: the message names container, kind, name and key."""
    body = deployment(container("app", from_secret("gone")))
    with pytest.raises(Stalled, match="key k of Secret gone") as refused:
        workloads.readings(body, ("app",), (VARIABLE,), found=FOUND, ours=OURS)
    assert refused.value.reason is Reason.FOREIGN_REFERENCE


def test_the_digest_sees_everything_but_our_variable() -> None:
    """A restart by kubectl and our own entry do not count; any other change of the template does."""
    body = deployment(container("app", LITERAL))
    digest = workloads.template_digest(body)
    ours = copy.deepcopy(body)
    ours["spec"]["template"]["spec"]["containers"][0]["env"][1] = reference("x")
    ours["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    assert workloads.template_digest(ours) == workloads.template_digest(deployment()) == digest
    for change in (container("app", {"name": "NEW", "value": "v"}), container("other"), container() | {"image": "j"}):
        assert workloads.template_digest(deployment(change)) != digest


def test_the_patch_names_the_object_that_was_read() -> None:
    """It carries uid and resourceVersion; each source that the entry does not have is taken away with it."""
    given = {slot("app"): reference("new"), slot("side"): None, slot("third"): LITERAL}
    found = workloads.patch(deployment(), given | {slot("app", BUCKET): None})
    assert found["metadata"] == {"uid": "u", "resourceVersion": "7"}
    app, side, third = found["spec"]["template"]["spec"]["containers"]
    assert app["env"][0]["value"] is None
    assert app["env"][0]["valueFrom"]["configMapKeyRef"] is None
    assert app["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "new", "key": VARIABLE}
    assert app["env"][1] == {"name": BUCKET, "$patch": "delete"}
    assert side["env"] == [{"name": VARIABLE, "$patch": "delete"}]
    assert third["env"] == [{"name": VARIABLE, "value": "gs://a", "valueFrom": None}]


def slot(container_: str, setting: str = VARIABLE) -> Slot:
    return Slot("Deployment", "wandb-app", container_, setting)


def managed(manager: str, *path: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in reversed(path):
        fields = {part: fields}
    return {"manager": manager, "fieldsV1": fields}


ENTRY = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"app"}', "f:env", 'k:{"name":"GORILLA_SUPPORTED_FILE_STORES"}')  # fmt: skip


def test_who_else_sets_the_variable_is_known_from_managed_fields() -> None:
    """Not we ourselves, not for another variable or container."""
    body = deployment(
        managedFields=[
            managed("helm", *ENTRY, "f:name"),
            managed("argocd", *ENTRY, "f:valueFrom"),
            managed("wandb-byob", *ENTRY, "f:valueFrom"),
            managed("kubectl", *ENTRY[:-1], 'k:{"name":"HOST"}', "f:value"),
            managed("other", *ENTRY[:4], 'k:{"name":"side"}', *ENTRY[5:], "f:value"),
        ]
    )
    variable, host = workloads.readings(body, ("app",), (VARIABLE, "HOST"), found={}, ours=OURS)
    assert (variable.setters, host.setters) == (("argocd", "helm"), ("kubectl",))


def test_a_plain_bucket_is_read_as_the_process_has_it_and_a_plain_list_word_for_word() -> None:
    """W&B's chart puts the bucket together of variables; who fills a list in would be lost by taking it over."""
    given = container(
        "app",
        {"name": BUCKET, "value": "s3://$(HOST)"},
        {"name": VARIABLE, "value": "s3://$(HOST)"},
        {"name": "AWS_REGION", "value": "$(KEY)"},
        env_from=[{"secretRef": {"name": "bag"}}],
    )
    settings = (VARIABLE, BUCKET, "AWS_REGION")
    assert workloads.sources(deployment(given), ["app"], settings) == {("Secret", "bag")}
    found = {("Secret", "bag"): object_with("Secret", KEY="eu-1")}
    read = workloads.readings(deployment(given), ["app"], settings, found=found, ours=OURS)
    assert [(each.slot.setting, each.value) for each in read] == [
        (VARIABLE, "s3://$(HOST)"),
        (BUCKET, "s3://h"),
        ("AWS_REGION", "eu-1"),
    ]
    assert read[1].env == {"name": BUCKET, "value": "s3://$(HOST)"}
