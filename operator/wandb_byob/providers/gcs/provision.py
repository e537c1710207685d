"""Bring a bucket to what is asked, or plan it: one request creates it whole, one patch adds all that lacks.

A project's creations and a bucket's updates are paced as Google's limits ask (`recent`); a 429 waits for the next look.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wandb_byob.decide import absence, bucket_owner, permissions
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.clouds import gcs_bucket, gcs_checks
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.clouds.gcs_bucket import GcsState
from wandb_byob.decide.deletion import not_deleted
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned
from wandb_byob.providers.gcs.api import Api, GcsError

_TEXTS: Final = {
    CheckName.BUCKET_EXISTS: "Create the bucket {bucket} in {location}.",
    CheckName.OWNER: "Label the bucket {bucket} as this BucketStore's.",
    CheckName.CORS: "Add a CORS rule that lets browsers at {origins} GET, HEAD and PUT and see the ETag.",
    CheckName.VERSIONING: "Enable versioning.",
    CheckName.SOFT_DELETE: "Turn on soft delete for 7 days.",
    CheckName.UNIFORM_ACCESS: "Turn on uniform bucket-level access.",
    CheckName.PUBLIC_ACCESS: "Prevent public access.",
    CheckName.POLICY: "Grant {role} on the bucket to {account}.",
}
_CREATED: Final = frozenset(_TEXTS) - {CheckName.POLICY}
"""What the one request that creates a bucket sets."""
_NOBODYS: Final = Ownership()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of the bucket; `account` is the service account that W&B reads it as, `project` where it is created."""

    account: str
    project: str
    location: str


def provision(api: Api, wanted: Wanted) -> Provisioned:
    """Look at the bucket, change what `managementPolicy` and the credentials allow, and check its metadata."""
    context = api.context
    if context.manages and not wanted.account:
        raise Stalled(
            Reason.PRINCIPAL_UNKNOWN,
            "The bucket's IAM policy needs to name the service account that W&B's pods run as, and that is not known. Set "
            "spec.identity of the WandbInstance to its address (<name>@<project>.iam.gserviceaccount.com).",
        )
    try:
        resource = api.bucket_call("GetBucket", "GET")
    except GcsError as error:
        if error.missing:
            return _absent(api, wanted)
        if error.denied and context.admin is not None:
            raise not_ours(api, error) from None
        if error.denied:
            return Provisioned(facts=facts(context, assumed=True), checks=gcs_checks.hidden(error.permission))
        raise
    return _present(api, wanted, gcs_bucket.state_of(resource))


def not_ours(api: Api, error: GcsError) -> Stalled:
    """Return the refusal of a bucket that the provisioning credentials cannot even see."""
    return Stalled(
        Reason.BUCKET_NOT_OURS,
        f"The name {api.bucket} is taken and {api.signer.who.account} may not see the bucket ({error.code}): it belongs to somebody else, or "
        f"{error.permission} is missing. Choose another name, or grant {error.permission} if the bucket is yours.",
    )


def _absent(api: Api, wanted: Wanted) -> Provisioned:
    context, what = api.context, f"bucket {api.bucket}"
    if absence.to_be_made(
        what,
        provisioned=context.admin is not None,
        managed=context.manages,
        intended=context.intended,
        restore=" (soft delete keeps it for a time)",
    ):
        return _created(api, wanted)
    planned = _CREATED | ({CheckName.POLICY} if wanted.account else set())
    return Provisioned(facts=None, checks=(absence.not_there(what),), planned=_changes(api, wanted, planned))


def _created(api: Api, wanted: Wanted) -> Provisioned:
    context = api.context
    if not wanted.project:
        raise Stalled(
            Reason.INVALID_SPEC,
            "The bucket cannot be created, since its project is not known. Set spec.gcs.projectID.",
        )
    resource = gcs_bucket.creation(
        uid=context.uid, bucket=api.bucket, location=wanted.location, origins=context.tenant.origins
    )
    try:
        made = gcs_bucket.state_of(api.create(resource, project=wanted.project))
    except GcsError as error:
        if error.denied:
            raise _not_begun(api, error, step="created") from None
        if error.status != 409:
            raise
        # Taken in the meantime, or made by us in a request whose reply was lost: the label tells.
        return _present(api, wanted, gcs_bucket.state_of(api.bucket_call("GetBucket", "GET")))
    return _finished(api, wanted, made, Ownership(created=True), {}, _CREATED)


