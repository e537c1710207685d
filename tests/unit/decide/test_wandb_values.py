"""The levels at which W&B's own operator takes the variable, and which of them wins."""

import base64
import json
from typing import Any

import pytest

from wandb_byob.decide.rollouts.variable import VARIABLE
from wandb_byob.decide.wandb_values import levels, values_of

REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


def test_every_level_is_found_the_one_that_wins_first() -> None:
    """Container env > sizing env > component env > component extraEnv > global env > global extraEnv."""
    values = {
        "global": {"extraEnv": {VARIABLE: "f"}, "env": {VARIABLE: REFERENCE}},
        "app": {
            "extraEnv": {VARIABLE: "d"},
            "env": {VARIABLE: {"value": "c"}},
            "sizing": {"small": {"env": {VARIABLE: "b"}}},
            "containers": {"app": {"env": {VARIABLE: "a"}}},
        },
    }
    assert [level.path for level in levels(values)] == [
        "app.containers.app.env",
        "app.sizing.small.env",
        "app.env",
        "app.extraEnv",
        "global.env",
        "global.extraEnv",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://b", {"name": VARIABLE, "value": "s3://b", "plain": True}),
        ({"value": "s3://b"}, {"name": VARIABLE, "value": "s3://b"}),
        (REFERENCE, {"name": VARIABLE, **REFERENCE}),
        (["s3://b"], None),
        ({"value": 7}, None),
        ({"valueFrom": {"secretKeyRef": {"name": "s"}}}, None),
        ({"valueFrom": {"configMapKeyRef": {"name": "s", "key": 7}}}, None),
        ({"valueFrom": {"secretKeyRef": "s"}}, None),
        ({"value": "s3://b", "valueFrom": "s"}, None),
        ({"valueFrom": {"fieldRef": {}}}, {"name": VARIABLE, "valueFrom": {"fieldRef": {}}}),
        (None, None),
    ],
)
def test_what_a_level_says(value: Any, expected: Any) -> None:
    """A bare text is remembered as one; what is neither a text nor an entry is malformed."""
    (level,) = levels({"global": {"env": {VARIABLE: value}}})
    assert level.entry == expected


def test_a_list_is_read_as_of_a_container() -> None:
    """The last of several entries counts, as in Kubernetes."""
    env = [{"name": "OTHER", "value": "x"}, {"name": VARIABLE, "value": "a"}, {"name": VARIABLE, "value": "b"}]
    (level,) = levels({"global": {"extraEnv": env}})
    assert level.entry == {"name": VARIABLE, "value": "b"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"values": '{"global": {"a": 1}}'}, {"global": {"a": 1}}),
        ({"spec": '{"chart": {}, "values": {"global": {}}}'}, {"global": {}}),
        ({"chart": '{"url": "x"}', "values": '{"app": {}}'}, {"app": {}}),
        ({"values": "no json"}, {}),
        ({"values": "[" * 100_000}, {}),
        ({}, {}),
    ],
)
def test_the_values_in_a_secret(data: dict[str, str], expected: Any) -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    assert values_of({"data": encoded}) == expected
    assert values_of(None) == {}
    assert json.dumps(values_of({})) == "{}"
