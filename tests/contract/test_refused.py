"""What a store refuses: other accounts, missing permissions, wrong keys and regions."""

import json
from dataclasses import replace

import pytest

from contract.provisioning import ROLE, S3Site, access_key, error
from contract.results import Alone, Behaviour
from contract.site import Need, Place, Site, calls_of
from contract.sites import at
from testbed.proxy import Fault
from testbed.stores import VersityGW
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

pytestmark = pytest.mark.behaviour(Behaviour.REFUSE)


def test_another_accounts_bucket(versitygw: VersityGW) -> None:
    """A bucket that belongs to another account than accountID says is not written to, and the message says so."""
    site = S3Site(kind="S3", store=versitygw)
    site.client("create_bucket")
    context = site.context(intended=False, spec={"s3": {"account_id": "111122223333"}, "adoption_policy": "Adopt"})
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_OURS
    assert "spec.s3.accountID" in refused.value.message
    assert calls_of(context).writes == []


def test_somebody_elses_bucket(versitygw: VersityGW) -> None:
    """A bucket that the provisioning keys may not even see is somebody else's."""
    site = S3Site(kind="S3Compatible", store=versitygw)
    site.client("create_bucket")
    stranger = access_key(versitygw.create_user(f"stranger-{site.bucket}"))
    context = site.context(data=stranger, admin=stranger, spec={"adoption_policy": "Adopt"})
    assert site.provider.exists(context) is True
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_OURS
    assert "s3:ListBucket" in refused.value.message


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_a_bucket_made_by_hand_whose_keys_may_do_little(versitygw: VersityGW) -> None:
    """With W&B's keys alone, what they may not see is a warning or skipped, with the permission's name, and holds nothing back."""
    site = S3Site(kind="S3Compatible", store=versitygw)
    site.client("create_bucket")
    user = versitygw.create_user(f"wandb-{site.bucket}")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [user.access_key]},
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{site.bucket}/*"],
    }
    site.client("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    found = site.look(intended=False, admin=None, data=access_key(user))
    assert found.results(CheckResult.FAILED) == set()
    assert found.check(CheckName.BUCKET_EXISTS).result is CheckResult.WARNING
    assert "s3:ListBucket" in found.check(CheckName.BUCKET_EXISTS).message
    assert found.found.facts is not None
    assert found.found.facts.assumed, "keys of anybody would have been refused alike"
    assert found.check(CheckName.CORS).result is CheckResult.WARNING
    assert "s3:GetBucketCORS" in found.check(CheckName.CORS).message
    assert found.check(CheckName.OWNER).result is CheckResult.SKIPPED


@pytest.mark.behaviour(Behaviour.CHECKS)
def test_an_unknown_role(versitygw: VersityGW) -> None:
    """A policy whose principal the store does not accept is a failed check that names the field to correct."""
    found = S3Site(kind="S3", store=versitygw).look()
    check = found.check(CheckName.POLICY)
    assert check.result is CheckResult.FAILED
    assert ROLE in check.message
    assert "spec.identity" in check.remedy


@pytest.mark.behaviour(Behaviour.KEYS)
@pytest.mark.parametrize("store", ["versitygw", "minio"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [("access_key_id", "does not know the access key"), ("secret_access_key", "does not belong to the access key")],
)
def test_wrong_keys(request: pytest.FixtureRequest, store: str, wrong: str, said: str) -> None:
    """Wrong keys are told apart, by the field that holds them, and are not shown."""
    site = S3Site(kind="S3Compatible", store=request.getfixturevalue(store))
    right = {"access_key_id": site.credentials.access_key_id, "secret_access_key": site.credentials.secret_access_key}
    keys = type(site.credentials)(**{**right, wrong: "canary0123456789"})
    with pytest.raises(Stalled) as refused:
        site.provider.exists(site.context(data=keys, admin=keys))
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert said in refused.value.message
    assert "spec.provisioning.secretRef" in refused.value.message
    assert not [value for value in keys.secrets() if value in refused.value.message]


@pytest.mark.behaviour(Behaviour.REGION)
@pytest.mark.parametrize("store", ["versitygw", "minio"])
def test_wrong_region(request: pytest.FixtureRequest, store: str) -> None:
    """A region that the store is not in is told as such, with the one that it is in where the store says that."""
    site = S3Site(kind="S3Compatible", store=request.getfixturevalue(store))
    site.client("create_bucket")
    with pytest.raises(Stalled) as refused:
        site.look(spec={"s3_compatible": {"region": "eu-west-9"}})
    assert refused.value.reason is Reason.INVALID_SPEC
    assert "eu-west-9" in refused.value.message


NEEDED = (
    "s3:ListBucket",
    "s3:GetBucketTagging",
    "s3:PutBucketTagging",
    "s3:GetBucketCORS",
    "s3:PutBucketCORS",
    "s3:GetBucketVersioning",
    "s3:PutBucketVersioning",
)


def adopter(versitygw: VersityGW, *, without: str) -> tuple[S3Site, AccessKey]:
    """A bucket with a user who may configure it, but for one action."""
    site = S3Site(kind="S3Compatible", store=versitygw)
    site.client("create_bucket")
    user = versitygw.create_user(f"admin-{site.bucket}")
    actions = [action for action in NEEDED if action != without]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [user.access_key]},
        "Action": actions,
        "Resource": [f"arn:aws:s3:::{site.bucket}"],
    }
    site.client("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return site, access_key(user)


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize("without", ["s3:GetBucketTagging", "s3:PutBucketTagging"])
def test_without_the_mark_of_ownership_nothing_is_configured(versitygw: VersityGW, without: str) -> None:
    """Where tags may not be read or written, nothing else is written either, and the permission is named."""
    site, admin = adopter(versitygw, without=without)
    before = site.configuration()
    with pytest.raises(Stalled) as refused:
        site.look(admin=admin, intended=False, spec={"adoption_policy": "Adopt"})
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert f"Grant {without}" in refused.value.message
    assert site.configuration() == before


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize(
    ("without", "name", "result", "other"),
    [
        ("s3:PutBucketCORS", CheckName.PROVISIONING_PERMISSION, CheckResult.FAILED, "Versioning"),
        ("s3:GetBucketCORS", CheckName.CORS, CheckResult.WARNING, "Versioning"),
        ("s3:PutBucketVersioning", CheckName.PROVISIONING_PERMISSION, CheckResult.FAILED, "CORS"),
        ("s3:GetBucketVersioning", CheckName.VERSIONING, CheckResult.WARNING, "CORS"),
    ],
)
def test_a_missing_permission_fails_one_check_and_stops_nothing_else(
    versitygw: VersityGW, without: str, name: CheckName, result: CheckResult, other: str
) -> None:
    """What may be set is set; the check of what may not names the permission."""
    site, admin = adopter(versitygw, without=without)
    found = site.look(admin=admin, intended=False, spec={"adoption_policy": "Adopt"})
    assert found.results(CheckResult.FAILED, CheckResult.WARNING) == {name}
    check = found.check(name)
    assert check.result is result
    assert without in check.remedy
    assert other in {change.name for change in found.found.applied}


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_a_permission_that_whoever_provisions_lacks(site: Site, place: Place, alone: Alone) -> None:
    """One check fails, and names it; what it would set is skipped with a hint at that, the rest is configured, and with it all is."""
    wire = place.wire
    refusal = replace(wire.denied, method=wire.configure.method, target=wire.configure.target)
    with site.behind() as (behind, proxy), proxy.fault(refusal):
        found = behind.look()
    check = alone(found.found.checks, CheckName.PROVISIONING_PERMISSION)
    assert wire.to_configure in check.message
    assert f"Grant {wire.to_configure} to the " in check.remedy
    assert found.found.facts is not None
    assert found.found.facts.created is True
    skipped = [each for each in found.found.checks if each.result is CheckResult.SKIPPED]
    assert any(f"since {wire.to_configure} was refused" in each.message for each in skipped)
    assert not any("canary" in f"{each}" for each in found.found.checks)
    assert site.later().results(CheckResult.FAILED) == set()


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@at(Need.CORS, Need.VERSIONING, only="S3Compatible-versitygw", because="one server with the S3 API stands for all")
def test_permissions_that_the_provisioning_keys_lack(site: Site, alone: Alone) -> None:
    """Where each setting is a request of its own, the one check names each of them."""
    with site.behind() as (behind, proxy):
        proxy.add(Fault(method="PUT", target=r"[?&](cors|versioning)", status=403, body=error("AccessDenied")))
        found = behind.look()
    check = alone(found.found.checks, CheckName.PROVISIONING_PERMISSION)
    for action in ("s3:PutBucketCORS", "s3:PutBucketVersioning"):
        assert action in check.message
        assert action in check.remedy


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_the_permission_to_create(site: Site, place: Place) -> None:
    """Without it nothing is begun, and the same check says so."""
    wire = place.wire
    refusal = replace(wire.denied, method=wire.create.method, target=wire.create.target)
    with site.behind() as (behind, proxy), proxy.fault(refusal), pytest.raises(Stalled) as refused:
        behind.look()
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert refused.value.check is not None
    assert refused.value.check.name is CheckName.PROVISIONING_PERMISSION
    assert wire.to_create in refused.value.check.remedy
    assert "canary" not in refused.value.message


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_the_permission_to_mark(versitygw: VersityGW) -> None:
    """A bucket that cannot be marked as ours is not configured: refused as a whole, by the same check."""
    with S3Site(kind="S3Compatible", store=versitygw).behind() as (site, proxy):
        proxy.add(Fault(method="PUT", target=r"[?&]tagging", status=403, body=error("AccessDenied")))
        with pytest.raises(Stalled) as refused:
            site.look()
    assert refused.value.check is not None
    assert refused.value.check.name is CheckName.PROVISIONING_PERMISSION
    assert "s3:PutBucketTagging" in refused.value.check.remedy
