"""What is seen without changing anything, and what is changed when somebody else has."""

from typing import Any

import pytest

from contract.provisioning import (
    Site,
    calls_of,
)
from contract.sites import CREATED, SITES
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def test_observe(site: Site) -> None:
    """In Observe nothing is written, what Manage would do is listed, and what is missing fails."""
    site.client("create_bucket")
    before = site.configuration()
    found = site.look(intended=False, spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert site.configuration() == before
    planned = {change.name for change in found.found.planned}
    assert {"Owner", "Versioning"} <= planned
    assert ("CORS" in planned) is (site.store.name != "minio")
    assert found.found.applied == ()
    assert found.check(CheckName.VERSIONING).result is CheckResult.WARNING
    if site.store.name != "minio":
        assert found.check(CheckName.CORS).result is CheckResult.FAILED
        assert "managementPolicy: Manage" in found.check(CheckName.CORS).remedy


def test_observe_a_bucket_that_is_not_there(site: Site) -> None:
    """In Observe a missing bucket is a failed check, and the plan begins with its creation."""
    found = site.look(spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert found.found.facts is None
    assert found.check(CheckName.BUCKET_EXISTS).result is CheckResult.FAILED
    assert [change.name for change in found.found.planned][:2] == ["BucketExists", "Owner"]


def test_without_provisioning(site: Site) -> None:
    """Without provisioning credentials nothing is written; the metadata is read as W&B would see it."""
    site.client("create_bucket")
    before = site.configuration()
    found = site.look(intended=False, admin=None)
    assert found.calls.writes == []
    assert (found.found.planned, found.found.applied) == ((), ())
    assert site.configuration() == before
    if site.store.name != "minio":
        assert "spec.provisioning" in found.check(CheckName.CORS).remedy


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
    site.client("delete_bucket")
    context = site.context(intended=False, recorded="Created")
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_FOUND
    assert calls_of(context).writes == []


def test_deleted_and_taken(site: Site) -> None:
    """A bucket of the same name that somebody else made in the meantime is not ours."""
    site.look()
    site.client("delete_bucket")
    site.client("create_bucket")
    if site.store.name == "moto":
        site.client("delete_bucket_tagging")  # moto gives a new bucket the tags of the old one
    with pytest.raises(Stalled) as refused:
        site.later()
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert site.tags() == {}


DRIFT: dict[str, tuple[str, dict[str, Any], str]] = {
    "cors": ("delete_bucket_cors", {}, "PutBucketCors"),
    "policy": ("delete_bucket_policy", {}, "PutBucketPolicy"),
    "versioning": (
        "put_bucket_versioning",
        {"VersioningConfiguration": {"Status": "Suspended"}},
        "PutBucketVersioning",
    ),
    "encryption": ("delete_bucket_encryption", {}, "PutBucketEncryption"),
    "public access": ("delete_public_access_block", {}, "PutPublicAccessBlock"),
}


SET = [
    (site, aspect) for site in SITES for aspect, (_, _, repair) in DRIFT.items() if repair in CREATED["-".join(site)]
]
each_aspect = pytest.mark.parametrize(
    ("site", "aspect"), SET, indirect=["site"], ids=[f"{kind}-{store}-{aspect}" for (kind, store), aspect in SET]
)
"""Each aspect at each site where the operator sets it."""


@each_aspect
def test_drift_is_repaired_by_one_write(site: Site, aspect: str) -> None:
    """What somebody takes away is put back, and nothing else is written."""
    call, arguments, repair = DRIFT[aspect]
    site.look()
    before = site.configuration()
    site.client(call, **arguments)
    assert site.configuration() != before
    found = site.later()
    assert found.calls.writes == [repair]
    assert len(found.found.applied) == 1
    assert site.configuration() == before


@each_aspect
def test_drift_is_only_told_in_observe(site: Site, aspect: str) -> None:
    """In Observe the same is planned, and a check says what is missing."""
    call, arguments, _ = DRIFT[aspect]
    site.look()
    site.client(call, **arguments)
    found = site.later(spec={"management_policy": "Observe"})
    assert found.calls.writes == []
    assert len(found.found.planned) == 1
    assert len(found.results(CheckResult.FAILED, CheckResult.WARNING)) == 1
