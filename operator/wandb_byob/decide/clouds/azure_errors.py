"""What an error of Azure Blob Storage means: its code (`x-ms-error-code`) and the call decide, and nothing else of a reply is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.reasons import Reason

UNREADABLE: Final = "UnreadableReply"
"""Our own word for a reply of success that is none of Azure's."""
DATA_ROLE: Final = "Storage Blob Data Owner"
ACCOUNT_ROLE: Final = "Storage Account Contributor"

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")
_IN_BODY: Final = re.compile(rb"<Code>([A-Za-z][A-Za-z0-9]{1,63})</Code>")
# Azure means its firewall by the first; Azurite means a wrong signature, which Azure calls by the second, with the same sentence.
_FIREWALL, _NO_SIGNATURE, _SIGNATURE = (
    "AuthorizationFailure",
    "AuthenticationFailed",
    b"failed to authenticate the request",
)
_OF_THE_ACCOUNT: Final = frozenset({"GetAccountInformation", "GetBlobServiceProperties", "SetBlobServiceProperties"})
_BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices"
_PERMISSIONS: Final = {
    "CreateContainer": f"{_BLOBS}/containers/write",
    "SetContainerMetadata": f"{_BLOBS}/containers/write",
    "SetContainerACL": f"{_BLOBS}/containers/setAcl/action",
    "SetBlobServiceProperties": f"{_BLOBS}/write",
}
"""What an identity needs for what the operator sets, in Azure's own names of actions."""
_SOON, _LATER, _HOLD = timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=30)


@dataclass(eq=False)
class AzureError(Exception):
    """An error reply; `code` is Azure's word for it, or the status where it has none."""

    status: int
    code: str
    operation: str

    @property
    def denied(self) -> bool:
        """Whether whoever signs is known, but may not do this."""
        return self.code in _DENIED


def error_of(status: int, headers: Mapping[str, str], body: bytes, *, operation: str) -> AzureError:
    """Read an error reply; the answer to a HEAD has its code in a header alone."""
    told = headers.get("x-ms-error-code", "")
    found = _IN_BODY.search(body[:16384])
    code = told if _WORD.fullmatch(told) else found.group(1).decode() if found else str(status)
    if code == _FIREWALL and _SIGNATURE in body[:16384]:
        code = _NO_SIGNATURE
    return AzureError(status=status, code=code, operation=operation)


@dataclass(frozen=True, kw_only=True)
class Where:
    """What a call was about, for texts; `signer` is who signed it, `field` where the Secret of an account key is named ("": it was none)."""

    account: str
    container: str
    signer: str
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class _Meaning:
    """`check`: the one that fails by it, None where it is about the one call; `after` is None where only an edit or a grant helps."""

    reason: Reason
    message: str
    remedy: str
    check: CheckName | None = None
    after: timedelta | None = None


