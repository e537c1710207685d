"""What stands in the way of writing the variable where somebody else has set it."""

from typing import Any

import pytest

from unit.decide.target import Container, Target, foreign, literal
from wandb_byob.decide.rollouts.takeover import advice, refusal
from wandb_byob.decide.rollouts.variable import VARIABLE
from wandb_byob.model.reasons import Reason

GOVERNED = {VARIABLE: "gs://b"}
KEYS = ("Deployment/api", "Deployment/app")


@pytest.mark.parametrize(
    ("container", "take", "reason"),
    [
        (Container(), False, None),
        (foreign("gs://a"), False, None),
        (literal("gs://a"), False, Reason.LITERAL_PRESENT),
        (literal(""), False, Reason.LITERAL_PRESENT),
        (literal("gs://a"), True, None),
        (literal("s3://$(A):b@h/c"), True, Reason.VARIABLE_INVALID),
        (literal("s3://a:$$b@h/c"), True, Reason.VARIABLE_INVALID),
        (literal("s3://a:$b@h/c"), True, None),
    ],
    ids=["absent", "a reference", "a literal", "an empty literal", "allowed", "expanded", "escaped", "a lone dollar"],
)
def test_what_may_be_replaced(container: Any, take: bool, reason: Reason | None) -> None:
    """The refusal names the container and the remedy, and quotes nothing of the value."""
    workloads = Target(workloads={"Deployment/api": container}).situation().workloads
    found = refusal(workloads, GOVERNED, takes={VARIABLE} if take else frozenset())
    assert (found.reason if found is not None else None) == reason
    if found is not None:
        assert "Container c of Deployment api" in found.message
        assert "h/c" not in found.message


def test_who_else_sets_it_is_told() -> None:
    set_by = Target(workloads=dict.fromkeys(KEYS, literal("gs://a")), setters=("argocd", "helm"))
    told = advice(set_by.situation().workloads, GOVERNED)
    assert told.startswith(f"{VARIABLE} was also set by argocd, helm in Deployment api, Deployment app")
    assert advice(set_by.situation().workloads, {"BUCKET": "s3://b"}) == "", "what is not ours is not told"
    assert advice(Target().situation().workloads, GOVERNED) == ""
