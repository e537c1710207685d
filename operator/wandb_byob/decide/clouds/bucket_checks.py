"""What the configuration of a bucket means for W&B: one check per aspect, each with what to do.

The checks depend on the state alone and not on how it came about, so that a second look says the same as the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide import permissions
from wandb_byob.decide.bucket_owner import Claim
from wandb_byob.decide.clouds import bucket_policy, cors
from wandb_byob.decide.clouds.bucket_denials import denials
from wandb_byob.decide.clouds.bucket_plan import VERSIONED, Wanted, is_encrypted
from wandb_byob.decide.clouds.bucket_state import BucketState, Encryption, LifecycleRule, PublicAccess, Unread
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult

OR_LET_THE_OPERATOR: Final = " Or let the operator do it: set spec.provisioning, and managementPolicy: Manage."


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the checks must know besides the bucket: `managed` False means that we change nothing; `paths` are those declared.

    `region` is the one asked for, in `region_field`; `no_policy` says why no policy is needed.
    """

    managed: bool
    region: str
    region_field: str
    paths: tuple[str, ...]
    no_policy: str = ""


def checks(state: BucketState, wanted: Wanted, circumstances: Circumstances) -> tuple[Check, ...]:
    """Return the checks of a bucket's metadata in the order in which a user should read them."""
    how = "" if circumstances.managed else OR_LET_THE_OPERATOR
    return (
        Check(name=CheckName.BUCKET_EXISTS, result=CheckResult.PASSED, message=f"The bucket {wanted.bucket} is there."),
        _region(state, circumstances),
        _cors(state, wanted, how),
        _policy(state, wanted, circumstances, how),
        _encryption(state, wanted, how),
        _versioning(state, how),
        _public_access(state, how),
        _lifecycle(state, circumstances),
    )


def owner(claim: Claim, tags: Mapping[str, str] | Unread) -> Check:
    """Return the check of whose the bucket is."""
    word = f" ({tags.action}: {tags.code})" if isinstance(tags, Unread) else ""
    result, message, remedy = {
        Claim.CREATED: (CheckResult.PASSED, "The operator created this bucket for this BucketStore.", ""),
        Claim.ADOPTED: (CheckResult.PASSED, "The bucket was there before and is adopted by this BucketStore.", ""),
        Claim.NONE: (CheckResult.SKIPPED, "The bucket carries no tag of the operator.", ""),
        Claim.UNKNOWN: (CheckResult.SKIPPED, f"No mark of ownership can be kept on the bucket or seen{word}.", ""),
        Claim.FOREIGN: (
            CheckResult.WARNING,
            f"The bucket's tag {names.OWNER_TAG} names another BucketStore as its owner.",
            "Use that BucketStore, or remove the tag if it is no more.",
        ),
    }[claim]
    return Check(name=CheckName.OWNER, result=result, message=message, remedy=remedy)


def unread(name: CheckName, found: Unread, *, consequence: str = "") -> Check:
    """Return the check of something that the store does not know, or does not let us see or set."""
    tail = f" {consequence}" if consequence else ""
    if not found.denied:
        return Check(
            name=name,
            result=CheckResult.SKIPPED,
            message=f"The store does not offer {found.action} ({found.code}).{tail}",
        )
    if found.action.startswith("s3:Put"):
        return permissions.not_set(name, found, consequence=consequence)
    if found.action not in bucket_policy.BUCKET_ACTIONS:
        return Check(
            name=name, result=CheckResult.SKIPPED, message=f"The store refused {found.action} ({found.code}).{tail}"
        )
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message=f"The store refused {found.action} ({found.code}), which W&B asks for.{tail}",
        remedy=f"Grant {found.action} to the identity that W&B signs with.",
    )


def _region(state: BucketState, circumstances: Circumstances) -> Check:
    # A store that names no region (MinIO) has accepted a signature for this one.
    if state.region in ("", circumstances.region):
        message = f"The bucket answers requests for the region {circumstances.region}."
        return Check(name=CheckName.REGION, result=CheckResult.PASSED, message=message)
    return Check(
        name=CheckName.REGION,
        result=CheckResult.FAILED,
        message=f"The bucket lies in {state.region}, not in {circumstances.region}.",
        remedy=f"Set {circumstances.region_field} to {state.region}.",
    )


