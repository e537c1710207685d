"""A bucket that was there before: adopted with all that is in it, or refused."""

import pytest

from contract.provisioning import S3Site
from contract.results import Alone, Behaviour
from contract.site import OTHER_UID, UID, Need, Site, calls_of
from contract.sites import at
from testbed.stores import Store
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

pytestmark = pytest.mark.behaviour(Behaviour.ADOPT)
refuses = pytest.mark.behaviour(Behaviour.REFUSE)


@refuses
def test_refuses_a_bucket_that_was_there(site: Site) -> None:
    """A bucket that existed before is not touched without adoptionPolicy: Adopt, which the message names."""
    site.make()
    before = site.configuration()
    context = site.context(intended=False)
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert "adoptionPolicy: Adopt" in refused.value.message
    assert calls_of(context).writes == []
    assert site.configuration() == before


@refuses
def test_refuses_a_bucket_in_use(site: Site) -> None:
    """Although we meant to create it: somebody was faster and has put something into it."""
    site.make()
    site.put("theirs")
    with pytest.raises(Stalled) as refused:
        site.look()
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert site.mark() == ""


@refuses
def test_refuses_another_bucketstores_bucket(site: Site) -> None:
    """A bucket that carries another BucketStore's mark is nobody else's, adoption or not."""
    site.look(uid=OTHER_UID)
    context = site.context(spec={"adoption_policy": "Adopt"})
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_CONFLICT
    assert calls_of(context).writes == []


def test_adopt(site: Site) -> None:
    """Adopting adds what is missing and keeps labels, CORS rules and grants of others as they are; a second look writes nothing."""
    site.make()
    site.dress()
    theirs = site.theirs()
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert found.found.facts is not None
    assert (found.found.facts.created, found.found.facts.adopted) == (False, True)
    assert found.results(CheckResult.FAILED) == set()
    assert site.mark() == f"adopted:{UID}"
    assert site.theirs() == theirs
    second = site.later(recorded="Adopted")
    assert second.calls.writes == []
    assert second.found.checks == found.found.checks


@at(Need.CORS)
def test_adopt_leaves_what_is_enough(site: Site) -> None:
    """Rules that let browsers at every address in are enough: nothing is added to them."""
    site.make()
    site.let_everybody_in()
    before = site.configuration()
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert "CORS" not in {change.name for change in found.found.applied}
    (name,) = {"CORSRules", "cors"} & before.keys()
    assert site.configuration()[name] == before[name]


@pytest.mark.at("S3-moto")
def test_adopt_warns_of_public_access_and_leaves_it(moto: Store, alone: Alone) -> None:
    """Whoever opened a bucket had a reason: an adopted one is not closed, but the check says that it is open."""
    site = S3Site(kind="S3", store=moto)
    opened = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    site.client("create_bucket")
    site.client("put_public_access_block", PublicAccessBlockConfiguration=opened)
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert alone(found.found.checks, CheckName.PUBLIC_ACCESS).result is CheckResult.WARNING
    assert site.configuration()["PublicAccessBlockConfiguration"] == opened
