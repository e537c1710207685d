"""W&B without an account key: what it must be told, and what of it is known already."""

import msgspec
import pytest

from wandb_byob.decide.clouds.azure_identity import Installed, check, installed
from wandb_byob.model.api import AzureSpec
from wandb_byob.model.checks import CheckResult

CLIENT, TENANT = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
ISSUER = "https://eastus.oic.prod-aks.azure.com/abc/"
BOTH = AzureSpec(storage_account="acme", container="files", tenant_id=TENANT, client_id=CLIENT)


@pytest.mark.parametrize(
    ("identity", "known"),
    [
        (None, Installed()),
        ("arn:aws:iam::111122223333:role/wandb", Installed()),
        (CLIENT, Installed(client=CLIENT)),
        (
            f"CLIENT_ID={CLIENT} - TENANT_ID={TENANT} - OIDC_ISSUER_URL={ISSUER}",
            Installed(client=CLIENT, tenant=TENANT, issuer=ISSUER),
        ),
        (f"OIDC_ISSUER_URL={ISSUER.rstrip('/')}", Installed(issuer=ISSUER)),
        ("CLIENT_ID=canary - OIDC_ISSUER_URL=http://elsewhere", Installed()),
    ],
)
def test_installed(identity: str | None, known: Installed) -> None:
    """W&B's Terraform module leaves three words; the issuer always gets its trailing slash."""
    assert installed(identity) == known


@pytest.mark.parametrize(
    ("without", "named"),
    [
        (("tenant_id",), "spec.azure.tenantID"),
        (("client_id",), "spec.azure.clientID"),
        (("tenant_id", "client_id"), "spec.azure.tenantID and spec.azure.clientID"),
    ],
)
def test_both_ids_are_mandatory(without: tuple[str, ...], named: str) -> None:
    """Without an account key; the remedy names what is missing and, where W&B's installation tells it, the value."""
    azure = msgspec.structs.replace(BOTH, **dict.fromkeys(without))
    found = check(azure, None)
    assert found.result is CheckResult.FAILED
    assert named in found.message
    assert f"Set {named}" in found.remedy
    assert "spec.credentials.secretRef" in found.remedy
    hinted = check(azure, f"CLIENT_ID={CLIENT} - TENANT_ID={TENANT}")
    assert ((TENANT in hinted.remedy), (CLIENT in hinted.remedy)) == ("tenant_id" in without, "client_id" in without)


def test_what_the_identity_needs_is_told() -> None:
    """Roles, audience, issuer with its slash, subject: Azure's management API alone shows whether they are there."""
    found = check(BOTH, f"OIDC_ISSUER_URL={ISSUER}")
    assert found.result is CheckResult.PASSED
    for word in (
        CLIENT,
        TENANT,
        "Storage Blob Data Owner",
        "Storage Account Contributor",
        "api://AzureADTokenExchange",
        f"issuer {ISSUER},",
        "system:serviceaccount:<namespace>:<name>",
    ):
        assert word in found.message
    assert "with its trailing /" in check(BOTH, None).message
