"""A bucket that is not there is created and configured, and then left alone."""

import json
from typing import Any

import pytest

from contract.provisioning import OWNER_TAG, ROLE, S3Site
from contract.results import Alone, Behaviour
from contract.site import ORIGIN, UID, KilledError, Need, Place, Site, calls_of, killed_before
from contract.sites import CREATE_BUDGET, LOOK_BUDGET, at
from testbed.stores import Store
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

pytestmark = pytest.mark.behaviour(Behaviour.CREATE)
at_moto = pytest.mark.at("S3-moto")


def test_create(site: Site, place: Place) -> None:
    """A bucket that is not there is created and configured within the budget, in this order, and nothing fails."""
    context = site.context()
    assert site.provider.exists(context) is False
    found = site.provider.provision(context)
    calls = calls_of(context).operations
    assert calls == [*place.created]
    assert len(calls) <= CREATE_BUDGET
    assert {check.result for check in found.checks} <= {CheckResult.PASSED, CheckResult.SKIPPED}
    assert {check.name for check in found.checks if check.result is CheckResult.SKIPPED} == place.skipped
    assert found.facts is not None
    assert (found.facts.created, found.facts.adopted) == (True, False)
    assert site.mark() == UID
    assert site.provider.exists(context) is True


S3_FAMILY = ["S3-moto", "S3Compatible-moto", "S3Compatible-versitygw", "S3Compatible-minio", "CoreWeave-versitygw"]


@pytest.mark.parametrize("site", S3_FAMILY, indirect=True)
def test_what_is_set_by_the_s3_api(site: S3Site) -> None:
    """Another client sees what the operator set: owner, CORS for the host only, versioning; on AWS also policy, encryption and no public access."""
    facts = site.look().found.facts
    assert facts is not None
    assert facts.region == site.store.region
    found = site.configuration()
    assert site.tags() == {OWNER_TAG: UID}
    assert found["Status"] == "Enabled"
    if site.store.name != "minio":
        (rule,) = found["CORSRules"]
        assert rule["AllowedOrigins"] == [ORIGIN]
        assert sorted(rule["AllowedMethods"]) == ["GET", "HEAD", "PUT"]
        assert rule["ExposeHeaders"] == ["ETag"]
    if site.kind == "S3":
        (statement,) = found["Policy"]["Statement"]
        assert statement["Principal"] == {"AWS": ROLE}
        assert found["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "AES256"
        }
        assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
        ownership = site.client("get_bucket_ownership_controls")["OwnershipControls"]["Rules"]
        assert ownership == [{"ObjectOwnership": "BucketOwnerPreferred"}]


@pytest.mark.at("S3Compatible-versitygw")
def test_what_a_store_lacks(versitygw: Store) -> None:
    """What a store does not offer is skipped in its own word."""
    found = S3Site(kind="S3Compatible", store=versitygw).look()
    assert "NotImplemented" in found.check(CheckName.ENCRYPTION).message
    assert "NotImplemented" in found.check(CheckName.PUBLIC_ACCESS).message


@pytest.mark.behaviour(Behaviour.CREATE_AGAIN)
def test_second_look(site: Site, place: Place) -> None:
    """A second look reads within the budget, writes nothing, and says word for word what the first one said."""
    first = site.look()
    before = site.configuration()
    second = site.later()
    assert second.calls.operations == [*place.looked]
    assert len(second.calls.operations) <= LOOK_BUDGET
    assert second.found.applied == ()
    assert (second.found.checks, second.found.facts) == (first.found.checks, first.found.facts)
    assert site.configuration() == before


@pytest.mark.behaviour(Behaviour.CREATE_AGAIN)
def test_after_a_restart(site: Site) -> None:
    """An operator that has forgotten everything writes nothing either."""
    first = site.look()
    again = site.restarted().later()
    assert again.calls.writes == []
    assert again.found.checks == first.found.checks


