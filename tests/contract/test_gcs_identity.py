"""Google Cloud Storage without a key file: the identity that a pod has by itself, at stand-ins for the metadata server and IAM (testbed.google_identity)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.gcs import GCSSite, provider_at, site_at
from contract.results import Alone, Behaviour
from contract.site import ORIGIN, Look, calls_of
from testbed.gcs import GoogleCloud
from testbed.google_identity import SIGN_BLOB
from testbed.proxy import Fault
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.providers.base import Tenant
from wandb_byob.providers.gcs import GCSProvider

pytestmark = pytest.mark.at("GCS-fake-gcs-server")
KEYLESS = {"credentials": api.Credentials(source="Ambient")}


@pytest.fixture
def google(gcs: GoogleCloud) -> Iterator[GCSSite]:
    """A bucket name of one's own, in a pod that runs as the account that may do everything in the project."""
    gcs.metadata.forget()
    gcs.iam.forget()
    yield site_at(gcs)
    gcs.metadata.account, gcs.metadata.email, gcs.metadata.lifetime = gcs.admin, "", timedelta(hours=1)
    gcs.wandb.lacks.clear()


def provisioned(google: GCSSite, **changes: Any) -> Look:
    """A look with the operator's own identity, at a bucket that W&B's pods read with theirs."""
    tenant = Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), identity=google.place.wandb.email)
    known = {
        "admin": Ambient(),
        "data": None,
        "tenant": tenant,
        "spec": {**KEYLESS, "gcs": {"project_id": "acme-project"}},
    }
    return google.look(**{**known, **changes})


def by_wandb(google: GCSSite, **changes: Any) -> tuple[Check, ...]:
    """The data path as a pod of W&B's tries it."""
    google.place.metadata.account = google.place.wandb
    site = google.restarted()
    return site.probe(**{"data": Ambient(), "admin": None, "spec": KEYLESS, **changes})


def test_the_operator_makes_a_bucket_as_itself(google: GCSSite) -> None:
    """With tokens of the metadata server, of which one serves all looks until it is about to end; W&B's account is let in."""
    found = provisioned(google)
    assert found.results(CheckResult.FAILED, CheckResult.WARNING) == set()
    assert google.bindings()[-1]["members"] == [f"serviceAccount:{google.place.wandb.email}"]
    assert found.calls.operations == [
        "GetToken",
        "GetToken",
        "GetBucket",
        "CreateBucket",
        "GetIamPolicy",
        "SetIamPolicy",
    ]
    again = provisioned(google, intended=False, recorded="Created")
    assert again.calls.operations == ["GetBucket", "GetIamPolicy"]
    asked = google.place.metadata.requests()
    assert [request.path.rpartition("/")[2] for request in asked] == ["email", "token"]


def test_a_token_is_renewed_before_it_ends(google: GCSSite) -> None:
    """Some minutes before, by the operator's clock; not sooner."""
    now = datetime.now(UTC)
    provisioned(google, now=lambda: now)
    provisioned(google, now=lambda: now + timedelta(minutes=55), intended=False, recorded="Created")
    assert len(google.place.metadata.requests(target="token")) == 1
    provisioned(google, now=lambda: now + timedelta(minutes=57), intended=False, recorded="Created")
    assert len(google.place.metadata.requests(target="token")) == 2


def test_a_token_that_was_taken_back_is_renewed_at_once(google: GCSSite) -> None:
    """The look goes on with a new one."""
    provisioned(google)
    google.place.front.accounts.tokens.clear()
    again = provisioned(google, intended=False, recorded="Created")
    assert again.calls.made[:4] == [
        ("GetBucket", "authError"),
        ("GetToken", "ok"),
        ("GetToken", "ok"),
        ("GetBucket", "ok"),
    ]
    assert again.results(CheckResult.FAILED, CheckResult.WARNING) == set()


def test_without_a_project_nothing_is_made(google: GCSSite) -> None:
    """A key file names its project, a token does not: the field to fill in is named."""
    with pytest.raises(Stalled, match=r"spec\.gcs\.projectID"):
        provisioned(google, spec=KEYLESS)
    assert google.buckets.resource(google.bucket) is None


@pytest.mark.behaviour(Behaviour.DATA_PATH)
def test_a_pod_of_wandbs_signs_without_a_key(google: GCSSite) -> None:
    """Every call works, the signed URLs by IAM's signatures, which the server verifies; nothing is left behind."""
    provisioned(google)
    context = google.context(data=Ambient(), admin=None, spec=KEYLESS)
    google.place.metadata.account = google.place.wandb
    checks = google.restarted().provider.probe(context)
    assert {check.result for check in checks} == {CheckResult.PASSED}
    assert CheckName.SIGNING in {check.name for check in checks}
    operations = calls_of(context).operations
    assert operations[:6] == ["GetToken", "GetToken", "PutObject", "SignBlob", "PutObject", "SignBlob"]
    assert operations.count("SignBlob") == 3
    assert google.contents() == []


