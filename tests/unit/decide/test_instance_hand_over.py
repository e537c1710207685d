"""Who must be told about the bucket for the instance, cell by cell: W&B's own table of recipients."""

from typing import Any

import pytest

from unit.resources import as_store, bucket_store
from wandb_byob.decide import forms
from wandb_byob.decide.availability import TABLE, DeploymentType, Offer, Scope
from wandb_byob.model.api import HandOver

SPECS: dict[str, dict[str, Any]] = {
    "S3": {},
    "CoreWeave": {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}},
    "GCS": {"provider": "GCS", "s3": None, "gcs": {"bucket": "acme"}},
    "Azure": {
        "provider": "Azure", "s3": None, "azure": {"storageAccount": "acct", "container": "box", "tenantID": "t-1", "clientID": "c-1"},
    },
    "S3Compatible": {
        "provider": "S3Compatible", "s3": None, "s3Compatible": {"bucket": "acme", "endpoint": "https://h.example", "region": "eu-1"},
    },
}  # fmt: skip
HOST = "https://wandb.example.com"
WHOM: dict[tuple[DeploymentType, str], str] = {
    ("SelfManaged", "CoreWeave"): "W&B support",
    ("DedicatedCloud", "CoreWeave"): "Your W&B account team, and W&B support",
    **{("DedicatedCloud", provider): "Your W&B account team" for provider in ("S3", "GCS", "Azure", "S3Compatible")},
}


def text(deployment: DeploymentType, provider: str, **spec: Any) -> HandOver | None:
    store = as_store(bucket_store(spec=SPECS[provider] | spec))
    return forms.instance_hand_over(store, deployment, host=HOST, path="w", address="s3://***:***@h/acme")


@pytest.mark.parametrize("deployment", ["SelfManaged", "DedicatedCloud", "MultiTenantCloud"])
@pytest.mark.parametrize("provider", SPECS)
def test_each_cell(deployment: DeploymentType, provider: str) -> None:
    """Nobody where it is set from here, or where W&B does not offer it at all."""
    found = text(deployment, provider)
    assert (found.recipient if found is not None else None) == WHOM.get((deployment, provider))
    offered = TABLE[deployment, Scope.INSTANCE][provider]
    assert found is None or offered is not Offer.NOT_AVAILABLE
    assert offered is not Offer.SUPPORT or found is not None
    if found is not None:
        assert HOST in found.text
        assert "path w" in found.text
        assert "not copied" in found.text


def test_keys_go_over_a_secure_channel_and_are_not_in_it() -> None:
    found = text("DedicatedCloud", "S3")
    assert found is not None
    assert "over a secure channel" in found.text
    assert "Secret keys" in found.text


def test_azure_without_a_key_asks_for_the_issuer() -> None:
    """W&B's managed identity must be trusted by ours, which needs the OIDC issuer of W&B's cluster."""
    found = text("DedicatedCloud", "Azure", credentials={"source": "Ambient"})
    assert found is not None
    assert "OIDC issuer" in found.text
