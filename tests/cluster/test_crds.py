"""The custom resources on a real API server: what it accepts and refuses, and how that reads to a user."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster import crd_rules_bucketstore, crd_rules_others, crd_rules_providers
from cluster.crd_rules import CRDS, SPECS, Change, Rule, changed, manifest, path_of
from testbed.cluster import Cluster

RULES = [*crd_rules_bucketstore.RULES, *crd_rules_providers.RULES, *crd_rules_others.RULES]
LOCKS = [rule for rule in RULES if rule.status]
CREATES = [rule for rule in RULES if not rule.status]


def table(rules: list[Rule], attribute: str) -> list[Any]:
    """One test case for each rule and each change it accepts (`good`) or refuses (`bad`)."""
    cases = [(rule, number, change) for rule in rules for number, change in enumerate(getattr(rule, attribute))]
    return [
        pytest.param(rule, change, id=f"{rule.kind}-{rule.field}-{rule.says[:40]}-{number}")
        for rule, number, change in cases
    ]


def refusal(answer: Any) -> list[str]:
    """The lines a user sees where an object is refused, `field: reason: message`, as kubectl prints them."""
    assert answer.status == 422, f"expected a refusal, got {answer.status}: {answer.body.decode()[:2000]}"
    return [f"{cause.get('field', '')}: {cause['message']}" for cause in answer.json()["details"]["causes"]]


def tells(lines: list[str], rule: Rule) -> bool:
    """Whether one of the lines is this rule's, at its field."""
    return any(line.startswith(f"{rule.field}: ") and rule.says in line for line in lines)


@pytest.mark.parametrize("base", SPECS)
def test_a_small_object_is_accepted_without_a_warning(crds: Cluster, place: str, base: str) -> None:
    """What the tables change is valid before."""
    document = manifest(base)
    answer = crds.request("POST", f"{path_of(place, document)}?dryRun=All&fieldValidation=Strict", document)
    assert answer.status == 201, answer.body.decode()
    assert "Warning" not in answer.headers


@pytest.mark.parametrize(("rule", "change"), table(CREATES, "good"))
def test_a_rule_accepts(crds: Cluster, place: str, rule: Rule, change: Change) -> None:
    """An object that keeps to the rule can be created."""
    document = rule.object(change)
    answer = crds.request("POST", f"{path_of(place, document)}?dryRun=All&fieldValidation=Strict", document)
    assert answer.status == 201, answer.body.decode()


@pytest.mark.parametrize(("rule", "change"), table(CREATES, "bad"))
def test_a_rule_refuses(crds: Cluster, place: str, rule: Rule, change: Change) -> None:
    """An object that breaks the rule is refused, at the right field and in words that say what to do."""
    document = rule.object(change)
    answer = crds.request("POST", f"{path_of(place, document)}?dryRun=All&fieldValidation=Strict", document)
    lines = refusal(answer)
    assert tells(lines, rule), "\n".join(lines)
    assert "very-secret" not in answer.body.decode()


@pytest.fixture
def stored(crds: Cluster, namespace: str, rule: Rule) -> str:
    """The path of a stored object that the rule's changes are tried on."""
    document = rule.object()
    crds.post(path_of(namespace, document), document)
    return path_of(namespace, document, name=True)


@pytest.mark.parametrize("rule", LOCKS, ids=lambda rule: f"{rule.kind}-{rule.field}-{rule.says[:40]}")
def test_a_lock(crds: Cluster, stored: str, rule: Rule) -> None:
    """Fields that say which bucket or team it is can be corrected at first, and are locked once that is in use."""
    for change in rule.bad:
        assert update(crds, stored, change).status == 200
    patch_status(crds, stored, rule)
    for change in rule.good:
        answer = update(crds, stored, change)
        assert answer.status == 200, answer.body.decode()
    for change in rule.bad:
        lines = refusal(update(crds, stored, change))
        assert tells(lines, rule), "\n".join(lines)


def update(cluster: Cluster, path: str, change: Change) -> Any:
    """Try a change of a stored object's spec, as a dry run."""
    document = cluster.get(path)
    wanted = changed(document, change)
    return cluster.request("PUT", f"{path}?dryRun=All&fieldValidation=Strict", wanted)


def patch_status(cluster: Cluster, path: str, rule: Rule) -> None:
    """Write the status that locks, after one that says nothing: no rule may stand in the way of a status."""
    cluster.patch(f"{path}/status", {"status": {"observedGeneration": 1}})
    cluster.patch(f"{path}/status", {"status": rule.status})
    cluster.patch(f"{path}/status", {"status": None})
    cluster.patch(f"{path}/status", {"status": rule.status})


