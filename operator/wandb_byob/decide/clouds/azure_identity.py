"""W&B without an account key: it signs as a managed identity, which its ServiceAccounts become by federated credentials.

Which roles and federated credentials there are is shown by Azure's management API alone, so what is needed is told, not checked.
"""

import re
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide.clouds.azure_errors import ACCOUNT_ROLE, DATA_ROLE
from wandb_byob.model.api import AzureSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult

AUDIENCE: Final = "api://AzureADTokenExchange"
ROLES: Final = (DATA_ROLE, ACCOUNT_ROLE)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_INSTALLED: Final = re.compile(r"\b(CLIENT_ID|TENANT_ID|OIDC_ISSUER_URL)=([!-~]+)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What is known of the identity that W&B's pods run as, "" for what is not; `issuer` ends with the slash that Azure compares, too."""

    client: str = ""
    tenant: str = ""
    issuer: str = ""


def installed(identity: str | None) -> Installed:
    """Read `spec.identity` of a WandbInstance: a client ID, or the three words that W&B's Terraform module leaves."""
    text = (identity or "").strip()
    if _UUID.fullmatch(text):
        return Installed(client=text)
    found = dict(_INSTALLED.findall(text))
    client, tenant, issuer = (found.get(name, "") for name in ("CLIENT_ID", "TENANT_ID", "OIDC_ISSUER_URL"))
    return Installed(
        client=client if _UUID.fullmatch(client) else "",
        tenant=tenant if _UUID.fullmatch(tenant) else "",
        issuer=f"{issuer.rstrip('/')}/" if issuer.startswith("https://") else "",
    )


def subject(*, namespace: str, service_account: str) -> str:
    """Return as whom Kubernetes' token of a ServiceAccount speaks."""
    return f"system:serviceaccount:{namespace}:{service_account}"


def federation(issuer: str) -> str:
    """Say which federated credentials the managed identity needs."""
    from_where = issuer or "the OIDC issuer URL of W&B's cluster, with its trailing /"
    who = subject(namespace="<namespace>", service_account="<name>")
    return f"a federated credential for each of W&B's ServiceAccounts (audience {AUDIENCE}, issuer {from_where}, subject {who})"


def check(azure: AzureSpec, identity: str | None) -> Check:
    """Check that both IDs are given, which W&B asks for where it has no key; `identity` is that of the WandbInstance."""
    name, known = CheckName.MANAGED_IDENTITY, installed(identity)
    given = {"tenantID": azure.tenant_id, "clientID": azure.client_id}
    missing = [f"spec.azure.{field}" for field, value in given.items() if not value]
    if missing:
        hints = {"spec.azure.tenantID": known.tenant, "spec.azure.clientID": known.client}
        told = [f"{field} {hints[field]}" for field in missing if hints[field]]
        hint = f" W&B was installed with {' and '.join(told)}." if told else ""
        return Check(
            name=name,
            result=CheckResult.FAILED,
            message=f"Without an account key W&B signs as a managed identity, and needs {' and '.join(missing)} to do so.",
            remedy=f"Set {' and '.join(missing)}, or give W&B the account key in spec.credentials.secretRef.{hint}",
        )
    return Check(
        name=name,
        result=CheckResult.PASSED,
        message=f"W&B signs as managed identity {azure.client_id} of tenant {azure.tenant_id}. What Azure shows elsewhere, it needs: the roles "
        f"{' and '.join(ROLES)} on the storage account, and {federation(known.issuer)}.",
    )
