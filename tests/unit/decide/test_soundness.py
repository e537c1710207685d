"""What is checked again of an object that is stored already."""

from typing import Any

import msgspec
import pytest

from cluster import crd_rules_bucketstore, crd_rules_others, crd_rules_providers
from cluster.crd_rules import Rule
from unit.resources import as_store, as_team, bucket_store, team_storage
from wandb_byob.decide.soundness import unsound
from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

RULES = [*crd_rules_bucketstore.RULES, *crd_rules_others.RULES, *crd_rules_providers.RULES]
TYPES = {"BucketStore": BucketStore, "TeamStorage": TeamStorage, "WandbInstance": WandbInstance}


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.good], ids=lambda rule: f"{rule.field}: {rule.says}"[:70]
)
def test_what_the_api_accepts_is_sound(rule: Rule) -> None:
    """Nothing that a user may write is refused afterwards: the two sets of rules must not drift apart."""
    for change in rule.good:
        body = rule.object(change)
        assert unsound(msgspec.convert(body, TYPES[rule.kind])) == ""


HOSTILE = ["", "..", "a/../b", "./a", "/a", "a//b", "a/", "a\r\nX: y", "a\x00b", "a,b=c", "ａ", "\u202e", "x" * 600]
COMPATIBLE = {"bucket": "data", "endpoint": "https://h.example"}


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("field", "made"),
    [
        ("spec.path", lambda value: as_team(team_storage(spec={"path": value}))),
        ("spec.team", lambda value: as_team(team_storage(spec={"team": value}))),
        ("spec.probePath", lambda value: as_store(bucket_store(spec={"probePath": value}))),
        ("spec.s3.region", lambda value: as_store(bucket_store(spec={"s3": {"bucket": "data", "region": value}}))),
        (
            "spec.s3.accountID",
            lambda value: as_store(bucket_store(spec={"s3": {"bucket": "b", "region": "r", "accountID": value}})),
        ),
        (
            "spec.s3Compatible.region",
            lambda value: as_store(
                bucket_store(
                    spec={"provider": "S3Compatible", "s3": None, "s3Compatible": COMPATIBLE | {"region": value}}
                )
            ),
        ),
        (
            "spec.cors.allowedOrigins",
            lambda value: as_store(bucket_store(spec={"cors": {"allowedOrigins": ["https://w.example", value]}})),
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_would_get_into_paths_and_requests(field: str, made: Any, value: str) -> None:
    """Stored before the rule was there, or past it: it is named, and goes no further."""
    assert unsound(made(value)) == field


@pytest.mark.parametrize("value", ["", "banana", "-1s", "1e999", "99999999999999h", "5 minutes"])
@pytest.mark.parametrize("field", ["maxWait", "minimumInterval", "timeout"])
def test_a_time_that_is_none(field: str, value: str) -> None:
    """An exception for each look would keep the user from being told."""
    spec = {"deploymentType": "SelfManaged", "host": "https://w.example", "rollout": {field: value}}
    instance = msgspec.convert({"metadata": {"name": "wandb"}, "spec": spec}, WandbInstance)
    assert unsound(instance) == f"spec.rollout.{field}"


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({"selector": {}}, "spec.target.workloads.selector"),
        ({"selector": {"matchLabels": {}}}, "spec.target.workloads.selector"),
        ({}, "spec.target.workloads.names"),
        ({"names": []}, "spec.target.workloads.names"),
        ({"names": ["wandb-app"]}, ""),
    ],
)
def test_a_target_that_would_be_every_workload_or_none(target: Any, field: str) -> None:
    """To Kubernetes an empty selector means everything in the namespace; it must never be written to."""
    spec = {"deploymentType": "SelfManaged", "host": "https://w.example", "target": {"workloads": target}}
    instance = msgspec.convert({"metadata": {"name": "wandb"}, "spec": spec}, WandbInstance)
    assert unsound(instance) == field
