"""What is set on a bucket, what is wanted, and the checks of it: pure functions."""

from collections.abc import Mapping
from typing import Any, Final

from wandb_byob.providers.shelf.api import Api

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.clouds import cors
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.providers.base import Change, Context

_TEXTS: Final = {
    CheckName.BUCKET_EXISTS: "Put the bucket {bucket} on the shelf.",
    CheckName.OWNER: "Mark the bucket {bucket} as this BucketStore's.",
    CheckName.CORS: "Add a CORS rule that lets browsers at {origins} GET, HEAD and PUT and see the ETag.",
}


def tags(found: Mapping[str, Any]) -> dict[str, str]:
    labels = found.get("labels")
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}


def rules(found: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    listed = found.get("cors")
    return tuple(rule for rule in listed if isinstance(rule, dict)) if isinstance(listed, list) else ()


def own_of(found: Mapping[str, Any], context: Context) -> Ownership:
    claim = bucket_owner.claim(tags(found), context.uid)
    return Ownership(created=claim is Claim.CREATED, adopted=claim is Claim.ADOPTED)


def wanted_of(found: Mapping[str, Any], context: Context, *, created: bool) -> dict[CheckName, Any]:
    """Return what is to be set, by the check that sees it; what is there already, and others' rules and labels, stay."""
    held, there = tags(found), rules(found)
    marked = bucket_owner.tagged(held, context.uid, created=created)
    merged = cors.merged(there, context.tenant.origins)
    wanted: dict[CheckName, Any] = {}
    if marked != held:
        wanted[CheckName.OWNER] = marked
    if merged != there:
        wanted[CheckName.CORS] = merged
    return wanted


def as_resource(wanted: Mapping[CheckName, Any]) -> dict[str, Any]:
    fields = {CheckName.OWNER: "labels", CheckName.CORS: "cors"}
    return {fields[name]: value for name, value in wanted.items() if name in fields}


def changes(api: Api, wanted: Mapping[CheckName, Any]) -> tuple[Change, ...]:
    words = {"bucket": api.bucket, "origins": ", ".join(api.context.tenant.origins)}
    return tuple(
        Change(name=name.value, message=text.format(**words)) for name, text in _TEXTS.items() if name in wanted
    )


def owner_check(found: Mapping[str, Any], context: Context) -> Check:
    claim = bucket_owner.claim(tags(found), context.uid)
    if claim is Claim.FOREIGN:
        message = f"The bucket's label {names.OWNER_TAG} names another BucketStore as its owner."
        remedy = "Use that BucketStore, or remove the label if it is no more."
        return Check(name=CheckName.OWNER, result=CheckResult.WARNING, message=message, remedy=remedy)
    result = CheckResult.SKIPPED if claim is Claim.NONE else CheckResult.PASSED
    return Check(name=CheckName.OWNER, result=result, message=f"Whose the bucket is, by its label: {claim.value}.")


def cors_check(found: Mapping[str, Any], context: Context, *, manages: bool) -> Check:
    problems = cors.problems(rules(found), context.tenant.origins)
    if not problems:
        return Check(
            name=CheckName.CORS, result=CheckResult.PASSED, message="Browsers at W&B's address may use the bucket."
        )
    how = "" if manages else " Or let the operator do it: set spec.provisioning, and managementPolicy: Manage."
    origins = ", ".join(context.tenant.origins)
    return Check(
        name=CheckName.CORS,
        result=CheckResult.FAILED,
        message=f"Browsers cannot use the bucket: {'; '.join(problems)}.",
        remedy=f"Add a CORS rule that allows {origins} GET, HEAD and PUT with every header (*) and exposes ETag.{how}",
    )
