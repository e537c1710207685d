"""What a person types on W&B's page, or tells W&B."""

from typing import Any

import pytest

from unit.resources import as_store, bucket_store
from wandb_byob.decide import forms
from wandb_byob.decide.availability import DeploymentType

ADDRESS = "s3://***:***@s3.eu-central-1.amazonaws.com/data?region=eu-central-1&tls=true"
COREWEAVE = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}}
AZURE = {
    "provider": "Azure",
    "s3": None,
    "azure": {"storageAccount": "acme", "container": "files", "tenantID": "t-1", "clientID": "c-1"},
}
KMS = {"s3": {"bucket": "data", "region": "eu-central-1", "kmsKeyARN": "arn:aws:kms:eu-central-1:1:key/k"}}
ASSUMED = {"s3": {"bucket": "data", "region": "eu-central-1", "externalID": "acme-1"}}
EXTERNAL_ID = (
    "acme-1 (W&B server 0.85.0 and newer; where the page has no such field, create the team by SCIM, whose storageBucket has "
    "awsExternalId)"
)
MINIO = {
    "provider": "S3Compatible",
    "s3": None,
    "s3Compatible": {"bucket": "data", "endpoint": "https://m", "region": "r"},
}


def _form(spec: dict[str, Any], *, path: str = "") -> dict[str, str]:
    steps = forms.form(as_store(bucket_store(spec=spec)), team="ml", path=path, address=ADDRESS)
    return {step.field_: step.value for step in steps}


def test_the_order_is_that_of_the_page() -> None:
    """Log in, name, type, location, provider, details, path, key, create."""
    assert list(_form(KMS, path="teams/ml")) == [
        "Log in",
        "Team name",
        "Storage Type",
        "Bucket location",
        "Cloud provider",
        "Bucket name",
        "Path",
        "KMS key ARN",
        "Create team",
    ]


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ({}, "Storage Type", "External"),
        ({}, "Team name", "ml"),
        ({}, "Cloud provider", "AWS"),
        (
            {},
            "Bucket name",
            (
                f"{ADDRESS} (in place of ***, the keys in Secret keys, each percent-encoded: "
                "`byob address data --namespace team-a --reveal` prints it so)"
            ),
        ),
        (KMS, "KMS key ARN", "arn:aws:kms:eu-central-1:1:key/k"),
        (ASSUMED, "External ID", EXTERNAL_ID),
        (COREWEAVE, "Cloud provider", "CoreWeave"),
        (COREWEAVE, "Bucket name", "acme"),
        (AZURE, "Account name", "acme"),
        (AZURE, "Container name", "files"),
        (AZURE, "Tenant ID", "t-1"),
        (AZURE, "Managed Identity Client ID", "c-1"),
    ],
)
def test_value(spec: dict[str, Any], field: str, value: str) -> None:
    """Each provider's own fields, as its page calls them."""
    assert _form(spec)[field] == value


def test_what_is_an_assumption_says_so() -> None:
    """W&B's page has no entry for S3-compatible stores."""
    assert "assumption" in _form(MINIO)["Cloud provider"]


def test_coreweave_begins_with_w_and_b_support() -> None:
    """The storage of a team can't be changed later."""
    assert next(iter(_form(COREWEAVE))) == "Before you start"
    assert "Path" not in _form(COREWEAVE)


@pytest.mark.parametrize(
    ("deployment", "spec", "recipient"),
    [
        ("SelfManaged", {}, None),
        ("SelfManaged", COREWEAVE, "W&B support"),
        ("DedicatedCloud", {}, "Your W&B account team"),
        ("DedicatedCloud", COREWEAVE, "Your W&B account team"),
        ("MultiTenantCloud", {}, None),
        ("MultiTenantCloud", COREWEAVE, "W&B support"),
    ],
)
def test_who_must_be_told(deployment: DeploymentType, spec: dict[str, Any], recipient: str | None) -> None:
    """The account team adds the address on Dedicated Cloud; support validates CoreWeave everywhere."""
    told = forms.hand_over(as_store(bucket_store(spec=spec)), deployment, team="ml", path="teams/ml", address=ADDRESS)
    assert (told.recipient if told else None) == recipient
    if told is not None:
        assert "teams/ml" in told.text
        assert "***" in told.text or deployment != "DedicatedCloud"


