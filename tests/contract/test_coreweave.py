"""What only CoreWeave has: one user of W&B's for all its customers, TLS 1.3, zones, reserved names, keys that expire."""

import json
import ssl
from typing import Any

import pytest

from contract.coreweave import ORG, PRINCIPAL, CoreWeaveSite, site_at
from contract.results import Behaviour
from contract.sites import at
from testbed.coreweave import start_coreweave
from testbed.faults import Fault
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Tenant

pytestmark = pytest.mark.behaviour(Behaviour.CHECKS)
coreweave_alone = at(only="CoreWeave", because="peculiar to CoreWeave")
DOUBLED = f"arn:aws:iam::wandb:static/{PRINCIPAL}"
ADOPT = {"adoption_policy": "Adopt"}


def block(site: CoreWeaveSite, **fields: Any) -> dict[str, Any]:
    """The specification with another block."""
    return {"core_weave": api.CoreWeaveSpec(bucket=site.bucket, **fields)}


def statements(site: CoreWeaveSite) -> list[dict[str, Any]]:
    """The policy that the bucket has."""
    found: list[dict[str, Any]] = json.loads(site.client("get_bucket_policy")["Policy"])["Statement"]
    return found


def statement(site: CoreWeaveSite, *, principal: str = PRINCIPAL, organization: str = ORG) -> dict[str, Any]:
    """A statement as on W&B's page."""
    arn = f"arn:aws:s3:::{site.bucket}"
    return {
        "Sid": "AllowWandbUser",
        "Effect": "Allow",
        "Principal": {"CW": principal},
        "Action": ["s3:*"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"StringLike": {"wandb:OrgID": [organization]}},
    }


def with_policy(site: CoreWeaveSite, *listed: dict[str, Any]) -> None:
    """A bucket that was there before, with this policy."""
    site.make()
    document = {"Version": "2012-10-17", "Statement": list(listed)}
    site.client("put_bucket_policy", Policy=json.dumps(document))


@coreweave_alone
@pytest.mark.parametrize(
    ("deployment", "user"),
    [
        ("SelfManaged", "wandb-integration"),
        ("DedicatedCloud", "wandb-integration"),
        ("MultiTenantCloud", "wandb-integration-public"),
    ],
)
def test_whom_the_policy_lets_in(site: CoreWeaveSite, deployment: Any, user: str) -> None:
    """W&B's own CoreWeave user, another one on Multi-tenant Cloud, for one organization only; no AWS principal."""
    site.look(tenant=Tenant(deployment_type=deployment, origins=("https://wandb.example.com",), org_id=ORG))
    (only,) = statements(site)
    assert only["Principal"] == {"CW": f"arn:aws:iam::wandb:static/{user}"}
    assert only["Condition"] == {"StringLike": {"wandb:OrgID": [ORG]}}
    assert (only["Sid"], only["Effect"]) == ("AllowWandbUser", "Allow")


@coreweave_alone
def test_a_doubled_principal_is_found_and_repaired(site: CoreWeaveSite) -> None:
    """W&B's page, copied to the letter, lets nobody in: the check says so, and Manage puts the statement right in place."""
    other = {**statement(site), "Sid": "Mine", "Principal": {"CW": "arn:aws:iam::acme:user"}}
    with_policy(site, other, statement(site, principal=DOUBLED))
    seen = site.look(spec={"management_policy": "Observe"})
    assert (seen.check(CheckName.POLICY).result, DOUBLED in seen.check(CheckName.POLICY).message) == (
        CheckResult.FAILED,
        True,
    )
    assert "Policy" in {change.name for change in seen.found.planned}
    assert site.later(spec=ADOPT, intended=False).check(CheckName.POLICY).result is CheckResult.PASSED
    assert statements(site) == [other, statement(site)]
    assert "PutBucketPolicy" not in site.later().calls.operations


@coreweave_alone
@pytest.mark.parametrize(
    ("organization", "result"), [("globex", CheckResult.FAILED), ("*", CheckResult.WARNING), (ORG, CheckResult.PASSED)]
)
def test_the_organization_counts(site: CoreWeaveSite, organization: str, result: CheckResult) -> None:
    """All customers share W&B's user: a statement for another organization is none, one for all of them is too much."""
    with_policy(site, statement(site, organization=organization))
    check = site.look(spec={"management_policy": "Observe"}).check(CheckName.POLICY)
    assert (check.result, bool(check.remedy)) == (result, result is not CheckResult.PASSED)


@coreweave_alone
def test_direct_access_for_ones_own_organization(site: CoreWeaveSite) -> None:
    """Only where it is asked for: a second statement, beside W&B's."""
    access = api.DirectAccess(organization_id="cw-acme")
    site.look(spec=block(site, availability_zone="US-EAST-04A", direct_access=access))
    wandb, own = statements(site)
    assert wandb["Principal"] == {"CW": PRINCIPAL}
    assert (own["Sid"], own["Principal"], own["Action"]) == (
        "AllowUsersInOrg",
        {"CW": "arn:aws:iam::cw-acme:*"},
        ["s3:*"],
    )
    assert "Condition" not in own


