"""What is seen without changing anything, and what is changed when somebody else has."""

import pytest

from contract.results import Alone, Behaviour
from contract.site import Look, Place, Site, calls_of
from contract.sites import SITES
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

pytestmark = pytest.mark.behaviour(Behaviour.OBSERVE)
BAD = (CheckResult.FAILED, CheckResult.WARNING)


def test_observe(site: Site, place: Place) -> None:
    """In Observe nothing is written, what Manage would do is listed, and each check of what is missing says what to do."""
    site.make()
    before = site.configuration()
    found = site.look(intended=False, spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert site.configuration() == before
    assert {change.name for change in found.found.planned} == place.planned
    assert found.found.applied == ()
    _each_says_what_to_do(found, "managementPolicy: Manage")


def test_observe_a_bucket_that_is_not_there(site: Site) -> None:
    """In Observe a missing bucket is a failed check, and the plan begins with its creation."""
    found = site.look(spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert found.found.facts is None
    assert found.check(CheckName.BUCKET_EXISTS).result is CheckResult.FAILED
    assert [change.name for change in found.found.planned][:2] == ["BucketExists", "Owner"]


def test_without_provisioning(site: Site) -> None:
    """Without provisioning credentials nothing is written or planned; the metadata is read as W&B would see it."""
    site.make()
    before = site.configuration()
    found = site.look(intended=False, admin=None)
    assert found.calls.writes == []
    assert (found.found.planned, found.found.applied) == ((), ())
    assert site.configuration() == before
    _each_says_what_to_do(found, "spec.provisioning")


def _each_says_what_to_do(found: Look, by_the_operator: str) -> None:
    """Who else may read is the owner's own affair; the operator could do the rest."""
    bad = [check for check in found.found.checks if check.result in BAD]
    assert all(check.remedy for check in bad)
    left = [check for check in bad if check.name not in (CheckName.PUBLIC_ACCESS, CheckName.UNIFORM_ACCESS)]
    assert left
    assert all(by_the_operator in check.remedy for check in left)


def test_without_provisioning_and_bucket(site: Site) -> None:
    """Where there is neither a bucket nor anything to make it with, the message says what to do."""
    with pytest.raises(Stalled) as refused:
        site.look(admin=None)
    assert refused.value.reason is Reason.BUCKET_NOT_FOUND
    assert "spec.provisioning" in refused.value.message


def test_nobody_can_sign(site: Site) -> None:
    """Where nobody here can sign, no call is made and nothing is claimed."""
    found = site.look(admin=None, data=None)
    assert found.calls.made == []
    assert [(check.name, check.result) for check in found.found.checks] == [
        (CheckName.BUCKET_EXISTS, CheckResult.SKIPPED)
    ]


def test_a_bucket_that_is_gone_is_not_made_anew(site: Site) -> None:
    """A bucket that was there holds data: making it anew would hide that they are gone."""
    site.look()
    site.remove()
    context = site.context(intended=False, recorded="Created")
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_FOUND
    assert calls_of(context).writes == []


@pytest.mark.behaviour(Behaviour.REFUSE)
def test_deleted_and_taken(site: Site) -> None:
    """A bucket of the same name that somebody else made in the meantime is not ours."""
    site.look()
    site.remove()
    site.make()
    with pytest.raises(Stalled) as refused:
        site.later()
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert site.mark() == ""


SET = [(name, aspect) for name, place in SITES.items() for aspect in place.repairs]
each_aspect = pytest.mark.parametrize(
    ("site", "aspect"), SET, indirect=["site"], ids=[f"{name}-{aspect}" for name, aspect in SET]
)
"""Each aspect at each site where the operator sets it."""


@pytest.mark.behaviour(Behaviour.DRIFT)
@each_aspect
def test_drift_is_repaired_by_one_write(site: Site, place: Place, aspect: CheckName) -> None:
    """What somebody takes away is put back, and nothing else is written."""
    site.look()
    before = site.configuration()
    site.take_away(aspect)
    assert site.configuration() != before
    found = site.later()
    assert found.calls.writes == [place.repairs[aspect]]
    assert len(found.found.applied) == 1
    assert site.configuration() == before


@pytest.mark.behaviour(Behaviour.DRIFT)
@each_aspect
def test_drift_is_only_told_in_observe(site: Site, aspect: CheckName, alone: Alone) -> None:
    """In Observe the same is planned, and the check of it alone says what is missing."""
    site.look()
    site.take_away(aspect)
    found = site.later(spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert len(found.found.planned) == 1
    alone(found.found.checks, aspect)