def _cors(state: BucketState, wanted: Wanted, how: str) -> Check:
    name, origins = CheckName.CORS, ", ".join(wanted.origins)
    if isinstance(state.cors, Unread):
        return unread(name, state.cors, consequence="What browsers are let do is seen by the check Preflight.")
    problems = cors.problems(state.cors, wanted.origins)
    if not problems:
        message = f"Browsers at {origins} may GET, HEAD and PUT and see the ETag."
        return Check(name=name, result=CheckResult.PASSED, message=message)
    if state.lets_browsers_in:
        message = f"The bucket has no CORS rule for {origins} and needs none: the store itself lets browsers in (check Preflight)."
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    return Check(
        name=name,
        result=CheckResult.FAILED,
        message=f"Browsers cannot use the bucket: {'; '.join(problems)}.",
        remedy=f"Add a CORS rule that allows {origins} GET, HEAD and PUT with every header (*) and exposes ETag.{how}",
    )


def _policy(state: BucketState, wanted: Wanted, circumstances: Circumstances, how: str) -> Check:
    name = CheckName.POLICY
    if isinstance(state.policy, Unread):
        return _refused_policy(state.policy, wanted) if wanted.reader else _no_policy(circumstances)
    found = _doubled(state.policy, how) or _ungranted(state.policy, wanted, how) or _denied(state.policy, wanted)
    if found is not None:
        return found
    if not wanted.reader:
        return _no_policy(circumstances)
    if wanted.needed and wanted.needed[0].open_to_others(state.policy, wanted.arn):
        return Check(
            name=name,
            result=CheckResult.WARNING,
            message=f"A statement of the bucket policy lets {wanted.reader} in for every customer of W&B, not for your organization only.",
            remedy=f'Limit it by the condition StringLike wandb:OrgID "{wanted.needed[0].org_id}", or remove it.',
        )
    message = f"The bucket policy lets {wanted.reader} do what W&B needs."
    return Check(name=name, result=CheckResult.PASSED, message=message)


def _no_policy(circumstances: Circumstances) -> Check:
    return Check(name=CheckName.POLICY, result=CheckResult.SKIPPED, message=circumstances.no_policy)


def _doubled(policy: bucket_policy.Policy | None, how: str) -> Check | None:
    names = bucket_policy.doubled(policy)
    if not names:
        return None
    return Check(
        name=CheckName.POLICY,
        result=CheckResult.FAILED,
        message=f"The bucket policy names a principal that begins twice with the same prefix, and so nobody: {', '.join(names)}.",
        remedy=f"Write its last part only once after arn:aws:iam::wandb:static/.{how}",
    )


def _ungranted(policy: bucket_policy.Policy | None, wanted: Wanted, how: str) -> Check | None:
    for grant in wanted.needed:
        missing = grant.missing(policy, wanted.arn)
        if missing:
            whom = f"{grant.principal} (for {grant.org_id})" if grant.org_id else grant.principal
            under = f', under the condition StringLike wandb:OrgID "{grant.org_id}"' if grant.org_id else ""
            return Check(
                name=CheckName.POLICY,
                result=CheckResult.FAILED,
                message=f"The bucket policy does not let {whom} do {', '.join(missing)}.",
                remedy=f"Add a policy statement that allows {grant.principal} these actions on {wanted.arn} and {wanted.arn}/*{under}.{how}",
            )
    return None


def _denied(policy: bucket_policy.Policy | None, wanted: Wanted) -> Check | None:
    found = denials(policy, arn=wanted.arn, reader=wanted.reader)
    always = [each for each in found if not each.under]
    chosen = (always or found)[:1]
    for each in chosen:
        whom = wanted.reader or "the keys that W&B signs with"
        what = ", ".join(each.actions[:4]) + (f" and {len(each.actions) - 4} more" if len(each.actions) > 4 else "")
        may = "denies" if not each.under else f"may deny (under a condition on {', '.join(each.under)})"
        return Check(
            name=CheckName.POLICY,
            result=CheckResult.WARNING if each.under else CheckResult.FAILED,
            message=f"A Deny statement of the bucket policy ({each.sid}) {may} {whom} {what}.",
            remedy="Leave W&B out of that statement; the operator changes no statement of others.",
        )
    return None


