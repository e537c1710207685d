"""What is peculiar to Google Cloud Storage, at its stand-in (testbed.gcs): buckets and objects of a real server, Google's words as documented."""

from dataclasses import replace
from typing import Any

import pytest

from contract.gcs import GCSSite, key, site_at
from contract.results import Alone, Behaviour
from contract.site import ORIGIN, UID, Look, calls_of
from testbed.gcs import GoogleCloud
from testbed.google_accounts import WANDB, Account
from wandb_byob.decide import addresses
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey, ServiceAccountKey
from wandb_byob.model.errors import Stalled
from wandb_byob.providers.base import Tenant

pytestmark = pytest.mark.at("GCS-fake-gcs-server")
MEMBER = f"serviceAccount:{WANDB}"


@pytest.fixture
def google(gcs: GoogleCloud) -> GCSSite:
    """A bucket name of one's own."""
    return site_at(gcs)


def wrong(checks: Any) -> dict[CheckName, CheckResult]:
    """The checks that did not pass."""
    return {check.name: check.result for check in checks if check.result is not CheckResult.PASSED}


def named(checks: tuple[Check, ...], name: CheckName) -> Check:
    """The one check of this name."""
    (found,) = [check for check in checks if check.name is name]
    return found


@pytest.mark.behaviour(Behaviour.CREATE)
def test_what_is_set(google: GCSSite) -> None:
    """All of it by the one request that creates the bucket; then W&B's own account is let in, beside who was."""
    facts = google.look(data=key(google.place.wandb), spec={"gcs": {"location": "EU"}}).found.facts
    made = google.resource()
    assert made["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    assert made["softDeletePolicy"] == {"retentionDurationSeconds": "604800"}
    assert (made["versioning"], made["labels"]) == ({"enabled": True}, {"wandb-byob-uid": UID})
    (rule,) = made["cors"]
    assert (rule["origin"], rule["method"]) == ([ORIGIN], ["GET", "HEAD", "PUT"])
    assert rule["responseHeader"] == ["Content-Md5", "Content-Type", "ETag"]
    owner, ours = google.bindings()
    assert owner["role"] == "roles/storage.legacyBucketOwner"
    assert ours == {"role": "roles/storage.admin", "members": [MEMBER]}
    assert facts is not None
    assert (facts.owner, facts.region, facts.identity) == ("424242", "EU", f"gs://{google.bucket}")


@pytest.mark.behaviour(Behaviour.CREATE)
@pytest.mark.parametrize(
    ("deployment", "account"),
    [
        ("MultiTenantCloud", "wandb-integration@wandb-production.iam.gserviceaccount.com"),
        ("DedicatedCloud", "deploy@wandb-production.iam.gserviceaccount.com"),
        ("SelfManaged", WANDB),
    ],
)
def test_whom_the_bucket_lets_in(google: GCSSite, deployment: Any, account: str) -> None:
    """Without a key file W&B's own account by the type of deployment, or the one that its pods run as."""
    google.place.front.accounts.known.setdefault(account, Account(email=account))
    google.look(data=None, tenant=Tenant(deployment_type=deployment, origins=(ORIGIN,), identity=WANDB))
    assert google.bindings()[-1] == {"role": "roles/storage.admin", "members": [f"serviceAccount:{account}"]}


@pytest.mark.behaviour(Behaviour.REFUSE)
def test_an_account_that_is_not_there(google: GCSSite) -> None:
    """Google takes no binding for it: the field to correct is named, and the bucket is there for the next look."""
    tenant = Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), identity="nobody@other.iam.gserviceaccount.com")
    with pytest.raises(Stalled, match=r"spec\.identity") as refused:
        google.look(data=None, tenant=tenant)
    assert refused.value.reason == "PrincipalUnknown"
    unknown = replace(tenant, identity="arn:aws:iam::111122223333:role/wandb")
    context = google.other().context(data=None, tenant=unknown)
    with pytest.raises(Stalled, match=r"spec\.identity"):
        google.provider.provision(context)
    assert calls_of(context).made == []


@pytest.mark.behaviour(Behaviour.ADOPT)
def test_adopting_is_one_patch_and_one_grant(google: GCSSite) -> None:
    """Google takes one update of a bucket a second; what would take rights from others is left, and told."""
    google.make()
    found = google.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert found.calls.operations == ["GetBucket", "PatchBucket", "GetIamPolicy", "SetIamPolicy"]
    assert "iamConfiguration" not in google.resource()
    assert wrong(found.found.checks) == {
        CheckName.UNIFORM_ACCESS: CheckResult.WARNING,
        CheckName.PUBLIC_ACCESS: CheckResult.WARNING,
    }