@pytest.mark.behaviour(Behaviour.CHECKS)
def test_no_right_to_sign(google: GCSSite, alone: Alone) -> None:
    """Signing fails alone, with the role to grant: everything else works, and what needs a signed URL is skipped."""
    provisioned(google)
    google.place.wandb.lacks.add(SIGN_BLOB)
    checks = by_wandb(google)
    check = alone(checks, CheckName.SIGNING)
    assert SIGN_BLOB in check.message
    assert "roles/iam.serviceAccountTokenCreator" in check.remedy
    skipped = {check.name for check in checks if check.result is CheckResult.SKIPPED}
    assert skipped == {CheckName.SIGNED_PUT, CheckName.SIGNED_GET, CheckName.ETAG_EXPOSED}
    assert google.contents() == []


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("SERVICE_DISABLED", "gcloud services enable iamcredentials.googleapis.com"),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "cloud-platform"),
    ],
)
def test_signing_that_is_not_there(google: GCSSite, alone: Alone, word: str, remedy: str) -> None:
    """The API is not enabled, or the node's scopes do not hold it: in Google's own word, with what to do."""
    provisioned(google)
    body = f'{{"error": {{"code": 403, "status": "PERMISSION_DENIED", "details": [{{"reason": "{word}"}}]}}}}'
    with google.place.iam.fault(Fault(status=403, body=body.encode())):
        check = alone(by_wandb(google), CheckName.SIGNING)
    assert remedy in check.remedy


def test_a_serviceaccount_that_stands_for_itself(google: GCSSite, alone: Alone) -> None:
    """Federated without a service account of Google's: it may use the bucket, and nobody can sign for it."""
    provisioned(google)
    google.place.metadata.email = "acme-project.svc.id.goog"
    check = alone(by_wandb(google), CheckName.SIGNING)
    assert "iam.gke.io/gcp-service-account" in check.remedy
    assert google.place.iam.requests() == []


@pytest.mark.behaviour(Behaviour.KEYS)
def test_no_identity(google: GCSSite, alone: Alone) -> None:
    """Where nothing answers as Google's metadata server does, that is said, and looked at again: a pod's may come late."""
    provisioned(google)
    for fault in (Fault(status=404), Fault(status=200, body=b"{}"), Fault(without="metadata-flavor")):
        with google.place.metadata.fault(fault):
            check = alone(by_wandb(google), CheckName.CREDENTIALS)
            assert "iam.gke.io/gcp-service-account" in check.remedy
            with pytest.raises(Waiting, match="no identity in Google Cloud"):
                provisioned(google.restarted())


def test_the_metadata_server_is_asked_for_the_token_alone(google: GCSSite) -> None:
    """Two paths, with the header that Google wants, and no word of the bucket."""
    provisioned(google)
    by_wandb(google)
    folder = "/computeMetadata/v1/instance/service-accounts/default/"
    for request in google.place.metadata.requests():
        assert f"{request.path}?{request.query}" in (f"{folder}email?", f"{folder}token?")
        assert request.headers["Metadata-Flavor"] == "Google"
    assert {request.status for request in google.place.metadata.requests()} == {200}


def test_what_only_looks_like_the_metadata_server(google: GCSSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its public name it is connected to at Google's own address and nowhere else, whatever DNS says."""
    import socket

    real = socket.getaddrinfo
    asked: list[str] = []

    def spoofed(host: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(str(host))
        return real("127.0.0.1" if host == "metadata.google.internal" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", spoofed)
    provider = GCSProvider(CloudEndpoints(gcs=google.place.endpoint, gcs_iam=google.place.iam.endpoint))
    with pytest.raises(Waiting, match="no identity in Google Cloud"):
        provider.exists(google.context(admin=Ambient()))
    assert "metadata.google.internal" in asked
    assert google.place.metadata.requests() == []


def test_tokens_are_shown_nowhere(google: GCSSite) -> None:
    """Neither in what objects say of themselves nor in errors."""
    provisioned(google)
    google.place.wandb.lacks.add(SIGN_BLOB)
    said = f"{by_wandb(google)} {google.provider!r} {provider_at(google.place)!r}"
    with google.place.front.fault(Fault(status=403)), pytest.raises(Stalled) as refused:
        provisioned(google, intended=False, recorded="Created")
    tokens = google.place.front.accounts.tokens
    assert len(tokens) >= 2
    assert not [token for token in tokens if token in said or token in str(refused.value)]