def _present(api: Api, wanted: Wanted, state: GcsState) -> Provisioned:
    context = api.context
    if not context.manages:
        return _observed(api, wanted, state)
    grounds = context.grounds(api.bucket, mark=f"label {gcs_bucket.OWNER_LABEL}")
    # A bucket of our making has its label from its first moment: one without it is never taken for ours.
    own = bucket_owner.ownership(state.tags, uid=context.uid, grounds=grounds, pristine=False)
    parts = gcs_bucket.patch(state, uid=context.uid, created=own.created, origins=context.tenant.origins)
    refused: Mapping[CheckName, Unread] = {}
    try:
        if parts:
            state = gcs_bucket.state_of(api.patch(gcs_bucket.as_one(parts), metageneration=state.metageneration))
    except GcsError as error:
        if not error.denied:
            raise
        if CheckName.OWNER in parts:
            raise _not_begun(api, error, step="marked as this BucketStore's") from None
        refused = dict.fromkeys(parts, _refused(error))
    return _finished(api, wanted, state, own, refused, frozenset(parts))


def _finished(
    api: Api,
    wanted: Wanted,
    state: GcsState,
    own: Ownership,
    refused: Mapping[CheckName, Unread],
    asked: frozenset[CheckName],
) -> Provisioned:
    """Grant W&B its role, and check what came of all that was asked for; what is in `refused` was not set."""
    grant, done = _granted(api, wanted)
    if isinstance(grant, Unread):
        refused = {**refused, CheckName.POLICY: grant}
        grant = permissions.not_set(CheckName.POLICY, grant)
    found = _told(api, wanted, state, own, grant, _changes(api, wanted, {*(asked - refused.keys()), *done}))
    checks = (
        permissions.not_set(each.name, refused[each.name]) if each.name in refused else each for each in found.checks
    )
    lacking = permissions.lacking(tuple(refused.values()), who=api.signer.who.account, held_by=gcs_bucket.ROLE)
    return replace(found, checks=(*checks, *lacking))


def _refused(error: GcsError) -> Unread:
    return Unread(code=error.code, action=error.permission, denied=True)


def _not_begun(api: Api, error: GcsError, *, step: str) -> Stalled:
    who, name = api.signer.who.account, f"The bucket {api.bucket}"
    return permissions.not_begun(_refused(error), bucket=name, step=step, who=who, held_by=gcs_bucket.ROLE)


def _observed(api: Api, wanted: Wanted, state: GcsState) -> Provisioned:
    context = api.context
    claim = bucket_owner.claim(state.tags, context.uid)
    own = Ownership(created=claim is Claim.CREATED, adopted=claim is Claim.ADOPTED)
    grant = _grant_seen(api, wanted)
    planned: tuple[Change, ...] = ()
    if context.admin is not None:
        parts = gcs_bucket.patch(state, uid=context.uid, created=own.created, origins=context.tenant.origins)
        lacks = {CheckName.POLICY} if grant.result is CheckResult.WARNING else set()
        planned = _changes(api, wanted, {*parts, *lacks})
    told = _told(api, wanted, state, own, grant, ())
    return Provisioned(facts=told.facts, checks=told.checks, planned=planned)


def _grant_seen(api: Api, wanted: Wanted) -> Check:
    if not wanted.account:
        return gcs_checks.grant(None, "", managed=False)
    try:
        policy = _policy(api)
    except GcsError as error:
        if not error.denied:
            raise
        return gcs_checks.grant(None, wanted.account, denied=error.permission, managed=False)
    return gcs_checks.grant(policy, wanted.account, managed=False)