def observed(google: GCSSite, **changes: Any) -> Look:
    """A later look at the site's bucket that may change nothing."""
    return google.later(**{"spec": {"management_policy": "Observe"}, **changes})


@pytest.mark.behaviour(Behaviour.CHECKS)
@pytest.mark.parametrize(
    ("aspect", "result", "words"),
    [
        (CheckName.CORS, CheckResult.FAILED, "no rule allows GET"),
        (CheckName.SOFT_DELETE, CheckResult.FAILED, "Bucket does not have soft deletion enabled"),
        (CheckName.VERSIONING, CheckResult.WARNING, "Versioning is off"),
        (CheckName.UNIFORM_ACCESS, CheckResult.WARNING, "access control lists"),
        (CheckName.PUBLIC_ACCESS, CheckResult.WARNING, "public access"),
        (CheckName.POLICY, CheckResult.WARNING, "may have it from the project"),
    ],
)
def test_each_aspect(google: GCSSite, alone: Alone, aspect: CheckName, result: CheckResult, words: str) -> None:
    """What is missing is told by one check alone, in W&B's own words where it has some."""
    google.look()
    google.take_away(aspect)
    check = alone(observed(google).found.checks, aspect)
    assert check.result is result
    assert words in check.message


@pytest.mark.behaviour(Behaviour.CHECKS)
def test_a_bucket_elsewhere(google: GCSSite, alone: Alone) -> None:
    """It cannot be moved: the specification is to be corrected."""
    google.look()
    check = alone(google.later(spec={"gcs": {"location": "EU"}}).found.checks, CheckName.REGION)
    assert "spec.gcs.location to US" in check.remedy


@pytest.mark.behaviour(Behaviour.REFUSE)
def test_a_bucket_that_may_not_be_seen(google: GCSSite) -> None:
    """Whoever provisions and may not see it has somebody else's bucket."""
    google.make()
    blind = google.lacking("storage.buckets.get")
    assert google.provider.exists(google.context(admin=blind)) is True
    with pytest.raises(Stalled, match=r"storage\.buckets\.get is missing") as hidden:
        google.look(admin=blind)
    assert hidden.value.reason == "BucketNotOurs"


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_wandbs_own_check_would_get_a_403(google: GCSSite, alone: Alone) -> None:
    """W&B's key may use the objects but not look at the bucket: nothing is claimed of it, and W&B's own refusal is foretold."""
    google.look()
    found = google.look(admin=None, data=google.lacking("storage.buckets.get"))
    check = alone(found.found.checks, CheckName.POLICY)
    assert "storage.buckets.get: W&B's own check of CORS and versioning gets a 403" in check.message
    assert found.found.facts is not None
    assert found.found.facts.assumed


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_who_may_not_mark_a_bucket_configures_nothing(google: GCSSite) -> None:
    """One request marks it and sets all else, and the permission is named in Google's words; so is the one that creating takes."""
    for permission in ("storage.buckets.create", "storage.buckets.update"):
        with pytest.raises(Stalled, match=rf"Grant {permission} to the service account of spec\.provisioning") as told:
            google.look(admin=google.lacking(permission), intended=True, spec={"adoption_policy": "Adopt"})
        assert told.value.reason == "AccessDenied"
        assert told.value.check is not None
        assert told.value.check.name is CheckName.PROVISIONING_PERMISSION
        if permission == "storage.buckets.create":
            google.make()
    assert google.mark() == ""


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize(
    ("lacks", "away", "unset", "applied"),
    [
        (("storage.buckets.getIamPolicy",), (CheckName.CORS,), {CheckName.POLICY}, ["CORS"]),
        (("storage.buckets.setIamPolicy",), (CheckName.POLICY, CheckName.CORS), {CheckName.POLICY}, ["CORS"]),
        (("storage.buckets.update",), (CheckName.POLICY, CheckName.CORS), {CheckName.CORS}, ["Policy"]),
        (
            ("storage.buckets.update", "storage.buckets.setIamPolicy"),
            (CheckName.POLICY, CheckName.CORS, CheckName.VERSIONING),
            {CheckName.POLICY, CheckName.CORS, CheckName.VERSIONING},
            [],
        ),
    ],
)
def test_a_bucket_of_ours_that_drifts_and_may_not_be_put_right(
    google: GCSSite,
    alone: Alone,
    lacks: tuple[str, ...],
    away: tuple[CheckName, ...],
    unset: set[CheckName],
    applied: list[str],
) -> None:
    """What may be set is set; all that lacks is named at once, with the role that has it, and what is not set says why."""
    google.look()
    for aspect in away:
        google.take_away(aspect)
    found = google.later(admin=google.lacking(*lacks))
    check = alone(found.found.checks, CheckName.PROVISIONING_PERMISSION)
    assert all(permission in check.remedy for permission in lacks)
    assert "roles/storage.admin" in check.remedy
    assert found.results(CheckResult.SKIPPED) == unset
    assert all("see ProvisioningPermission" in found.check(name).message for name in unset)
    assert [change.name for change in found.found.applied] == applied