def _refused_policy(found: Unread, wanted: Wanted) -> Check:
    if wanted.grants and found.code in ("MalformedPolicy", "InvalidPrincipal"):
        return Check(
            name=CheckName.POLICY,
            result=CheckResult.FAILED,
            message=f"CoreWeave does not accept the bucket policy ({found.code}).",
            remedy="See that spec.wandbOrgID of the WandbInstance and spec.coreWeave.directAccess.organizationID are right.",
        )
    if wanted.aws and found.code == "MalformedPolicy":
        return Check(
            name=CheckName.POLICY,
            result=CheckResult.FAILED,
            message=f"The store does not accept {wanted.reader} as a principal ({found.code}): there is no such role or user.",
            remedy="Correct spec.identity of the WandbInstance: the ARN of the role that W&B's pods run as.",
        )
    return unread(CheckName.POLICY, found)


def _encryption(state: BucketState, wanted: Wanted, how: str) -> Check:
    name, found = CheckName.ENCRYPTION, state.encryption
    if isinstance(found, Unread):
        return unread(name, found, consequence="Whether objects are encrypted at rest is the store's affair.")
    if is_encrypted(found, wanted):
        return Check(
            name=name, result=CheckResult.PASSED, message=f"New objects are encrypted with {_described(found)}."
        )
    if wanted.kms_key_arn:
        return Check(
            name=name,
            result=CheckResult.FAILED,
            message=f"New objects are encrypted with {_described(found)}, not with the key {wanted.kms_key_arn}.",
            remedy=f"Set the bucket's default encryption to the key in spec.s3.kmsKeyARN.{how}",
        )
    if not wanted.aws:
        message = "The bucket has no default encryption; whether objects are encrypted at rest is the store's affair."
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message="The bucket has no default encryption.",
        remedy=f"Set the bucket's default encryption to AES256.{how}",
    )


def _described(found: Encryption | None) -> str:
    if found is None:
        return "no key"
    return f"{found.algorithm}, key {found.key}" if found.key else found.algorithm


def _versioning(state: BucketState, how: str) -> Check:
    name, danger = CheckName.VERSIONING, "W&B's artifact garbage collection has no way back without versions."
    if isinstance(state.versioning, Unread):
        return unread(name, state.versioning, consequence=danger)
    if state.versioning == VERSIONED:
        return Check(name=name, result=CheckResult.PASSED, message="Versioning is enabled.")
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message=f"Versioning is {'suspended' if state.versioning else 'off'}. {danger}",
        remedy=f"Enable versioning on the bucket.{how}",
    )


def _public_access(state: BucketState, how: str) -> Check:
    name, found = CheckName.PUBLIC_ACCESS, state.public_access
    if isinstance(found, Unread):
        return unread(name, found)
    if isinstance(found, PublicAccess) and found.blocked:
        return Check(name=name, result=CheckResult.PASSED, message="Public access is blocked.")
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message="Public access to the bucket is not fully blocked.",
        remedy="Block all public access on the bucket, unless something else needs it; the operator does not do that to a bucket that it did not create.",
    )


def _lifecycle(state: BucketState, circumstances: Circumstances) -> Check:
    name = CheckName.LIFECYCLE
    if isinstance(state.lifecycle, Unread):
        return unread(name, state.lifecycle)
    found = tuple(_expiring(state.lifecycle, circumstances.paths))
    if not found:
        message = "No lifecycle rule expires objects under the declared paths."
        return Check(name=name, result=CheckResult.PASSED, message=message)
    listed = ", ".join(f"{rule.name or 'unnamed'} (under {rule.prefix or 'everything'})" for rule in found)
    return Check(
        name=name,
        result=CheckResult.WARNING,
        message=f"Lifecycle rules expire objects, so that runs lose their history: {listed}.",
        remedy="Remove these rules or limit them to other prefixes; expiring noncurrent versions is fine.",
    )


def _expiring(rules: Sequence[LifecycleRule], paths: Sequence[str]) -> Iterator[LifecycleRule]:
    for rule in rules:
        below = rule.prefix.removesuffix("/")
        touched = not paths or any(path.startswith(below) or below.startswith(path) for path in paths)
        if rule.expires and touched:
            yield rule