_DENIED: Final = frozenset({"AuthorizationPermissionMismatch", "InsufficientAccountPermissions"})
_MISSING: Final = frozenset({"ContainerNotFound", "ResourceNotFound"})
_AGAIN: Final = "It is tried again."
_KEY_REFUSED: Final = _Meaning(
    reason=Reason.ACCESS_DENIED,
    message="Azure does not accept {signer} for storage account {account} ({code}).",
    remedy="Put key1 or key2 of this very account into the Secret in {field}, as Azure shows it.",
    check=CheckName.CREDENTIALS,
)
_TOKEN_REFUSED: Final = _Meaning(
    reason=Reason.ACCESS_DENIED,
    message="Azure does not accept {signer} for storage account {account} ({code}).",
    remedy="See that spec.azure.tenantID is the tenant of the storage account.",
    check=CheckName.CREDENTIALS,
)
_BUSY: Final = _Meaning(
    reason=Reason.THROTTLED,
    message="Storage account {account} is busy and asks to slow down ({code}).",
    remedy=_AGAIN,
    after=_SOON,
)
_CHANGED: Final = _Meaning(
    reason=Reason.PROVIDER_ERROR,
    message="Container {container} was changed by somebody else at the same moment ({code}).",
    remedy=_AGAIN,
    after=_SOON,
)
_PROTECTED: Final = _Meaning(
    reason=Reason.CHECKS_FAILED,
    message="An immutability policy or a legal hold keeps files in container {container} from being changed ({code}).",
    remedy="Use a container without, or remove it: W&B overwrites and deletes files.",
    check=CheckName.IMMUTABILITY,
)
_GONE: Final = _Meaning(
    reason=Reason.BUCKET_NOT_FOUND,
    message="There is no container {container} in storage account {account} ({code}).",
    remedy="Create it, let the operator create it (spec.provisioning), or correct spec.azure.container.",
    check=CheckName.BUCKET_EXISTS,
)
_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "ContainerNotFound": _GONE,
    "ResourceNotFound": _GONE,
    "ContainerBeingDeleted": _Meaning(
        reason=Reason.PROGRESSING,
        message="Container {container} was just deleted, and Azure keeps its name back for 30 seconds or more ({code}).",
        remedy="It is created once the name is free.",
        check=CheckName.BUCKET_EXISTS,
        after=_HOLD,
    ),
    "ContainerDisabled": _Meaning(
        reason=Reason.PROVIDER_ERROR,
        message="Azure has disabled container {container} ({code}).",
        remedy="Ask Azure's support why, or use another container.",
        check=CheckName.BUCKET_EXISTS,
    ),
    "AccountIsDisabled": _Meaning(
        reason=Reason.ACCESS_DENIED,
        message="Storage account {account} is disabled ({code}).",
        remedy="Enable its subscription again in the Azure portal; bills that are not paid disable it.",
        check=CheckName.STORAGE_ACCOUNT,
    ),
    "AccountBeingCreated": _Meaning(
        reason=Reason.PROGRESSING,
        message="Storage account {account} is still being created ({code}).",
        remedy=_AGAIN,
        check=CheckName.STORAGE_ACCOUNT,
        after=_LATER,
    ),
    "KeyBasedAuthenticationNotPermitted": _Meaning(
        reason=Reason.ACCESS_DENIED,
        message="Storage account {account} takes no account keys ({code}).",
        remedy="Allow storage account key access in its configuration, or let W&B sign with a managed identity: credentials.source "
        "Ambient with spec.azure.tenantID and clientID.",
        check=CheckName.CREDENTIALS,
    ),
    _FIREWALL: _Meaning(
        reason=Reason.ACCESS_DENIED,
        message="Storage account {account} refuses requests from here, or what {signer} asks for ({code}).",
        remedy="Allow the networks of the cluster and of W&B's users, or a private endpoint, under Networking of the storage account.",
        check=CheckName.STORAGE_ACCOUNT,
    ),
    "FeatureNotSupportedForAccount": _Meaning(
        reason=Reason.PROVIDER_ERROR,
        message="Storage account {account} is of a kind that does not offer {operation} ({code}).",
        remedy="Use a general-purpose v2 account without a hierarchical namespace.",
        check=CheckName.STORAGE_ACCOUNT,
    ),
    "InvalidResourceName": _Meaning(
        reason=Reason.INVALID_SPEC,
        message="Azure does not take {container} as the name of a container ({code}).",
        remedy="Choose another name in spec.azure.container.",
        check=CheckName.BUCKET_NAME,
    ),
    "InvalidXmlNodeValue": _Meaning(
        reason=Reason.PROVIDER_ERROR,
        message="Azure does not take the CORS rules of storage account {account} with that of W&B ({code}).",
        remedy="Make the rules of others smaller (all together may have 2 KiB), or correct spec.cors.allowedOrigins.",
        check=CheckName.CORS,
    ),
    "LeaseIdMissing": _Meaning(
        reason=Reason.PROVIDER_ERROR,
        message="Somebody holds a lease on container {container}, which keeps it from being changed ({code}).",
        remedy="Break the lease, or have it released.",
    ),
    "BlobImmutableDueToPolicy": _PROTECTED,
    "BlobImmutableDueToLegalHold": _PROTECTED,
    "ContainerProtectedFromDeletion": _PROTECTED,
    "ServerBusy": _BUSY,
    "429": _BUSY,
    "503": _BUSY,
    "ConditionNotMet": _CHANGED,
    "ContainerAlreadyExists": _CHANGED,
    UNREADABLE: _Meaning(
        reason=Reason.PROVIDER_ERROR,
        message="The reply to {operation} is none of Azure Blob Storage.",
        remedy="See that no proxy between here and storage account {account} answers in its place.",
        after=_LATER,
    ),
}
_ALIASES: Final = {
    "AccountAlreadyExists": "AccountBeingCreated",
    "FeatureVersionMismatch": "FeatureNotSupportedForAccount",
    "InvalidXmlDocument": "InvalidXmlNodeValue",
    "OutOfRangeInput": "InvalidResourceName",
    "TooManyRequests": "ServerBusy",
}
_NOT_SIGNED: Final = frozenset({_NO_SIGNATURE, "InvalidAuthenticationInfo", "NoAuthenticationInformation", "401"})


