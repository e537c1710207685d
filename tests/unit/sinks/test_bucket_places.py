"""Where W&B's own operator has the bucket for the instance from, what is in the way of setting it, and the patch that does."""

import base64
from typing import Any

import pytest

from wandb_byob.decide import bucket_forms
from wandb_byob.decide.rollouts.variable import CHART_BUCKET, MARK, OBJECT_STORE, VARIABLE, reference
from wandb_byob.decide.storage import Bucket, Unreadable
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks import wandb_v1, wandb_v1_bucket, wandb_v2

OURS = "wandb-file-stores-"
THEIRS = {"kind": "Secret", "data": {"ACCESS_KEY": base64.b64encode(b"ak").decode(), "SECRET_KEY": base64.b64encode(b"s%2Fk").decode()}}  # fmt: skip
FOUND = {("Secret", "theirs"): THEIRS}


def v1(**values: Any) -> dict[str, Any]:
    return {"metadata": {"name": "wandb", "uid": "u", "resourceVersion": "1"}, "spec": {"values": {"global": values}}}


def of(bucket: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"global": {"bucket": bucket, **rest}}


@pytest.mark.parametrize(
    ("own", "user", "active", "shown"),
    [
        ({}, {}, {}, None),
        (of({"provider": "s3", "name": "own"}), of({"provider": "gcs", "name": "console"}), {}, "s3://own"),
        ({}, of({"provider": "gcs", "name": "console"}), of({"provider": "s3", "name": "active"}), "gs://console"),
        ({}, {}, of({"provider": "s3", "name": "active"}), "s3://active"),
        ({}, {}, {"global": {"defaultBucket": {"provider": "gcs", "name": "default"}}}, "gs://default"),
        (of({"path": "p"}), of({"provider": "s3", "name": "console"}), {}, "s3://console/p"),
        (of({"path": ""}), of({"provider": "s3", "name": "console", "path": "p"}), {}, "s3://console"),
        (of({"provider": "s3", "name": "own", "secret": {"secretName": "theirs"}}), {}, {}, "s3://***:***@own"),
        (of({"provider": "s3", "name": "own", "accessKey": "a", "secretKey": "b"}), {}, {}, "s3://***:***@own"),
        ({}, {}, of({"provider": "s3", "name": "ours"}, env={MARK: reference(f"{OURS}x", MARK)}), None),
        (of({"provider": "disk", "name": "x"}), {}, {}, "***"),
    ],
    ids=["nowhere", "the object before the console", "the console before what was applied", "the deployer's", "the default", "merged by key",
         "an empty text counts", "with keys from a Secret", "with keys in the values", "ours, that was taken out just now", "a provider that is none"],
)  # fmt: skip
def test_which_bucket_the_chart_takes(
    own: dict[str, Any], user: dict[str, Any], active: dict[str, Any], shown: str | None
) -> None:
    merged = wandb_v1_bucket.effective(own, user=user, active=active, ours=OURS)
    found = wandb_v1_bucket.present(merged, FOUND)
    assert (found.shown if found is not None else None) == shown


@pytest.mark.parametrize("name", [{"a": "b"}, ["a"], 7, "gone"])
def test_keys_by_a_name_that_is_none_are_not_known(name: Any) -> None:
    """The API server takes anything in the chart's values, and in a Secret of W&B's operator."""
    own = of({"provider": "s3", "name": "own", "secret": {"secretName": "theirs", "accessKeyName": name}})
    found = wandb_v1_bucket.present(wandb_v1_bucket.effective(own, user={}, active={}, ours=OURS), FOUND)
    assert isinstance(found, Bucket)
    assert (found.known, found.identity) == (False, "s3://amazonaws.com/own")


@pytest.mark.parametrize(
    ("value", "refused"),
    [({"valueFrom": {"secretKeyRef": {"name": "s"}}}, True), ({"value": 7}, True), (None, False), ("s3://b", False)],
)
def test_a_variable_that_is_no_entry_is_not_written_over(value: Any, *, refused: bool) -> None:
    """What W&B's pods run with then comes from before, and would be lost."""
    body = v1(env={VARIABLE: value})
    found = wandb_v1.refusal(wandb_v1.layers_of(body, user={}, active={}), VARIABLE, chart=None)
    assert (found is not None) is refused
    if found is not None:
        assert found.reason == Reason.VARIABLE_INVALID
        assert f"{VARIABLE} at global.env in spec.values of WeightsAndBiases wandb is no entry" in found.message


def test_keys_of_a_secret_that_is_not_there_are_not_known() -> None:
    merged = wandb_v1_bucket.effective(
        of({"provider": "s3", "name": "own", "secret": {"secretName": "gone"}}), user={}, active={}, ours=OURS
    )
    assert wandb_v1_bucket.source(merged) == ("Secret", "gone")
    found = wandb_v1_bucket.present(merged, {("Secret", "gone"): None})
    assert isinstance(found, Bucket)
    assert not found.known


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        (of({"provider": "s3", "name": "b", "secret": {}}), None, ""),
        ({"global": {"bucket": "s3://b"}}, Reason.VALUES_CLASH, "global.bucket in the Secret"),
        (of({"name": {"valueFrom": {}}}), Reason.VALUES_CLASH, "global.bucket in the Secret"),
        (of({"secret": "theirs"}), Reason.VALUES_CLASH, "global.bucket in the Secret"),
        ({"app": {"env": {"BUCKET": "s3://b"}}}, Reason.LEVEL_WINS, "BUCKET is set at app.env in the Secret"),
        ({"global": {"extraEnv": {"GORILLA_FILE_STORE": "b"}}}, Reason.LEVEL_WINS, "global.extraEnv"),
    ],
    ids=["fine", "a text", "a map for a text", "a text for the Secret", "a component's own", "in the list for all"],
)
def test_what_is_in_the_way_in_v1(values: dict[str, Any], reason: Reason | None, words: str) -> None:
    """A text that meets a map stops W&B's operator without a word; a variable of the same name hides the bucket."""
    found = wandb_v1_bucket.refusal({"spec.values": {}, "the Secret": values})
    assert (found.reason if found is not None else None) is reason
    assert found is None or words in found.message