@pytest.mark.behaviour(Behaviour.DATA_PATH)
def test_probe_leaves_nothing(google: GCSSite) -> None:
    """Every call works with the awkward key, in this order, and the old generations go as well."""
    google.look()
    context = google.context()
    assert not wrong(google.provider.probe(context))
    assert calls_of(context).operations == [
        "PutObject", "PutObject", "GetObject", "HeadObject", "ListObjects", "DeleteObject", "ListObjects", "DeleteObject",
        "DeleteObject", "Preflight", "Preflight", "Preflight",
    ]  # fmt: skip
    assert google.contents() == []


@pytest.mark.behaviour(Behaviour.CHECKS)
def test_overwriting_needs_the_delete_permission(google: GCSSite) -> None:
    """A key that may create but not delete fails just there, and what stays is told."""
    google.look()
    checks = google.probe(data=google.lacking("storage.objects.delete"), admin=None)
    assert {check.name for check in checks if check.result is CheckResult.FAILED} == {
        CheckName.OVERWRITE_OBJECT,
        CheckName.DELETE_OBJECT,
    }
    overwrite = named(checks, CheckName.OVERWRITE_OBJECT)
    assert "storage.objects.delete" in overwrite.remedy
    left = named(checks, CheckName.CLEAN_UP)
    assert left.result is CheckResult.WARNING
    assert "storage.objects.delete" in left.remedy
    assert all(repr(name)[1:-1] in left.message for name, _ in google.contents())
    assert len(google.contents()) == 2
    google.probe(data=google.lacking("storage.objects.delete"))
    assert len(google.contents()) == 2, "whoever provisions cleans up"


@pytest.mark.behaviour(Behaviour.CHECKS)
def test_wandbs_own_sample_of_cors_is_not_enough(google: GCSSite) -> None:
    """Its exposeHeaders is no field of Google's: the ETag cannot be read and PUT not be sent, and the check says which field it is."""
    google.look()
    sample = {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "exposeHeaders": ["ETag"], "maxAgeSeconds": 3000}
    google.buckets.update(google.bucket, cors=[sample])
    assert wrong(google.probe()) == {
        CheckName.PREFLIGHT: CheckResult.FAILED,
        CheckName.ETAG_EXPOSED: CheckResult.FAILED,
    }
    check = observed(google).check(CheckName.CORS)
    assert check.result is CheckResult.FAILED
    assert "lacks etag in responseHeader" in check.message
    assert "exposeHeaders, which Google Cloud Storage does not know and drops" in check.remedy


@pytest.mark.behaviour(Behaviour.KEYS)
def test_wrong_keys(google: GCSSite, alone: Alone) -> None:
    """A key that Google does not know, and files that are no key, are refused without a word of what they hold."""
    google.look()
    stranger = Account(email=WANDB)
    other = stranger.key_file()
    alone(google.probe(data=key(stranger)), CheckName.CREDENTIALS)
    with pytest.raises(Stalled, match="does not accept the key"):
        google.look(admin=ServiceAccountKey(other))
    for broken in ("hidden", '{"type": "hidden"}', other.replace("MII", "hid")):
        with pytest.raises(Stalled) as refused:
            google.look(admin=ServiceAccountKey(broken))
        assert refused.value.reason == "SecretInvalid"
        assert "hid" not in str(refused.value)


def test_address(google: GCSSite) -> None:
    """The service account and its key, percent-encoded; where the key file is not read, what stands for it; without one the bare bucket."""
    spec = google.spec()
    address = addresses.parse(google.provider.address(spec, key(google.place.wandb)))
    assert address is not None
    assert (address.user, address.bucket) == (WANDB, google.bucket)
    assert address.password.startswith("-----BEGIN PRIVATE KEY-----\n")
    shown = google.provider.address(spec, AccessKey(access_key_id="x", secret_access_key="x"))
    assert addresses.redact(shown) == f"gs://***:***@{google.bucket}"
    assert google.provider.address(spec, None) == f"gs://{google.bucket}"