def _meaning(error: AzureError, where: Where) -> _Meaning:
    code = _ALIASES.get(error.code, error.code)
    if code in _NOT_SIGNED:
        return _KEY_REFUSED if where.field else _TOKEN_REFUSED
    if code in _MEANINGS:
        return _MEANINGS[code]
    if error.status == 403:
        role = ACCOUNT_ROLE if error.operation in _OF_THE_ACCOUNT else DATA_ROLE
        return _Meaning(
            reason=Reason.ACCESS_DENIED,
            message="Azure refused {operation} to {signer} ({code}).",
            remedy=f"Give it the role {role} on storage account {{account}}; a new role counts after up to ten minutes.",
        )
    if error.status >= 500 or error.status == 408:
        return _Meaning(
            reason=Reason.PROVIDER_ERROR,
            message="Azure answered {operation} with status {status} ({code}).",
            remedy=_AGAIN,
            after=_LATER,
        )
    return _Meaning(
        reason=Reason.BUCKET_NOT_FOUND if error.status == 404 else Reason.PROVIDER_ERROR,
        message="Azure refused {operation} ({code}).",
        remedy="Correct spec.azure: storage account and container; an Azure feature that is off may be the cause, too.",
    )


def explain(error: AzureError, where: Where, *, clock: Check) -> Explanation:
    """Return what an error means and what to do about it; a `clock` that is wrong explains a signature that is not accepted."""
    meaning = _meaning(error, where)
    if meaning.check is CheckName.CREDENTIALS and clock.result is CheckResult.FAILED:
        meaning = _Meaning(
            reason=Reason.ACCESS_DENIED, message=clock.message, remedy=clock.remedy, check=clock.name, after=_LATER
        )
    words = {
        "account": where.account,
        "container": where.container,
        "signer": where.signer,
        "field": where.field,
        "operation": error.operation,
        "status": error.status,
        "code": error.code,
    }
    return Explanation(
        code=error.code,
        check=meaning.check,
        reason=meaning.reason,
        message=meaning.message.format(**words),
        remedy=meaning.remedy.format(**words),
        after=meaning.after,
    )


def unknown_account(told: Explanation, where: Where, *, host: str) -> Explanation:
    """Return what it means that DNS knows no such host: an account that is not there has no name, either."""
    message = f"There is no storage account {where.account}, or DNS here does not know its host {host}."
    remedy = "Correct spec.azure.storageAccount, or make the name resolvable from the operator's pod (private endpoints have a DNS zone of their own)."
    return replace(told, message=message, remedy=remedy)


def permission_for(operation: str) -> str:
    """Return the action that an operation needs, the operation itself where it is none of those that set something."""
    return _PERMISSIONS.get(operation, operation)


def role_of(permission: str) -> str:
    """Return Azure's own role with an action of `permission_for`."""
    return ACCOUNT_ROLE if permission == _PERMISSIONS["SetBlobServiceProperties"] else DATA_ROLE


def missing(error: AzureError) -> bool:
    """Say whether the container is not there."""
    return error.code in _MISSING or (error.status == 404 and error.code == "404")
