"""Who signs requests to a storage account: an account key, or an identity that Microsoft Entra gives tokens to."""

import base64
import binascii
import dataclasses
import os
from dataclasses import dataclass

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential

from wandb_byob.model.credentials import AccountKey, Ambient, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.azure.identity import Identity, Tokens, workload
from wandb_byob.providers.base import Context


@dataclass(frozen=True, kw_only=True)
class Signer:
    """What the SDK signs with; `who` is that in words, `account_key` and the `field` that names its Secret are "" for an identity."""

    credential: AzureNamedKeyCredential | TokenCredential = dataclasses.field(repr=False)
    who: str
    field: str = ""
    account_key: str = dataclasses.field(default="", repr=False)


def signer(credentials: Credentials, context: Context, *, tokens: Tokens, named: str) -> Signer:
    """Return what signs with these credentials; `named` is the field of their Secret. Raises `Stalled` for what cannot sign."""
    azure = context.spec.azure
    if isinstance(credentials, AccountKey) and azure is not None:
        return _key_signer(credentials, account=azure.storage_account, named=named)
    if not isinstance(credentials, Ambient) or azure is None:
        raise Stalled(
            Reason.SECRET_INVALID, f"The Secret in {named} holds no account key. Store it there as accountKey."
        )
    if context.admin is not None:
        own = workload(os.environ)
        who = f"the operator's own identity (client {own.client})"
    else:  # in a Job under W&B's ServiceAccount, which becomes whom the specification names, as W&B does
        own = workload(os.environ, client=azure.client_id or "", tenant=azure.tenant_id or "")
        who = f"W&B's managed identity {own.client}"
    return Signer(credential=Identity(workload=own, tokens=tokens, context=context), who=who)


def _key_signer(credentials: AccountKey, *, account: str, named: str) -> Signer:
    """Return what signs with an account key; `named` is the field of its Secret. Raises `Stalled` for what is no key."""
    try:
        base64.b64decode(credentials.key, validate=True)
    except (binascii.Error, ValueError):
        raise Stalled(
            Reason.SECRET_INVALID,
            f"The accountKey of the Secret in {named} is no key of a storage account, since it is not base64. Store key1 or key2 there "
            "as Azure shows it (az storage account keys list).",
        ) from None
    return Signer(
        credential=AzureNamedKeyCredential(account, credentials.key),
        who=f"the account key of {named}",
        field=named,
        account_key=credentials.key,
    )