@coreweave_alone
def test_without_an_organization_no_bucket_without_keys(site: CoreWeaveSite) -> None:
    """The policy would let nobody in: refused before a bucket is made, and the field is named."""
    tenant = Tenant(deployment_type="SelfManaged", origins=("https://wandb.example.com",))
    with pytest.raises(Stalled, match="wandbOrgID") as refused:
        site.look(tenant=tenant, data=None, spec={"credentials": api.Credentials(source="Ambient")})
    assert refused.value.reason is Reason.PRINCIPAL_UNKNOWN
    assert site.bucket not in {each["Name"] for each in site.raw().list_buckets()["Buckets"]}


@coreweave_alone
def test_a_new_bucket_needs_a_zone(site: CoreWeaveSite) -> None:
    """It is not put anywhere by chance. For a bucket that is there, CoreWeave tells its zone, and where that is written."""
    with pytest.raises(Stalled, match=r"spec\.coreWeave\.availabilityZone") as refused:
        site.provider.exists(site.context(spec=block(site)))
    assert refused.value.reason is Reason.INVALID_SPEC
    site.make()
    with pytest.raises(Stalled, match=r"lies in US-EAST-04A.* Set spec\.coreWeave\.availabilityZone"):
        site.provider.exists(site.context(spec=block(site)))


@coreweave_alone
@pytest.mark.parametrize(
    "name", ["cw-data", "vip-data", "log-stitcher-ch-data", "int", "xn--data", "my_data", "my.data"]
)
def test_names_that_coreweave_does_not_give(site: CoreWeaveSite, name: str) -> None:
    """Said before any call, with the field."""
    context = site.context(spec={"core_weave": api.CoreWeaveSpec(bucket=name, availability_zone="US-EAST-04A")})
    (check,) = [each for each in site.provider.validate(context) if each.name is CheckName.BUCKET_NAME]
    assert (check.result, "spec.coreWeave.bucket" in check.remedy) == (CheckResult.FAILED, True)


@coreweave_alone
def test_the_version_of_tls_is_the_one_negotiated(site: CoreWeaveSite) -> None:
    """Read off the connection, not assumed."""
    check = site.look().check(CheckName.TLS)
    assert (check.result, "TLS 1.3 was negotiated" in check.message) == (CheckResult.PASSED, True)


def test_a_proxy_with_an_older_tls(tmp_path: Any) -> None:
    """A handshake below TLS 1.3 fails, and so no request is made."""
    old = ssl.TLSVersion.TLSv1_2
    place = start_coreweave(tmp_path, oldest=old, newest=old)
    try:
        site = site_at(place)
        with pytest.raises(DomainError, match=r"no TLS 1\.3, which CoreWeave requires") as refused:
            site.look()
        assert refused.value.reason is Reason.UNREACHABLE
        assert place.front.requests() == []
    finally:
        place.stop()


@coreweave_alone
@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("InvalidAccessKeyId", 403, "it has expired, was revoked, or is mistyped"),
        ("ExpiredToken", 400, "has expired"),
        ("PathStyleRequestNotAllowed", 400, "buckets are subdomains"),
    ],
)
def test_coreweaves_own_words(site: CoreWeaveSite, code: str, status: int, says: str) -> None:
    """What the codes of S3 mean there, with what to do."""
    site.look()
    body = f"<Error><Code>{code}</Code></Error>".encode()
    with site.behind() as (broken, proxy):
        proxy.add(Fault(status=status, body=body))
        with pytest.raises(Stalled) as refused:
            broken.later()
    assert says in refused.value.message


@coreweave_alone
def test_an_account_that_may_make_no_bucket(site: CoreWeaveSite) -> None:
    """What is to be looked at is CoreWeave's own: the organization's AI Object Storage, and its access policies."""
    with site.behind() as (broken, proxy):
        proxy.add(Fault(method="PUT", status=403, body=b"<Error><Code>AccessDenied</Code></Error>"))
        with pytest.raises(Stalled, match="AI Object Storage is enabled") as refused:
            broken.look()
    assert "s3:CreateBucket" in refused.value.message


@coreweave_alone
def test_no_identity_of_a_pod_is_coreweaves(site: CoreWeaveSite) -> None:
    """provisioning.source Operator is refused with the field to fill in."""
    checks = site.provider.validate(site.context(admin=Ambient()))
    (failed,) = [check for check in checks if check.result is CheckResult.FAILED]
    assert (failed.name, "spec.provisioning.secretRef" in failed.remedy) == (CheckName.CREDENTIALS, True)


@coreweave_alone
def test_the_way_of_the_operator_is_not_w_and_bs(site: CoreWeaveSite) -> None:
    """Where the administrator names another endpoint, nothing is claimed about W&B's; the address is the public one."""
    (check,) = [each for each in site.provider.validate(site.context()) if each.name is CheckName.TRUST]
    assert (check.result, "https://cwobject.com" in check.remedy) == (CheckResult.WARNING, True)
    assert "@cwobject.com/" in site.provider.address(site.spec(), site.credentials)
