"""What the configuration of a bucket in Google Cloud Storage means for W&B: one check per aspect, each with what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.clouds import bucket_checks
from wandb_byob.decide.clouds.bucket_checks import OR_LET_THE_OPERATOR
from wandb_byob.decide.clouds.gcs_bucket import OWNER_LABEL, ROLE, GcsState, cors_problems, is_granted
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult

_NO_SOFT_DELETE: Final = "Bucket does not have soft deletion enabled"  # W&B's own words


def checks(
    state: GcsState, *, uid: str, location: str, origins: Sequence[str], paths: Sequence[str], managed: bool
) -> tuple[Check, ...]:
    """Return the checks of the bucket itself in the order in which a user should read them; `location` "" asks for none."""
    how = "" if managed else OR_LET_THE_OPERATOR
    return (
        Check(name=CheckName.BUCKET_EXISTS, result=CheckResult.PASSED, message="The bucket is there."),
        _location(state, location),
        _owner(state, uid),
        _cors(state, origins, how),
        _uniform_access(state),
        _versioning(state, how),
        _soft_delete(state, how),
        _public_access(state),
        _lifecycle(state, paths),
    )


def _location(state: GcsState, wanted: str) -> Check:
    if not wanted or state.location.lower() == wanted.lower():
        return _passed(CheckName.REGION, f"The bucket lies in {state.location}.")
    return Check(
        name=CheckName.REGION,
        result=CheckResult.FAILED,
        message=f"The bucket lies in {state.location}, not in {wanted}.",
        remedy=f"Set spec.gcs.location to {state.location}: a bucket cannot be moved.",
    )


def _owner(state: GcsState, uid: str) -> Check:
    found = bucket_checks.owner(bucket_owner.claim(state.tags, uid), state.tags)
    return replace(found, message=found.message.replace(f"tag {names.OWNER_TAG}", f"label {OWNER_LABEL}"))


def _cors(state: GcsState, origins: Sequence[str], how: str) -> Check:
    problems = cors_problems(state.cors, origins)
    listed = ", ".join(origins)
    if not problems:
        return _passed(CheckName.CORS, f"Browsers at {listed} may GET, HEAD and PUT and see the ETag.")
    return Check(
        name=CheckName.CORS,
        result=CheckResult.FAILED,
        message=f"Browsers cannot use the bucket: {'; '.join(problems)}.",
        remedy=f"Add a CORS rule that allows {listed} GET, HEAD and PUT, with Content-Md5, Content-Type and ETag in responseHeader: "
        "there stand the headers that browsers may send and those that they may read. (The sample of W&B's documentation has "
        f"exposeHeaders, which Google Cloud Storage does not know and drops.){how}",
    )


def _uniform_access(state: GcsState) -> Check:
    if state.uniform_access:
        return _passed(CheckName.UNIFORM_ACCESS, "IAM alone decides who may read (uniform bucket-level access).")
    return Check(
        name=CheckName.UNIFORM_ACCESS,
        result=CheckResult.WARNING,
        message="Uniform bucket-level access is off, so that access control lists of single objects count too.",
        remedy="Turn on uniform bucket-level access, unless somebody needs these lists; the operator does not do that to a bucket "
        "that it did not create.",
    )


def _versioning(state: GcsState, how: str) -> Check:
    if state.versioning:
        return _passed(CheckName.VERSIONING, "Versioning is enabled.")
    return Check(
        name=CheckName.VERSIONING,
        result=CheckResult.WARNING,
        message="Versioning is off, so that nothing keeps what is overwritten.",
        remedy=f"Enable versioning on the bucket.{how}",
    )


def _soft_delete(state: GcsState, how: str) -> Check:
    if state.soft_delete:
        return _passed(CheckName.SOFT_DELETE, "Soft delete keeps what is deleted for a time.")
    return Check(
        name=CheckName.SOFT_DELETE,
        result=CheckResult.FAILED,
        message=f"Soft delete is off, which W&B refuses: {_NO_SOFT_DELETE}.",
        remedy=f"Turn on soft delete, for 7 days or more.{how}",
    )


def _public_access(state: GcsState) -> Check:
    if state.public_access_prevented:
        return _passed(CheckName.PUBLIC_ACCESS, "Public access is prevented.")
    return Check(
        name=CheckName.PUBLIC_ACCESS,
        result=CheckResult.WARNING,
        message="The bucket does not prevent public access by itself.",
        remedy="Set public access prevention to enforced, unless something needs public objects; the operator does not do that to a "
        "bucket that it did not create.",
    )


def _lifecycle(state: GcsState, paths: Sequence[str]) -> Check:
    prefixes = [prefix for rule in state.deletes for prefix in (rule.prefixes or ("",))]
    found = [prefix for prefix in prefixes if _touches(prefix.removesuffix("/"), paths)]
    if not found:
        return _passed(CheckName.LIFECYCLE, "No lifecycle rule deletes objects under the declared paths.")
    listed = ", ".join(prefix or "everything" for prefix in found)
    return Check(
        name=CheckName.LIFECYCLE,
        result=CheckResult.WARNING,
        message=f"Lifecycle rules delete objects, so that runs lose their history: under {listed}.",
        remedy="Remove these rules or limit them to other prefixes; deleting noncurrent versions is fine.",
    )


def _touches(prefix: str, paths: Sequence[str]) -> bool:
    return not paths or any(path.startswith(prefix) or prefix.startswith(path) for path in paths)


def grant(policy: Mapping[str, Any] | None, account: str, *, denied: str = "", managed: bool) -> Check:
    """Return the check of the bucket's IAM policy; None where it could not be read, for `denied`, the permission that lacks."""
    name, how = CheckName.POLICY, "" if managed else OR_LET_THE_OPERATOR
    if not account:
        message = "Which service account W&B's pods run as is not known, so the bucket's IAM policy is not checked."
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    if policy is None:
        message = f"The bucket's IAM policy cannot be seen: the permission {denied} is missing."
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    if is_granted(policy, account):
        return _passed(name, f"The bucket's IAM policy gives {account} the role {ROLE}.")
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message=f"The bucket's IAM policy does not give {account} the role {ROLE}; it may have it from the project.",
        remedy=f"Grant {ROLE} on the bucket to {account}: without it W&B's own check of CORS and versioning gets a 403.{how}",
    )


def hidden(permission: str) -> tuple[Check, ...]:
    """Return the checks of a bucket that W&B's own key may not look at."""
    return (
        Check(name=CheckName.BUCKET_EXISTS, result=CheckResult.SKIPPED, message="The bucket cannot be looked at."),
        Check(
            name=CheckName.POLICY,
            result=CheckResult.WARNING,
            message=f"The key that W&B gets lacks {permission}: W&B's own check of CORS and versioning gets a 403.",
            remedy=f"Grant {ROLE} on the bucket to the service account of spec.credentials.",
        ),
    )


def _passed(name: CheckName, message: str) -> Check:
    return Check(name=name, result=CheckResult.PASSED, message=message)
