"""Who may refer to whom: default deny."""

from typing import Any

import msgspec
import pytest

from wandb_byob.decide import grants
from wandb_byob.model.api import LabelSelector, NamespaceGrant


def _grant(**fields: Any) -> NamespaceGrant:
    return msgspec.convert(fields, NamespaceGrant)


PROD = {"matchLabels": {"env": "prod"}}


@pytest.mark.parametrize(
    ("grant", "user", "labels", "granted"),
    [
        (_grant(), "owner", None, True),
        (_grant(), "other", {}, False),
        ({"from": "Same"}, "other", {"env": "prod"}, False),
        ({"from": "All"}, "other", None, True),
        ({"from": "Selector", "selector": PROD}, "other", {"env": "prod", "x": "y"}, True),
        ({"from": "Selector", "selector": PROD}, "other", {"env": "test"}, False),
        ({"from": "Selector", "selector": PROD}, "other", {}, False),
        ({"from": "Selector", "selector": PROD}, "other", None, False),
        ({"from": "Selector", "selector": PROD}, "owner", None, True),
        ({"from": "Selector"}, "other", {"env": "prod"}, False),
        ({"from": "Selector", "selector": {}}, "other", {"env": "prod"}, False),
    ],
)
def test_grant(grant: Any, user: str, labels: dict[str, str] | None, *, granted: bool) -> None:
    """The own namespace always may; another only by `All` or by labels that were read."""
    given = grant if isinstance(grant, NamespaceGrant) else _grant(**grant)
    assert grants.granted(given, owner="owner", user=user, labels=labels) is granted


@pytest.mark.parametrize(
    ("expression", "labels", "matches"),
    [
        ({"key": "env", "operator": "In", "values": ["prod", "stage"]}, {"env": "stage"}, True),
        ({"key": "env", "operator": "In", "values": ["prod"]}, {}, False),
        ({"key": "env", "operator": "NotIn", "values": ["prod"]}, {"env": "test"}, True),
        ({"key": "env", "operator": "NotIn", "values": ["prod"]}, {}, True),
        ({"key": "env", "operator": "NotIn", "values": ["prod"]}, {"env": "prod"}, False),
        ({"key": "env", "operator": "Exists"}, {"env": ""}, True),
        ({"key": "env", "operator": "Exists"}, {}, False),
        ({"key": "env", "operator": "DoesNotExist"}, {}, True),
        ({"key": "env", "operator": "DoesNotExist"}, {"env": "x"}, False),
    ],
)
def test_expressions_read_as_kubernetes_reads_them(expression: Any, labels: dict[str, str], *, matches: bool) -> None:
    """NotIn holds for a namespace without the label, as in Kubernetes."""
    selector = msgspec.convert({"matchExpressions": [expression]}, LabelSelector)
    assert grants.matches(selector, labels) is matches


def test_labels_and_expressions_must_all_hold() -> None:
    """One that does not hold is enough to refuse."""
    both = {**PROD, "matchExpressions": [{"key": "team", "operator": "Exists"}]}
    selector = msgspec.convert(both, LabelSelector)
    assert grants.matches(selector, {"env": "prod", "team": "a"})
    assert not grants.matches(selector, {"env": "prod"})
    assert not grants.matches(selector, {"team": "a"})


def test_labels_are_read_only_where_they_decide() -> None:
    """A read of a namespace is spared where the answer does not depend on it."""
    selector = _grant(**{"from": "Selector", "selector": PROD})
    assert grants.needs_labels(selector, owner="a", user="b")
    assert not grants.needs_labels(selector, owner="a", user="a")
    assert not grants.needs_labels(_grant(**{"from": "All"}), owner="a", user="b")
