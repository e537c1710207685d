"""What is peculiar to Google Cloud Storage, at its stand-in (testbed.gcs): buckets and objects of a real server, Google's words as documented."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.site import OTHER_UID, UID, Calls
from testbed.gcs import GoogleCloud
from testbed.google_accounts import WANDB, Account
from testbed.object_store import Store
from testbed.proxy import Fault, FaultyProxy
from wandb_byob.decide import addresses
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccessKey, ServiceAccountKey
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.providers.base import Context, Provisioned, Tenant
from wandb_byob.providers.gcs import GCSProvider

ORIGIN = "https://wandb.example.com"
MEMBER = f"serviceAccount:{WANDB}"
READ = ["GetBucket", "GetIamPolicy"]


@dataclass
class Site:
    """A bucket name of one's own at the stand-in; `endpoint` may be a proxy before it."""

    place: GoogleCloud
    endpoint: str = ""
    bucket: str = field(default_factory=lambda: f"acme-{uuid.uuid4().hex[:12]}")
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        self.provider = GCSProvider(CloudEndpoints(gcs=self.endpoint or self.place.endpoint))

    def context(self, **changes: Any) -> Context:
        """One look at the bucket, as a BucketStore that may create it; `spec` changes that."""
        self.calls = Calls()
        spec = {
            "provider": "GCS",
            "credentials": api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys")),
            "gcs": api.GcsSpec(bucket=self.bucket),
            **changes.pop("spec", {}),
        }
        known: dict[str, Any] = {
            "spec": api.BucketStoreSpec(**spec),
            "uid": UID,
            "tenant": Tenant(deployment_type="SelfManaged", origins=(ORIGIN,)),
            "data": key(self.place.wandb),
            "admin": key(self.place.admin),
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

    @property
    def kept(self) -> dict[str, Any]:
        """The bucket's resource, past the operator."""
        found = self.place.buckets.resource(self.bucket)
        assert found is not None
        return found

    def contents(self) -> list[tuple[str, str]]:
        """Everything in the bucket."""
        return self.place.buckets.contents(self.bucket)

    def lacking(self, *permissions: str) -> Account:
        """A service account of the project that may do everything but this."""
        accounts = self.place.front.accounts
        return accounts.add(
            f"limited-{self.bucket}@acme-project.iam.gserviceaccount.com", everywhere=True, lacks=permissions
        )


def key(account: Account) -> ServiceAccountKey:
    """An account's key file as the operator holds it."""
    return ServiceAccountKey(account.key_file())


@pytest.fixture
def site(gcs: GoogleCloud) -> Site:
    """A bucket name of one's own."""
    return Site(gcs)


def results(checks: Any) -> dict[CheckName, CheckResult]:
    """The checks that did not pass."""
    return {check.name: check.result for check in checks if check.result is not CheckResult.PASSED}


def test_create_and_look_again(site: Site) -> None:
    """One request makes the bucket whole, one grants it; the second look writes nothing and says the same."""
    context = site.context()
    assert not site.provider.exists(context)
    first = site.provider.provision(context)
    assert site.calls.operations == ["GetBucket", "GetBucket", "CreateBucket", "GetIamPolicy", "SetIamPolicy"]
    kept = site.kept
    assert kept["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    assert kept["softDeletePolicy"] == {"retentionDurationSeconds": "604800"}
    assert (kept["versioning"], kept["labels"]) == ({"enabled": True}, {"wandb-byob-uid": UID})
    assert kept["cors"][0]["responseHeader"] == ["Content-Md5", "Content-Type", "ETag"]
    bindings = site.place.buckets.policy(site.bucket)["bindings"]
    assert {"role": "roles/storage.admin", "members": [MEMBER]} in bindings
    assert bindings[0]["role"] == "roles/storage.legacyBucketOwner"
    assert first.facts is not None
    assert (first.facts.created, first.facts.owner, first.facts.identity) == (True, "424242", f"gs://{site.bucket}")
    assert [change.name for change in first.applied] == ["BucketExists", "Policy"]

    again = site.look(intended=False, recorded="Created")
    assert site.calls.operations == READ
    assert (again.applied, again.checks, again.facts) == ((), first.checks, first.facts)
    assert not results(again.checks)


def test_adopt_merges(site: Site) -> None:
    """One patch adds what is missing; the rules, labels and open access of others stay, and a second look writes nothing."""
    rule = {"origin": ["https://other.example.com"], "method": ["GET"], "responseHeader": ["X-Other"]}
    site.place.buckets.make(site.bucket, cors=[rule], labels={"team": "a"})
    with pytest.raises(Stalled) as refused:
        site.look(intended=False)
    assert refused.value.reason == "BucketExists"
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert site.calls.operations == ["GetBucket", "PatchBucket", "GetIamPolicy", "SetIamPolicy"]
    kept = site.kept
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
    site.place.buckets.make(site.bucket)
    found = site.look(
        intended=False, spec={"management_policy": "Observe", "gcs": api.GcsSpec(bucket=site.bucket, location="EU")}
    )
    assert site.calls.operations == READ
    assert {change.name for change in found.planned} == {"Owner", "CORS", "Versioning", "SoftDelete", "Policy"}
    checks = {check.name: check for check in found.checks}
    failed = {name for name, check in checks.items() if check.result is CheckResult.FAILED}
    assert failed == {CheckName.REGION, CheckName.CORS, CheckName.SOFT_DELETE}
    assert "Bucket does not have soft deletion enabled" in checks[CheckName.SOFT_DELETE].message


def test_somebody_elses(site: Site) -> None:
    """A bucket that may not be seen, or that another BucketStore holds, is left alone."""
    site.place.buckets.make(site.bucket, labels={"wandb-byob-uid": OTHER_UID})
    with pytest.raises(Stalled, match="label wandb-byob-uid") as held:
        site.look()
    assert held.value.reason == "BucketConflict"
    with pytest.raises(Stalled, match=r"storage\.buckets\.get is missing") as hidden:
        site.look(admin=key(site.lacking("storage.buckets.get")))
    assert hidden.value.reason == "BucketNotOurs"
    seen = site.look(admin=None)
    assert results(seen.checks)[CheckName.POLICY] is CheckResult.WARNING


@pytest.mark.parametrize(
    ("status", "reason"), [(412, "ProviderError"), (429, "Throttled"), (500, "ProviderError"), (503, "ProviderError")]
)
def test_what_may_pass_is_waited_for(
    gcs: GoogleCloud, faulty: Callable[[Store], FaultyProxy], status: int, reason: str
) -> None:
    """Also Google's limit of updates; afterwards the bucket is as it would have been."""
    proxy = faulty(gcs.store)
    site = Site(gcs, proxy.endpoint)
    for method in ("POST", "PUT"):
        with proxy.fault(Fault(method=method, status=status, body=b"canary")), pytest.raises(Waiting) as told:
            site.look()
        assert told.value.reason == reason
        assert "canary" not in told.value.message
    assert not results(site.look().checks)


def test_a_refusal_names_the_permission(site: Site) -> None:
    """In Google's words."""
    with pytest.raises(Stalled, match=r"Grant storage\.buckets\.create to the service account") as told:
        site.look(admin=key(site.lacking("storage.buckets.create")))
    assert told.value.reason == "AccessDenied"


def test_probe_leaves_nothing(site: Site) -> None:
    """Every call works with the awkward key, in this order, and the old generations go as well."""
    site.look()
    assert not results(site.probe().values())
    assert site.calls.operations == [
        "PutObject", "PutObject", "GetObject", "HeadObject", "ListObjects", "DeleteObject", "ListObjects", "DeleteObject",
        "DeleteObject", "Preflight", "Preflight", "Preflight",
    ]  # fmt: skip
    assert site.contents() == []


def test_overwriting_needs_the_delete_permission(site: Site) -> None:
    """A key that may create but not delete fails just there, and what stays is told."""
    site.look()
    checks = site.probe(data=key(site.lacking("storage.objects.delete")), admin=None)
    overwrite = checks[CheckName.OVERWRITE_OBJECT]
    assert overwrite.result is CheckResult.FAILED
    assert "storage.objects.delete" in overwrite.remedy
    assert checks[CheckName.CLEAN_UP].result is CheckResult.WARNING
    assert "storage.objects.delete" in checks[CheckName.CLEAN_UP].remedy
    assert len(site.contents()) == 2


def test_cors_of_others_is_not_enough(site: Site) -> None:
    """A rule without ETag in responseHeader fails where a browser would: the ETag cannot be read, PUT not be sent."""
    site.look()
    rule = {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "exposeHeaders": ["ETag"]}
    site.place.buckets.update(site.bucket, cors=[rule])
    assert results(site.probe().values()) == {
        CheckName.PREFLIGHT: CheckResult.FAILED,
        CheckName.ETAG_EXPOSED: CheckResult.FAILED,
    }


def test_wrong_keys(site: Site) -> None:
    """A key that Google does not know, and files that are no key, are refused without a word of what they hold."""
    site.look()
    stranger = Account(email=WANDB)
    other = stranger.key_file()
    assert results(site.probe(data=key(stranger)).values())[CheckName.CREDENTIALS] is CheckResult.FAILED
    with pytest.raises(Stalled, match="does not accept the key"):
        site.look(admin=ServiceAccountKey(other))
    for broken in ("hidden", '{"type": "hidden"}', other.replace("MII", "hid")):
        with pytest.raises(Stalled) as refused:
            site.look(admin=ServiceAccountKey(broken))
        assert refused.value.reason == "SecretInvalid"
        assert "hid" not in str(refused.value)


def test_without_a_key_nobody_looks(site: Site) -> None:
    """Where W&B signs with its own identity the bucket is assumed, and nothing is called."""
    found = site.look(admin=None, data=None)
    assert found.facts is not None
    assert found.facts.assumed
    assert site.calls.operations == []
    assert site.provider.address(site.context().spec, None) == f"gs://{site.bucket}"


def test_address(site: Site) -> None:
    """The service account and its key, percent-encoded; where the key file is not read, what stands for it."""
    context = site.context()
    address = addresses.parse(site.provider.address(context.spec, context.data))
    assert address is not None
    assert (address.user, address.bucket) == (WANDB, site.bucket)
    assert address.password.startswith("-----BEGIN PRIVATE KEY-----\n")
    shown = site.provider.address(context.spec, AccessKey(access_key_id="x", secret_access_key="x"))
    assert addresses.redact(shown) == f"gs://***:***@{site.bucket}"


def test_delete_only_ours_and_empty(site: Site) -> None:
    """An object keeps the bucket; gone twice is no error."""
    site.look()
    site.place.buckets.put(site.bucket, "a", b"x")
    site.place.buckets.remove(site.bucket, "a")
    assert len(site.contents()) == 1, "the old generation"
    with pytest.raises(Stalled, match="not empty"):
        site.provider.delete(site.context())
    ((name, generation),) = site.contents()
    site.place.buckets.remove(site.bucket, name, generation)
    site.provider.delete(site.context())
    assert site.place.buckets.resource(site.bucket) is None
    site.provider.delete(site.context())
    with pytest.raises(Stalled, match="managementPolicy"):
        site.provider.delete(site.context(admin=None))