def _granted(api: Api, wanted: Wanted) -> tuple[Check | Unread, tuple[CheckName, ...]]:
    """Add W&B's service account to the IAM policy, if it lacks, and return what was done; the etag keeps what others write meanwhile."""
    done: tuple[CheckName, ...] = ()
    try:
        policy = _policy(api)
        if not gcs_bucket.is_granted(policy, wanted.account):
            policy = api.set_policy(gcs_bucket.granted(policy, wanted.account))
            done = (CheckName.POLICY,)
    except GcsError as error:
        if error.denied:
            return _refused(error), ()
        if error.status != 400 or error.operation != "SetIamPolicy":
            raise
        raise Stalled(
            Reason.PRINCIPAL_UNKNOWN,
            f"Google does not accept {wanted.account} in the bucket's IAM policy ({error.code}): there may be no such service account. "
            "Correct spec.identity of the WandbInstance, or the key in spec.credentials.",
        ) from None
    return gcs_checks.grant(policy, wanted.account, managed=True), done


def _policy(api: Api) -> Mapping[str, Any]:
    return api.bucket_call("GetIamPolicy", "GET", "/iam", query={"optionsRequestedPolicyVersion": "3"})


def _told(
    api: Api, wanted: Wanted, state: GcsState, own: Ownership, grant: Check, applied: tuple[Change, ...]
) -> Provisioned:
    context, gcs = api.context, api.context.spec.gcs
    asked = gcs.location or "" if gcs is not None else ""
    checks = gcs_checks.checks(
        state,
        uid=context.uid,
        location=asked,
        origins=context.tenant.origins,
        paths=context.paths,
        managed=context.manages,
    )
    return Provisioned(facts=facts(context, state, own), checks=(*checks, grant), applied=applied)


def facts(
    context: Context, state: GcsState | None = None, own: Ownership = _NOBODYS, *, assumed: bool = False
) -> BucketFacts:
    """Return what is known of the bucket; the owner is its project's number."""
    gcs = context.spec.gcs
    name, location = (gcs.bucket, gcs.location or "") if gcs is not None else ("", "")
    return BucketFacts(
        created=own.created,
        adopted=own.adopted,
        owner=state.project_number if state is not None else "",
        region=(state.location if state is not None else "") or location,
        url=f"https://storage.googleapis.com/{name}",
        identity=f"gs://{name}",
        assumed=assumed,
    )


def _changes(api: Api, wanted: Wanted, names: Collection[CheckName]) -> tuple[Change, ...]:
    words = {
        "bucket": api.bucket,
        "location": wanted.location,
        "origins": ", ".join(api.context.tenant.origins),
        "role": gcs_bucket.ROLE,
        "account": wanted.account,
    }
    return tuple(Change(name=name.value, message=_TEXTS[name].format(**words)) for name in _TEXTS if name in names)


def delete(api: Api, *, project: str) -> None:
    """Delete the bucket if we made it and nothing is in it; one that is gone already is no error."""
    try:
        state = gcs_bucket.state_of(api.bucket_call("GetBucket", "GET"))
    except GcsError as error:
        if error.missing:
            return
        raise (not_ours(api, error) if error.denied else error) from None
    if bucket_owner.claim(state.tags, api.context.uid) is not Claim.CREATED:
        raise not_deleted(
            f"bucket {api.bucket}", f"its label {gcs_bucket.OWNER_LABEL} does not say that this BucketStore created it"
        )
    listed = api.bucket_call("ListObjects", "GET", "/o", query={"versions": "true", "maxResults": "1"})
    if listed.get("items") or listed.get("nextPageToken"):
        raise not_deleted(f"bucket {api.bucket}", "it is not empty (objects and their old versions count)")
    try:
        api.drop(state.metageneration, project=project)
    except GcsError as error:
        if error.status == 409:
            raise not_deleted(f"bucket {api.bucket}", "Google says that it is not empty") from None
        if not error.missing:
            raise
