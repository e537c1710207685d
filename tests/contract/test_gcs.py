"""Google Cloud Storage against the stand-in (testbed/gcs.py), whose words are Google's as documented: no server here is Google's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from contract.site import OTHER_UID, UID, Calls
from testbed import gcs
from wandb_byob.decide import addresses
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccessKey, ServiceAccountKey
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.providers.base import Context, Provisioned, Tenant
from wandb_byob.providers.gcs import GCSProvider

ORIGIN = "https://wandb.example.com"
BUCKET = "acme-data"
MEMBER = f"serviceAccount:{gcs.EMAIL}"
READ = ["GetBucket", "GetIamPolicy"]


@dataclass
class Site:
    """The provider at the stand-in."""

    cloud: gcs.Cloud
    provider: GCSProvider
    calls: Calls = field(default_factory=Calls)

    def context(self, *, key: str | None = None, **changes: Any) -> Context:
        """One look at the bucket, as a BucketStore that may create it; `spec` changes that."""
        keys = ServiceAccountKey(key or gcs.key_file(self.cloud.key))
        self.calls = Calls()
        spec = {
            "provider": "GCS",
            "credentials": api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys")),
            "gcs": api.GcsSpec(bucket=BUCKET),
            **changes.pop("spec", {}),
        }
        known: dict[str, Any] = {
            "spec": api.BucketStoreSpec(**spec),
            "uid": UID,
            "tenant": Tenant(deployment_type="SelfManaged", origins=(ORIGIN,)),
            "data": keys,
            "admin": keys,
            "paths": ("teams/a",),
            "intended": True,
            "recorder": self.calls,
            "now": lambda: datetime.now(UTC),
        }
        return Context(**{**known, **changes})

    def look(self, **changes: Any) -> Provisioned:
        """Provision once."""
        return self.provider.provision(self.context(**changes))

    def probe(self, **changes: Any) -> dict[CheckName, Check]:
        """Try the data path once."""
        return {check.name: check for check in self.provider.probe(self.context(**changes))}


@pytest.fixture
def site() -> Iterator[Site]:
    with gcs.running() as cloud:
        yield Site(cloud, GCSProvider(CloudEndpoints(gcs=cloud.url)))


def results(checks: Any) -> dict[CheckName, CheckResult]:
    """The checks that did not pass."""
    return {check.name: check.result for check in checks if check.result is not CheckResult.PASSED}


def test_create_and_look_again(site: Site) -> None:
    """One request makes the bucket whole, one grants it; the second look writes nothing and says the same."""
    context = site.context()
    assert not site.provider.exists(context)
    first = site.provider.provision(context)
    assert site.calls.operations == ["GetBucket", "GetBucket", "CreateBucket", "GetIamPolicy", "SetIamPolicy"]
    kept = site.cloud.buckets[BUCKET]
    assert kept["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    assert kept["softDeletePolicy"] == {"retentionDurationSeconds": "604800"}
    assert (kept["versioning"], kept["labels"]) == ({"enabled": True}, {"wandb-byob-uid": UID})
    assert kept["cors"][0]["responseHeader"] == ["Content-Md5", "Content-Type", "ETag"]
    assert {"role": "roles/storage.admin", "members": [MEMBER]} in site.cloud.policies[BUCKET]["bindings"]
    assert {"role": "roles/viewer", "members": ["user:a"]} in site.cloud.policies[BUCKET]["bindings"]
    assert first.facts is not None
    assert (first.facts.created, first.facts.owner, first.facts.identity) == (True, "42", f"gs://{BUCKET}")
    assert [change.name for change in first.applied] == ["BucketExists", "Policy"]

    again = site.look(intended=False, recorded="Created")
    assert site.calls.operations == READ
    assert (again.applied, again.checks, again.facts) == ((), first.checks, first.facts)
    assert not results(again.checks)


def test_adopt_merges(site: Site) -> None:
    """One patch adds what is missing; the rules, labels and open access of others stay, and a second look writes nothing."""
    rule = {"origin": ["https://other.example.com"], "method": ["GET"], "responseHeader": ["X-Other"]}
    site.cloud.add(BUCKET, cors=[rule], labels={"team": "a"})
    with pytest.raises(Stalled) as refused:
        site.look(intended=False)
    assert refused.value.reason == "BucketExists"
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert site.calls.operations == ["GetBucket", "PatchBucket", "GetIamPolicy", "SetIamPolicy"]
    kept = site.cloud.buckets[BUCKET]
    assert kept["cors"][1] == rule
    assert kept["labels"] == {"team": "a", "wandb-byob-uid": f"adopted-{UID}"}
    assert "iamConfiguration" not in kept
    assert results(found.checks) == {
        CheckName.UNIFORM_ACCESS: CheckResult.WARNING,
        CheckName.PUBLIC_ACCESS: CheckResult.WARNING,
    }
    site.look(intended=False, recorded="Adopted")
    assert site.calls.operations == READ
    with pytest.raises(Stalled, match="does not say that this BucketStore created it"):
        site.provider.delete(site.context())


def test_observe_plans_and_writes_nothing(site: Site) -> None:
    """What lacks is said, W&B's own words about soft delete among it."""
    site.cloud.add(BUCKET)
    found = site.look(
        intended=False, spec={"management_policy": "Observe", "gcs": api.GcsSpec(bucket=BUCKET, location="EU")}
    )
    assert site.calls.operations == READ
    assert {change.name for change in found.planned} == {"Owner", "CORS", "Versioning", "SoftDelete", "Policy"}
    checks = {check.name: check for check in found.checks}
    failed = {name for name, check in checks.items() if check.result is CheckResult.FAILED}
    assert failed == {CheckName.REGION, CheckName.CORS, CheckName.SOFT_DELETE}
    assert "Bucket does not have soft deletion enabled" in checks[CheckName.SOFT_DELETE].message


