"""What a container of Azure Blob Storage and its account mean for W&B: one check per aspect, each with what to do."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from wandb_byob.decide import bucket_owner, permissions
from wandb_byob.decide.clouds import bucket_checks
from wandb_byob.decide.clouds.azure_container import OWNER_METADATA, Account, Container, Service, State, Wanted
from wandb_byob.decide.clouds.azure_errors import ACCOUNT_ROLE
from wandb_byob.decide.clouds.azure_origins import MOST_RULES, cors_problems, merged
from wandb_byob.decide.clouds.bucket_checks import OR_LET_THE_OPERATOR
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult

_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_GOOD_KINDS: Final = ("StorageV2", "BlockBlobStorage", "BlobStorage")
_NO_BLOBS: Final = "FileStorage"
_NOTHING: Final[Mapping[CheckName, Unread]] = {}
_ALL_CONTAINERS: Final = "the storage account's, for all its containers."


def account_name(name: str) -> Check | None:
    """Return the failed check of a name that no storage account can have, which would lead a request elsewhere; None for others."""
    if _ACCOUNT.fullmatch(name):
        return None
    return Check(
        name=CheckName.STORAGE_ACCOUNT,
        result=CheckResult.FAILED,
        message="An Azure storage account name has 3 to 24 characters, lower-case letters and digits only.",
        remedy="Write the account's name alone in spec.azure.storageAccount, without .blob.core.windows.net."
        if "." in name or "/" in name
        else "Correct spec.azure.storageAccount.",
    )


def checks(
    state: State, wanted: Wanted, *, refused: Mapping[CheckName, Unread] = _NOTHING, managed: bool
) -> tuple[Check, ...]:
    """Return the checks in the order in which a user should read them; `refused`: what Azure did not let us set, and its word."""
    how = "" if managed else OR_LET_THE_OPERATOR
    return (
        _passed(CheckName.BUCKET_EXISTS, "The container is there."),
        _account(state.account),
        _owner(state.container, wanted),
        _cors(state.service, wanted, refused.get(CheckName.CORS), how),
        _soft_delete(state.service, refused.get(CheckName.SOFT_DELETE), how),
        _public_access(state.container, refused.get(CheckName.PUBLIC_ACCESS)),
        _immutability(state.container),
        *_managed_elsewhere(),
    )


def _account(account: Account | Unread) -> Check:
    name = CheckName.STORAGE_ACCOUNT
    if isinstance(account, Unread):
        message = (
            f"Of which kind the storage account is cannot be seen: Azure refused {account.action} ({account.code})."
        )
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    if account.kind == _NO_BLOBS:
        return Check(
            name=name,
            result=CheckResult.FAILED,
            message="The storage account is of kind FileStorage, which has no containers.",
            remedy="Use a general-purpose v2 account.",
        )
    if account.hierarchical:
        return Check(
            name=name,
            result=CheckResult.WARNING,
            message="The storage account has a hierarchical namespace: it offers no versioning, and folders stay when their files are gone.",
            remedy="Use a general-purpose v2 account without a hierarchical namespace; an account cannot be changed back.",
        )
    if account.kind not in _GOOD_KINDS:
        return Check(
            name=name,
            result=CheckResult.WARNING,
            message=f"The storage account is of kind {account.kind}, which lacks what general-purpose v2 accounts offer.",
            remedy="Upgrade it to general-purpose v2: az storage account update --set kind=StorageV2.",
        )
    return _passed(name, f"The storage account is of kind {account.kind}, without a hierarchical namespace.")


def _owner(container: Container, wanted: Wanted) -> Check:
    found = bucket_checks.owner(bucket_owner.claim(container.tags, wanted.uid), container.tags)
    words = {f"tag {names.OWNER_TAG}": f"metadata {OWNER_METADATA}", "no tag": "no metadata", "bucket": "container"}
    message = found.message
    for ours, azures in words.items():
        message = message.replace(ours, azures)
    return replace(found, message=message)


def _cors(service: Service | Unread, wanted: Wanted, refused: Unread | None, how: str) -> Check:
    name, listed = CheckName.CORS, ", ".join(wanted.origins)
    if isinstance(service, Unread):
        return _unseen(name, service)
    problems = cors_problems(service.cors, wanted.origins)
    if not problems:
        message = f"Browsers at {listed} may GET, HEAD and PUT and see the ETag. The rules are {_ALL_CONTAINERS}"
        return _passed(name, message)
    message = f"Browsers cannot use the container: {'; '.join(problems)}. The rules are {_ALL_CONTAINERS}"
    others = [origin for origin in wanted.origins if origin not in wanted.lets_in]
    if cors_problems(service.cors, others):
        return Check(name=name, result=CheckResult.FAILED, message=message, remedy=_not_by_us(", ".join(others)))
    if refused is not None:
        return _unset(name, refused)
    room = len(merged(service.cors, wanted.lets_in)) <= MOST_RULES
    if not room:
        remedy = (
            f"Let {listed} into one of the account's {len(service.cors)} CORS rules, with GET, HEAD and PUT, every header (*) and every "
            f"exposed header (*), or remove one: Azure takes {MOST_RULES}, and the operator changes none of others."
        )
        return Check(name=name, result=CheckResult.FAILED, message=message, remedy=remedy)
    remedy = f"Add a CORS rule for {listed} with GET, HEAD and PUT, every header (*) and every exposed header (*).{how}"
    return Check(name=name, result=CheckResult.FAILED, message=message, remedy=remedy)


def _not_by_us(origins: str) -> str:
    return (
        "With its own identity, which all who may create a BucketStore use, the operator lets in the host of the WandbInstance alone. Take "
        f"{origins} out of spec.cors.allowedOrigins, or have it let in by hand (byob policy has the command), or give the account's key in "
        "spec.provisioning.secretRef."
    )


def _soft_delete(service: Service | Unread, refused: Unread | None, how: str) -> Check:
    name = CheckName.SOFT_DELETE
    if isinstance(service, Unread):
        return _unseen(name, service)
    if service.soft_delete:
        kept = f"Soft delete keeps what is deleted for {service.soft_delete} days, the small objects of probes too."
        return _passed(name, f"{kept} It is {_ALL_CONTAINERS}")
    if refused is not None:
        return _unset(name, refused)
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message=f"Soft delete is off, which W&B's garbage collection of artifacts needs. It is {_ALL_CONTAINERS}",
        remedy=f"Turn on soft delete for blobs, for 7 days or more.{how}",
    )


def _public_access(container: Container, refused: Unread | None) -> Check:
    if not container.public:
        return _passed(CheckName.PUBLIC_ACCESS, "Nothing in the container is public.")
    if refused is not None:
        return _unset(CheckName.PUBLIC_ACCESS, refused)
    return Check(
        name=CheckName.PUBLIC_ACCESS,
        result=CheckResult.WARNING,
        message=f"The container is open to everybody (anonymous access: {container.public}).",
        remedy="Set its anonymous access level to private, unless something needs public files; the operator does not do that to a "
        "container that it did not create.",
    )


def _immutability(container: Container) -> Check:
    name = CheckName.IMMUTABILITY
    if container.immutable or container.held:
        what = " and ".join(
            [
                *(["an immutability policy"] if container.immutable else []),
                *(["a legal hold"] if container.held else []),
            ]
        )
        return Check(
            name=name,
            result=CheckResult.FAILED,
            message=f"The container has {what}, which keeps files from being overwritten and deleted.",
            remedy="Use a container without, or remove it: W&B overwrites and deletes files.",
        )
    if container.immutable_versions:
        return Check(
            name=name,
            result=CheckResult.WARNING,
            message="Version-level immutability is turned on for the container, so that files may get policies that keep them from being deleted.",
            remedy="Set no default policy on it, or use a container without: W&B deletes files.",
        )
    return _passed(name, "No immutability policy or legal hold keeps files from being overwritten and deleted.")


def _managed_elsewhere() -> tuple[Check, ...]:
    """Return what Azure shows and sets by its management API alone, which takes another kind of credentials."""
    versioning = (
        "Versioning is shown and set by Azure's management API alone, which the operator does not use; W&B's garbage collection of "
        "artifacts needs soft delete on Azure, not versioning. byob policy has the command that turns on both."
    )
    lifecycle = (
        "Whether a rule of the account's lifecycle management deletes files is shown by Azure's management API alone, which the "
        "operator does not use: az storage account management-policy show."
    )
    told = {CheckName.VERSIONING: versioning, CheckName.LIFECYCLE: lifecycle}
    return tuple(Check(name=name, result=CheckResult.SKIPPED, message=message) for name, message in told.items())


def hidden(code: str) -> tuple[Check, ...]:
    """Return the check of a container that whoever signs for W&B may not look at."""
    message = f"The container cannot be looked at ({code})."
    return (Check(name=CheckName.BUCKET_EXISTS, result=CheckResult.SKIPPED, message=message),)


def _unseen(name: CheckName, found: Unread) -> Check:
    message = f"Azure refused {found.action} ({found.code}), so this is not seen."
    if not found.denied:
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    remedy = f"Give the identity that looks here the role {ACCOUNT_ROLE} on the storage account; W&B asks for it, too."
    return Check(name=name, result=CheckResult.WARNING, message=message, remedy=remedy)


def _unset(name: CheckName, refused: Unread) -> Check:
    if refused.denied:
        return permissions.not_set(name, refused)
    return Check(
        name=name,
        result=CheckResult.FAILED,
        message=f"The storage account does not offer {refused.action} ({refused.code}), so this is not configured.",
        remedy="Use a general-purpose v2 account without a hierarchical namespace.",
    )


def _passed(name: CheckName, message: str) -> Check:
    return Check(name=name, result=CheckResult.PASSED, message=message)