ACCOUNT_TEAM, SUPPORT = "Your W&B account team", "W&B support"
GCS = {"provider": "GCS", "s3": None, "gcs": {"bucket": "data"}}
# W&B's page, cell by cell: who must be told of a bucket before teams are created with it.
TOLD: list[tuple[DeploymentType, tuple[str | None, ...]]] = [
    ("SelfManaged", (None, SUPPORT, None, None, None)),
    ("DedicatedCloud", (ACCOUNT_TEAM, ACCOUNT_TEAM, ACCOUNT_TEAM, ACCOUNT_TEAM, ACCOUNT_TEAM)),
    ("MultiTenantCloud", (None, SUPPORT, None, None, None)),
]
CELLS = [
    (deployment, spec, recipient)
    for deployment, recipients in TOLD
    for spec, recipient in zip(({}, COREWEAVE, GCS, AZURE, MINIO), recipients, strict=True)
]


@pytest.mark.parametrize(("deployment", "spec", "recipient"), CELLS)
def test_who_must_be_told_of_a_bucket(deployment: DeploymentType, spec: dict[str, Any], recipient: str | None) -> None:
    """The same of the bucket as of each of its teams; no key is shown, and how keys follow is said."""
    store = as_store(bucket_store(spec=spec))
    told = forms.bucket_hand_over(store, deployment, address=ADDRESS)
    of_team = forms.hand_over(store, deployment, team="ml", path="", address=ADDRESS)
    assert (told.recipient if told else None) == (of_team.recipient if of_team else None) == recipient
    if told is not None:
        assert (ADDRESS in told.text and "secure channel" in told.text) is (recipient == ACCOUNT_TEAM)
        assert ("validate" in told.text) is (store.spec.provider == "CoreWeave")


def test_dedicated_cloud_and_a_coreweave_bucket_without_keys() -> None:
    """The address names no bucket, so the text does."""
    store = as_store(bucket_store(spec=COREWEAVE | {"credentials": {"source": "WandbAccount"}}))
    told = forms.bucket_hand_over(store, "DedicatedCloud", address="cw://")
    assert told is not None
    for words in ("bucket acme", "cw://", "selectable", "W&B support"):
        assert words in told.text


KEYLESS = {**AZURE, "credentials": {"source": "Ambient"}}


def test_a_managed_identity_needs_federated_credentials_first() -> None:
    """Before the page is opened, since W&B tries the container when the team is created; with a key there is nothing to do."""
    assert "api://AzureADTokenExchange" in _form(KEYLESS)["Before you start"]
    assert "Before you start" not in _form({**AZURE, "credentials": {"secretRef": {"name": "keys"}}})


def test_dedicated_cloud_is_asked_for_its_issuer() -> None:
    """The identity is the customer's, and the cluster that it must trust is W&B's; with a key nothing is asked."""
    told = forms.hand_over(
        as_store(bucket_store(spec=KEYLESS)), "DedicatedCloud", team="ml", path="", address="az://acme/files"
    )
    assert told is not None
    assert told.recipient == "Your W&B account team"
    for word in ("az://acme/files", "OIDC issuer URL", "trailing /", "c-1", "t-1", "ServiceAccounts"):
        assert word in told.text
    keyed = {**AZURE, "credentials": {"secretRef": {"name": "keys"}}}
    other = forms.hand_over(
        as_store(bucket_store(spec=keyed)), "DedicatedCloud", team="ml", path="", address="az://:***@acme/files"
    )
    assert other is not None
    assert "OIDC" not in other.text
    assert "secure channel" in other.text
