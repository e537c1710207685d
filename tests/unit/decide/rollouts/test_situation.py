"""Which configuration is the current one, and from which entries a new one starts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from unit.decide.target import BEGIN, Container, Target, bucket, foreign
from unit.resources import as_instance, wandb_instance
from wandb_byob.decide.rollouts.configuration import Configuration
from wandb_byob.decide.rollouts.situation import base, policy
from wandb_byob.decide.rollouts.variable import VARIABLE, reference
from wandb_byob.model.api import FailedConfiguration


def configuration(value: str, **provenance: str) -> Configuration:
    return Configuration(values={VARIABLE: value}, separator=",", provenance=provenance, before={})


def two() -> Target:
    """Two of our Secrets, of which the target has none."""
    target = Target()
    target.store(configuration("gs://kept,gs://old", **{"gs://old": "uid-old"}))
    target.later(minutes=1).store(configuration("gs://kept,gs://new", **{"gs://new": "uid-new"}))
    return target


FIRST, SECOND = "wandb-file-stores-1", "wandb-file-stores-2"


def current(target: Target) -> str | None:
    found = target.situation().current
    return found.name if found is not None else None


def refer(target: Target, *secrets: str) -> Target:
    for key, secret in zip(target.workloads, secrets, strict=True):
        target.workloads[key] = Container(env=reference(secret))
    return target


def test_what_the_status_names_is_current() -> None:
    """Also where the target was installed anew, or set back to an older one."""
    target = two()
    assert current(target) is None
    target.memory = replace(target.memory, secret=SECOND)
    assert current(target) == SECOND
    assert current(refer(target, FIRST, FIRST)) == SECOND


def test_what_the_target_has_is_current_where_it_is_newer() -> None:
    """A look was interrupted before it could write the status; or the status was lost."""
    target = refer(two(), FIRST, SECOND)
    assert current(target) == SECOND
    target.memory = replace(target.memory, secret=FIRST)
    assert current(target) == SECOND


def test_a_failed_one_that_was_taken_back_is_not_current() -> None:
    target = refer(two(), FIRST, FIRST)
    failed = FailedConfiguration(secret_name=SECOND, reason="r", message="m", time=BEGIN)
    target.memory = replace(target.memory, secret=SECOND, failed=failed)
    assert current(target) == FIRST
    assert current(refer(target, FIRST, SECOND)) == SECOND, "it still stands in one workload"


def texts(target: Target) -> list[tuple[str, str]]:
    return [(entry.text, entry.provenance) for entry in base(target.situation())]


def test_the_base_is_the_current_one_and_what_others_have_added() -> None:
    """An older one of ours adds nothing: what was removed since must not come back."""
    target = refer(two(), FIRST, SECOND)
    target.workloads["Deployment/new"] = foreign("gs://theirs,gs://kept")
    assert texts(target) == [("gs://kept", "kept"), ("gs://new", "uid-new"), ("gs://theirs", "kept")]


def test_where_everything_is_lost_what_others_wrote_is_still_known() -> None:
    """The status and the target's references are gone: kept entries stand in our newest Secret, all else comes from the lists."""
    assert texts(two()) == [("gs://kept", "kept")]


def test_where_nothing_was_lost_an_unused_secret_tells_nothing() -> None:
    """After a first rollout was taken back, its Secret is no source."""
    target = two()
    target.workloads = {"Deployment/api": foreign("gs://only")}
    target.buckets = []
    target.look()
    assert texts(target) == [("gs://only", "kept")]


def test_the_separator_of_a_stored_configuration_is_its_own() -> None:
    """A changed spec.fileStores.separator does not glue the entries of the present value together."""
    target = refer(two(), SECOND, SECOND)
    target.policy = replace(target.policy, separator=";")
    assert [text for text, _ in texts(target)] == ["gs://kept", "gs://new"]
    target.buckets = [bucket("one")]
    target.look()
    assert target.values() == {f"gs://kept;gs://new;{bucket('one').address}"}


@pytest.mark.parametrize(
    ("spec", "minutes"),
    [
        ({}, 0),
        ({"allowedNamespaces": {"from": "All"}}, 10),
        ({"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}, 10),
        ({"allowedNamespaces": {"from": "All"}, "rollout": {"minimumInterval": "0s"}}, 0),
        ({"rollout": {"minimumInterval": "1h"}}, 60),
    ],
)
def test_who_admits_others_is_not_restarted_at_their_will(spec: dict[str, Any], minutes: int) -> None:
    """Each key that an admitted tenant rotates is a restart: without a stated interval at most one in ten minutes."""
    assert policy(as_instance(wandb_instance(spec=spec))).minimum_interval == timedelta(minutes=minutes)