def test_somebody_elses(site: Site) -> None:
    """A bucket that may not be seen, or that another BucketStore holds, is left alone."""
    site.cloud.add(BUCKET, labels={"wandb-byob-uid": OTHER_UID})
    with pytest.raises(Stalled, match="label wandb-byob-uid") as held:
        site.look()
    assert held.value.reason == "BucketConflict"
    site.cloud.failing = {"storage.buckets.get": 403}
    with pytest.raises(Stalled, match=r"storage\.buckets\.get is missing") as hidden:
        site.look()
    assert hidden.value.reason == "BucketNotOurs"
    seen = site.look(admin=None)
    assert results(seen.checks)[CheckName.POLICY] is CheckResult.WARNING


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (403, Stalled, "AccessDenied"),
        (412, Waiting, "ProviderError"),
        (429, Waiting, "Throttled"),
        (503, Waiting, "ProviderError"),
    ],
)
def test_errors(site: Site, status: int, error: type[Exception], reason: str) -> None:
    """What may pass is waited for, also Google's limit of updates; a refusal names the permission in Google's words."""
    site.cloud.failing = {"storage.buckets.create": status}
    with pytest.raises(error) as told:
        site.look()
    assert getattr(told.value, "reason", "") == reason
    assert ("storage.buckets.create" in str(told.value)) == (status == 403)
    assert BUCKET not in site.cloud.buckets


def test_probe_leaves_nothing(site: Site) -> None:
    """Every call works with the awkward key, in this order, and the old generations go as well."""
    site.look()
    assert not results(site.probe().values())
    assert site.calls.operations == [
        "PutObject", "SignedPut", "SignedGet", "SignedHead", "ListObjects", "DeleteObject", "ListObjects", "DeleteObject",
        "DeleteObject", "Preflight", "Preflight", "Preflight",
    ]  # fmt: skip
    assert site.cloud.names(BUCKET) == []


def test_overwriting_needs_the_delete_permission(site: Site) -> None:
    """A key that may create but not delete fails just there, and what stays is told."""
    site.look()
    site.cloud.failing = {"storage.objects.delete": 403}
    checks = site.probe()
    overwrite = checks[CheckName.OVERWRITE_OBJECT]
    assert overwrite.result is CheckResult.FAILED
    assert "storage.objects.delete" in overwrite.remedy
    assert checks[CheckName.CLEAN_UP].result is CheckResult.WARNING
    assert "storage.objects.delete" in checks[CheckName.CLEAN_UP].remedy
    assert site.cloud.names(BUCKET)


def test_cors_of_others_is_not_enough(site: Site) -> None:
    """A rule without ETag in responseHeader fails where a browser would: the ETag cannot be read, PUT not be sent."""
    site.look()
    site.cloud.buckets[BUCKET]["cors"] = [
        {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "exposeHeaders": ["ETag"]}
    ]
    assert results(site.probe().values()) == {
        CheckName.PREFLIGHT: CheckResult.FAILED,
        CheckName.ETAG_EXPOSED: CheckResult.FAILED,
    }


def test_wrong_keys(site: Site) -> None:
    """A key that Google does not know, and files that are no key, are refused without a word of what they hold."""
    site.look()
    other = gcs.key_file(rsa.generate_private_key(65537, 2048))
    assert results(site.probe(key=other).values())[CheckName.CREDENTIALS] is CheckResult.FAILED
    with pytest.raises(Stalled, match="does not accept the key"):
        site.look(key=other)
    for broken in ("hidden", '{"type": "hidden"}', other.replace("MII", "hid")):
        with pytest.raises(Stalled) as refused:
            site.look(key=broken)
        assert refused.value.reason == "SecretInvalid"
        assert "hid" not in str(refused.value)


def test_without_a_key_nobody_looks(site: Site) -> None:
    """Where W&B signs with its own identity the bucket is assumed, and nothing is called."""
    found = site.look(admin=None, data=None)
    assert found.facts is not None
    assert found.facts.assumed
    assert site.calls.operations == []
    assert site.provider.address(site.context().spec, None) == f"gs://{BUCKET}"


def test_address(site: Site) -> None:
    """The service account and its key, percent-encoded; where the key file is not read, what stands for it."""
    context = site.context()
    address = addresses.parse(site.provider.address(context.spec, context.data))
    assert address is not None
    assert (address.user, address.bucket) == (gcs.EMAIL, BUCKET)
    assert address.password.startswith("-----BEGIN PRIVATE KEY-----\n")
    shown = site.provider.address(context.spec, AccessKey(access_key_id="x", secret_access_key="x"))
    assert addresses.redact(shown) == f"gs://***:***@{BUCKET}"


def test_delete_only_ours_and_empty(site: Site) -> None:
    """An object keeps the bucket; gone twice is no error."""
    site.look()
    site.cloud.objects[BUCKET, "a"] = [(1, b"x")]
    with pytest.raises(Stalled, match="not empty"):
        site.provider.delete(site.context())
    site.cloud.objects.clear()
    site.provider.delete(site.context())
    assert BUCKET not in site.cloud.buckets
    site.provider.delete(site.context())
    with pytest.raises(Stalled, match="managementPolicy"):
        site.provider.delete(site.context(admin=None))