def test_a_team_that_was_configured_no_more_can_be_corrected(crds: Cluster, namespace: str) -> None:
    """Only Configured=True locks: a TeamStorage that never got into W&B's configuration stays correctable."""
    document = manifest("team")
    crds.post(path_of(namespace, document), document)
    path = path_of(namespace, document, name=True)
    condition = {
        "type": "Configured",
        "status": "False",
        "reason": "Waiting",
        "message": "",
        "lastTransitionTime": "2026-11-22T20:00:00Z",
    }
    crds.patch(f"{path}/status", {"status": {"conditions": [condition]}})
    assert update(crds, path, {"spec.path": "teams/ml"}).status == 200


def test_every_rule_of_the_crds_is_in_the_table() -> None:
    """A rule without a test cannot be added, nor one that is tested at another place."""
    written = {(kind, field, message) for kind, crd in CRDS.items() for field, message in rules_of(schema_of(crd))}
    tested = {
        row
        for row in written
        for rule in RULES
        if rule.kind == row[0]
        and re.sub(r"\[\d+\]", "", rule.field) == row[1]
        and rule.says in row[2]
        and rule.good
        and rule.bad
    }
    assert sorted(written - tested) == []


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    """The schema of a CRD's one version."""
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def rules_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Each rule's field, as refusals name it, and its message."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield (path + rule.get("fieldPath", "")).lstrip("."), rule["message"]
    for name, inner in schema.get("properties", {}).items():
        yield from rules_of(inner, f"{path}.{name}")
    if "items" in schema:
        yield from rules_of(schema["items"], path)


def test_what_a_user_reads_of_several_mistakes(crds: Cluster, place: str) -> None:
    """Users of kubectl see each mistake with its field, in no order of the API server's, and nothing is repeated that could hold a key."""
    document = changed(
        manifest("s3Compatible"),
        {
            "spec.s3Compatible.endpoint": "http://AKIAEXAMPLE:very-secret@minio",
            "spec.verification.interval": "5 minutes",
        },
    )
    said = crds.kubectl("apply", "-f", "-", f"--namespace={place}", stdin=yaml.safe_dump(document), check=False)
    first, *mistakes = said.splitlines()
    assert first == 'The BucketStore "s3compatible" is invalid: '
    assert sorted(mistakes) == [
        "* spec.s3Compatible.endpoint: Forbidden: An endpoint is http:// or https://, a host and optionally a port from 1 to 65535, such as https://s3.example.com:9000, without a path, query or fragment.",
        "* spec.s3Compatible.endpoint: Forbidden: An endpoint must not hold a user name or a key. Put keys in a Secret and name it in spec.credentials.secretRef.",
        '* spec.verification.interval: Invalid value: "5 minutes": verification.interval must be a duration of at least 30s and at most 24h, written as 90s, 5m or 1h30m.',
    ]


@pytest.mark.parametrize(
    ("base", "change", "line"),
    [
        (
            "s3",
            {"spec.provider": "Swift"},
            'spec.provider: Unsupported value: "Swift": supported values: "S3", "CoreWeave", "GCS", "Azure", "S3Compatible"',
        ),
        ("s3", {"spec.s3.region": None}, "spec.s3.region: Required value"),
        ("s3", {"spec.credentials": None}, "spec.credentials: Required value"),
        ("s3", {"spec.s3.bucket": "a" * 64}, "spec.s3.bucket: Too long: may not be more than 63 bytes"),
        ("s3", {"spec.probePath": "a" * 513}, "spec.probePath: Too long: may not be more than 512 bytes"),
        ("s3Compatible", {"spec.s3Compatible.endpoint": None}, "spec.s3Compatible.endpoint: Required value"),
        ("team", {"spec.bucketStoreRef": None}, "spec.bucketStoreRef: Required value"),
        (
            "team",
            {"spec.createTeam": {"members": []}},
            "spec.createTeam.members: Invalid value: 0: spec.createTeam.members in body should have at least 1 items",
        ),
        ("self-managed", {"spec.host": None}, "spec.host: Required value"),
        (
            "self-managed",
            {"spec.fileStores": {"separator": "/"}},
            'spec.fileStores.separator: Unsupported value: "/": supported values: ",", ";", "|", " ", "\\n"',
        ),
        (
            "self-managed",
            {"spec.rollout": {"onFailure": "Panic"}},
            'spec.rollout.onFailure: Unsupported value: "Panic": supported values: "RollBack", "Keep"',
        ),
    ],
)
def test_the_schema_refuses(crds: Cluster, place: str, base: str, change: Change, line: str) -> None:
    """What is missing, too long or not on the list is refused by the schema itself."""
    document = changed(manifest(base), change)
    answer = crds.request("POST", f"{path_of(place, document)}?dryRun=All&fieldValidation=Strict", document)
    assert line in refusal(answer)
