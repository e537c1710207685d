"""W&B's table of what is offered where, cell by cell."""

import pytest

from wandb_byob.decide import availability
from wandb_byob.decide.availability import DeploymentType, Offer, Scope
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

YES, SUPPORT, NO = Offer.AVAILABLE, Offer.SUPPORT, Offer.NOT_AVAILABLE
PROVIDERS: tuple[str, ...] = ("CoreWeave", "S3", "GCS", "Azure", "S3Compatible")
# Written out from W&B's page, not derived.
ROWS: list[tuple[DeploymentType, Scope, tuple[Offer, ...]]] = [
    ("SelfManaged", Scope.INSTANCE, (SUPPORT, YES, YES, YES, YES)),
    ("SelfManaged", Scope.TEAM, (YES, YES, YES, YES, YES)),
    ("DedicatedCloud", Scope.INSTANCE, (SUPPORT, YES, YES, YES, YES)),
    ("DedicatedCloud", Scope.TEAM, (YES, YES, YES, YES, YES)),
    ("MultiTenantCloud", Scope.INSTANCE, (NO, NO, NO, NO, NO)),
    ("MultiTenantCloud", Scope.TEAM, (YES, YES, YES, NO, NO)),
]
CELLS = [(row[0], row[1], provider, offer) for row in ROWS for provider, offer in zip(PROVIDERS, row[2], strict=True)]


@pytest.mark.parametrize(("deployment", "scope", "provider", "offer"), CELLS)
def test_cell(deployment: DeploymentType, scope: Scope, provider: str, offer: Offer) -> None:
    """Each cell says what W&B's page says, and what is not offered is refused."""
    assert availability.offer(deployment, scope, provider) is offer
    if offer is NO:
        with pytest.raises(Stalled) as caught:
            availability.require(deployment, scope, provider)
        assert caught.value.reason is Reason.NOT_AVAILABLE
    else:
        availability.require(deployment, scope, provider)


def test_the_refusal_says_what_there_is() -> None:
    """A user learns what to use instead."""
    with pytest.raises(Stalled, match="It offers S3, CoreWeave and GCS there"):
        availability.require("MultiTenantCloud", Scope.TEAM, "Azure")
    with pytest.raises(Stalled, match="a bucket of its own"):
        availability.require("MultiTenantCloud", Scope.INSTANCE, "S3")


def test_whether_a_scope_is_offered_at_all() -> None:
    """Before the provider is known: only what is offered on none is refused."""
    with pytest.raises(Stalled, match="for the instance with MultiTenantCloud"):
        availability.require("MultiTenantCloud", Scope.INSTANCE)
    availability.require("DedicatedCloud", Scope.INSTANCE)


@pytest.mark.parametrize(
    ("deployment", "source", "seen", "word"),
    [
        ("SelfManaged", "WandbAccount", True, "Dedicated and Multi-tenant Cloud"),
        ("SelfManaged", "Ambient", False, "spec.provisioning"),
        ("SelfManaged", "Ambient", True, ""),
        ("SelfManaged", "Secret", True, ""),
        ("DedicatedCloud", "WandbAccount", False, ""),
        ("MultiTenantCloud", "WandbAccount", False, ""),
    ],
)
def test_no_bucket_that_nobody_has_seen_gets_into_a_self_managed_wandb(
    deployment: DeploymentType, source: str, seen: bool, word: str
) -> None:
    """A made-up bucket name must not reach W&B only because nobody here can sign."""
    if not word:
        availability.require_witness(deployment, source, seen=seen)
        return
    with pytest.raises(Stalled, match=word):
        availability.require_witness(deployment, source, seen=seen)