@pytest.mark.behaviour(Behaviour.CREATE_AGAIN)
def test_never_lists_buckets(site: Site) -> None:
    """The account's buckets are never listed: that costs more with each bucket, and needs a permission over all of them."""
    operations = [*site.look().calls.operations, *site.later().calls.operations]
    assert not {"ListBuckets", "ListContainers"} & set(operations)


@pytest.mark.behaviour(Behaviour.INTERRUPTED)
def test_killed_at_each_write(site: Site) -> None:
    """Killed before any of its writes and started anew, the operator comes to the same end as without."""
    clean = site.other()
    expected = clean.look()
    for number in range(len(expected.calls.writes)):
        victim = site.other()
        with pytest.raises(KilledError):
            victim.look(fence=killed_before(number))
        restarted = victim.restarted()
        again = restarted.look()
        assert again.found.facts is not None
        assert again.found.facts.created is True, number
        assert _comparable(restarted) == _comparable(clean), number
        assert {check.name: check.result for check in again.found.checks} == {
            check.name: check.result for check in expected.found.checks
        }
        assert restarted.later().calls.writes == []


def _comparable(site: Site) -> Any:
    """The configuration with the bucket's own name taken out."""
    return json.loads(json.dumps(site.configuration()).replace(site.bucket, "BUCKET"))


@at_moto
def test_kms(moto: Store) -> None:
    """A KMS key is set as the bucket's default encryption, and a second look is content with it."""
    site = S3Site(kind="S3", store=moto)
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    spec = {"s3": {"kms_key_arn": key}}
    found = site.look(spec=spec)
    (rule,) = site.configuration()["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert found.check(CheckName.ENCRYPTION).result is CheckResult.PASSED
    assert site.later(spec=spec).calls.writes == []


@at_moto
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_region_of_a_new_bucket(moto: Store, region: str) -> None:
    """A bucket is created in the region asked for; us-east-1 is the one that must not be named."""
    site = S3Site(kind="S3", store=moto)
    found = site.look(spec={"s3": {"region": region}})
    assert found.found.facts is not None
    assert found.found.facts.region == region
    assert site.client("get_bucket_location")["LocationConstraint"] == (None if region == "us-east-1" else region)


@at_moto
@pytest.mark.parametrize(
    ("deployment", "principal"),
    [
        ("MultiTenantCloud", "arn:aws:iam::725579432336:role/WandbIntegration"),
        ("DedicatedCloud", "arn:aws:iam::830241207209:root"),
    ],
)
def test_wandbs_own_principal(moto: Store, deployment: str, principal: str) -> None:
    """On W&B's clouds the policy admits W&B's account, whatever identity is given."""
    site = S3Site(kind="S3", store=moto)
    tenant = type(site.context().tenant)(deployment_type=deployment, origins=(ORIGIN,), identity=None)  # type: ignore[arg-type]
    site.look(tenant=tenant, data=None)
    (statement,) = site.configuration()["Policy"]["Statement"]
    assert statement["Principal"] == {"AWS": principal}


@at_moto
def test_unknown_identity(moto: Store) -> None:
    """Where W&B's pods sign with a role that is not known, nothing is written before it is; with keys no policy is needed."""
    site = S3Site(kind="S3", store=moto)
    tenant = type(site.context().tenant)(deployment_type="SelfManaged", origins=(ORIGIN,), identity=None)
    ambient = {"credentials": type(site.context().spec.credentials)(source="Ambient")}
    context = site.context(tenant=tenant, data=None, spec=ambient)
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.PRINCIPAL_UNKNOWN
    assert calls_of(context).writes == []
    found = site.look(tenant=tenant)
    assert found.check(CheckName.POLICY).result is CheckResult.SKIPPED
    assert "PutBucketPolicy" not in found.calls.operations


@pytest.mark.behaviour(Behaviour.CHECKS)
@at(Need.LIFECYCLE)
def test_lifecycle(site: Site, alone: Alone) -> None:
    """A rule that expires objects where W&B keeps them is a warning with its name."""
    site.look()
    told = site.expire("teams/", name="tidy")
    check = alone(site.later().found.checks, CheckName.LIFECYCLE)
    assert check.result is CheckResult.WARNING
    assert told in check.message
