"""Which workloads a WandbInstance means, and which of two that mean the same gives way."""

from typing import Any

import msgspec
import pytest

from unit.resources import as_instance, wandb_instance
from wandb_byob.decide.targets import made_by_operator, require_own, selects
from wandb_byob.model.api import WandbInstance, WorkloadsTarget
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

LABELS = {"app": "wandb", "tier": "web"}
NAMED = {"names": ["wandb-app"]}
LABELLED = {"selector": {"matchLabels": {"app": "wandb"}}}


@pytest.mark.parametrize(
    ("target", "means"),
    [
        (NAMED, True),
        ({"names": ["wandb-api"]}, False),
        (LABELLED, True),
        ({"selector": {"matchLabels": {"app": "other"}}}, False),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}}, False),
        ({"selector": {"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}}, True),
        ({"selector": {}}, False),
    ],
)
def test_what_a_target_means(target: dict[str, Any], *, means: bool) -> None:
    """By name or by label, as Kubernetes reads a selector; an empty one, which the CRD refuses, means nothing."""
    assert selects(msgspec.convert(target, WorkloadsTarget), name="wandb-app", labels=LABELS) is means


def instance(name: str, target: dict[str, Any] | None = None, *, secret: str = "", **metadata: Any) -> WandbInstance:
    spec = {"target": {"workloads": LABELLED if target is None else target}}
    status = {"secretName": secret} if secret else None
    return as_instance(wandb_instance(name, spec=spec, status=status, **metadata))


LATER = {"creationTimestamp": "2026-11-22T11:00:00Z"}


@pytest.mark.parametrize(
    ("me", "other", "gives_way"),
    [
        (instance("b"), instance("a"), True),
        (instance("a"), instance("b"), False),
        (instance("a", **LATER), instance("b"), True),
        (instance("a"), instance("b", secret="s", **LATER), True),
        (instance("b", secret="s"), instance("a"), False),
        (instance("b"), instance("a", {"names": ["wandb-api"]}), False),
        (instance("b"), instance("a", NAMED), True),
        (instance("b"), instance("a", deletionTimestamp="2026-11-22T12:00:00Z"), False),
        (instance("b"), as_instance(wandb_instance("a", spec={"target": None})), False),
        (instance("b"), instance("b"), False),
    ],
)
def test_who_gives_way(me: WandbInstance, other: WandbInstance, *, gives_way: bool) -> None:
    """Already configured, then older, then by name; only where both mean one of the same workloads."""
    workloads = [("wandb-app", LABELS)]
    if not gives_way:
        require_own(me, [other, me], workloads)
        return
    with pytest.raises(Stalled, match=f"WandbInstance {other.metadata.name} configures wandb-app") as caught:
        require_own(me, [other, me], workloads)
    assert caught.value.reason is Reason.TARGET_CONFLICT


@pytest.mark.parametrize(
    ("label", "owners", "managed"),
    [
        ("wandb", ("wandb",), True),
        ("ns", ("other",), True),
        ("wandb", (), False),
        ("wandb", ("other",), False),
        (None, ("wandb",), False),
    ],
    ids=["v1: the object's name", "v2: the namespace", "no object", "another object", "no label"],
)
def test_workloads_of_wandbs_own_operator_are_told_apart(
    label: str | None, owners: tuple[str, ...], managed: bool
) -> None:
    labels = {} if label is None else {"app.kubernetes.io/instance": label}
    found = made_by_operator("Deployment api", labels, namespace="ns", owners=owners)
    assert (found is not None) is managed
    assert found is None or f"WeightsAndBiases {owners[0]}" in found.message