def test_the_patch_of_v1_says_all_of_the_bucket_and_nothing_else() -> None:
    """Also that a field is gone; variables and bucket are one patch."""
    body = v1(
        host="h", env={"OWN": "1"}, bucket={"provider": "gcs", "name": "old", "odd": "x", "secret": {"more": "y"}}
    )
    wanted = {"provider": "s3", "name": "new", "secret": {"secretName": "s"}}
    given = wandb_v1.patch(body, {MARK: reference("s", MARK), VARIABLE: None, CHART_BUCKET: wanted})
    assert given["values"]["global"]["bucket"] == {
        "odd": None, "provider": "s3", "name": "new", "secret": {"more": None, "secretName": "s"},
    }  # fmt: skip
    env = given["values"]["global"]["env"]
    assert env[VARIABLE] is None
    assert env[MARK]["valueFrom"]["secretKeyRef"] == {"name": "s", "key": MARK}
    assert set(given["values"]["global"]) == {"env", "bucket"}


def test_what_v1_had_not_is_gone_again() -> None:
    body = v1(bucket={"provider": "s3"}, env={MARK: reference("s", MARK)})
    assert wandb_v1.patch(body, {MARK: None, CHART_BUCKET: None}) == {
        "values": {"global": {"env": None, "bucket": None}}
    }


def v2(env: list[Any] | None = None, **default: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"wandb": {"legacyOverrides": {"global": {"env": env or []}}}}
    if default:
        spec["objectStore"] = {"default": default}
    return {"metadata": {"name": "wandb"}, "spec": spec}


def selectors(*names: str, secret: str = "theirs") -> dict[str, Any]:
    return {name: {"name": secret, "key": name} for name in names}


def test_the_list_of_v2_keeps_its_order() -> None:
    """Ours in their places, where they have some; what is not ours is not touched."""
    other, last = {"name": "OTHER", "value": "1"}, {"name": "LAST", "value": "2"}
    body = v2([other, reference("old", MARK), last])
    given = wandb_v2.patch(body, {VARIABLE: reference("new"), MARK: reference("new", MARK)})
    assert given == {
        "wandb": {"legacyOverrides": {"global": {"env": [other, reference("new", MARK), last, reference("new")]}}}
    }
    assert wandb_v2.patch(body, {MARK: None})["wandb"]["legacyOverrides"]["global"]["env"] == [other, last]


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ({OBJECT_STORE: {}}, None),
        ({OBJECT_STORE: {}, "more": 1}, {"default": {OBJECT_STORE: None}}),
    ],
)
def test_what_v2_had_not_is_gone_again(default: dict[str, Any], expected: Any) -> None:
    """Maps that were made for it go with it."""
    assert wandb_v2.patch(v2(**default), {OBJECT_STORE: None}) == {"objectStore": expected}


def test_which_bucket_v2_takes() -> None:
    data = {
        key: base64.b64encode(value.encode()).decode() for key, value in {"bucket": "acme", "provider": "gcs"}.items()
    }
    body = v2(**{OBJECT_STORE: selectors("bucket", "provider", "path")})
    assert wandb_v2.sources(body) == {("Secret", "theirs")}
    found = wandb_v2.present(body, {("Secret", "theirs"): {"kind": "Secret", "data": data}})
    assert isinstance(found, Bucket)
    assert found.identity == "gs://acme"
    unnamed = wandb_v2.present(body, {("Secret", "theirs"): None})
    assert isinstance(unnamed, Unreadable)
    assert (unnamed.shown, "externalObjectStore.bucket" in unnamed.why) == (
        "a bucket whose Secret does not name it",
        True,
    )
    assert wandb_v2.present(v2(), {}) is None
    managed = wandb_v2.present(v2(managedObjectStore={"enabled": True}), {})
    assert isinstance(managed, Unreadable)
    assert managed.shown == "an object store that W&B's operator runs"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (v2(), None),
        (v2(managedObjectStore={"enabled": True}), Reason.VALUES_CLASH),
        (v2([{"name": "BUCKET", "value": "s3://b"}]), Reason.LEVEL_WINS),
    ],
    ids=["fine", "an object store of its own", "a variable that hides it"],
)
def test_what_is_in_the_way_in_v2(body: dict[str, Any], reason: Reason | None) -> None:
    found = wandb_v2.bucket_refusal(body)
    assert (found.reason if found is not None else None) is reason


def test_a_digest_without_ours_is_the_same_before_and_after() -> None:
    """Else a rollback would take our own writing for a change of somebody's."""
    for strike, before in ((wandb_v1.strike, {"chart": {}}), (wandb_v2.strike, {"wandb": {"hostname": "h"}})):
        after: dict[str, Any] = {
            "chart": {},
            "values": {"global": {"env": {MARK: {}, VARIABLE: {}}, "bucket": {"name": "b"}}},
        }
        if strike is wandb_v2.strike:
            env = [reference("s", MARK), reference("s")]
            after = {
                "wandb": {"hostname": "h", "legacyOverrides": {"global": {"env": env}}},
                "objectStore": {"default": {OBJECT_STORE: {}}},
            }
        strike(after)
        assert after == before


def test_texts_of_the_bucket_are_told_apart_from_anything_else() -> None:
    with pytest.raises((ValueError, KeyError)):
        bucket_forms.loads("{}")
