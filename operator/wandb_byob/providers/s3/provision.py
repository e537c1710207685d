"""Bring a bucket to what is asked, or plan it: look whether it is there, whose it is, what it lacks, and set only that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from wandb_byob.decide import bucket_checks, bucket_owner, bucket_plan, bucket_policy
from wandb_byob.decide.bucket_checks import Circumstances
from wandb_byob.decide.bucket_owner import Claim, Grounds, Ownership
from wandb_byob.decide.bucket_plan import Wanted
from wandb_byob.decide.bucket_policy import Grant
from wandb_byob.decide.bucket_state import Aspect, BucketState, Unread
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned
from wandb_byob.providers.s3 import apply, observe
from wandb_byob.providers.s3.observe import Bucket, Presence
from wandb_byob.providers.s3.refusals import Refusals
from wandb_byob.providers.s3.target import ANY_ZONE, Target, identity_of

_NAMES: Final[Mapping[Aspect, CheckName]] = {
    "tags": CheckName.OWNER,
    "cors": CheckName.CORS,
    "policy": CheckName.POLICY,
    "versioning": CheckName.VERSIONING,
    "encryption": CheckName.ENCRYPTION,
    "public_access": CheckName.PUBLIC_ACCESS,
}


def provision(bucket: Bucket, refusals: Refusals) -> Provisioned:
    """Look at the bucket, change what `managementPolicy` and the credentials allow, and check its metadata."""
    seen = observe.presence(bucket)
    if not seen.exists:
        return _absent(bucket, refusals)
    if seen.hidden is not None and bucket.context.admin is not None:
        raise observe.not_ours(bucket, seen.hidden)
    if _manages(bucket.context):
        return _managed(bucket, refusals, region=seen.region)
    return _observed(bucket, seen)


def unsigned(context: Context, target: Target) -> Provisioned:
    """Return what can be said of a bucket that nobody here can sign for: that it is not looked at."""
    check = Check(
        name=CheckName.BUCKET_EXISTS,
        result=CheckResult.SKIPPED,
        message="Nobody here can sign requests to the bucket, so its configuration is not seen from here.",
    )
    facts = replace(_facts(target, BucketState(tags={}), Ownership()), assumed=True)
    return Provisioned(facts=facts, checks=(check,))


def _manages(context: Context) -> bool:
    return context.admin is not None and context.spec.management_policy == "Manage"


def _absent(bucket: Bucket, refusals: Refusals) -> Provisioned:
    context, target = bucket.context, bucket.where.target
    if context.admin is None:
        raise Stalled(
            Reason.BUCKET_NOT_FOUND,
            f"There is no bucket {bucket.name} at {target.route.url}, and nothing to create it with. Set spec.provisioning to have "
            "it created, or create it by hand, or correct its name.",
        )
    if context.spec.management_policy == "Manage" and context.intended:
        return _created(bucket, refusals)
    if context.spec.management_policy == "Manage":
        raise Stalled(
            Reason.BUCKET_NOT_FOUND,
            f"The bucket {bucket.name} was at {target.route.url} and is gone. It is not made anew, since its files would still be "
            "missing: restore it, or delete this BucketStore and create it again for an empty bucket.",
        )
    wanted, _ = _wanted(context, target, created=True)
    fresh = BucketState(tags={})
    goal = bucket_plan.target(fresh, wanted, tags=bucket_owner.tagged({}, context.uid, created=True))
    check = Check(
        name=CheckName.BUCKET_EXISTS,
        result=CheckResult.FAILED,
        message=f"There is no bucket {bucket.name} at {target.route.url}.",
        remedy="Set managementPolicy: Manage to have it created.",
    )
    return Provisioned(
        facts=None, checks=(check,), planned=(_creation(target), *_changes(bucket_plan.changes(fresh, goal, wanted)))
    )


def _created(bucket: Bucket, refusals: Refusals) -> Provisioned:
    """Create the bucket and configure it; what AWS makes is known, what another store makes is read."""
    target = bucket.where.target
    wanted, reason = _wanted(bucket.context, target, created=True)
    if not apply.create(bucket):
        return _managed(bucket, refusals, region="")
    done = _Done(bucket=bucket, refusals=refusals)
    tags = done.mark({}, bucket_owner.tagged({}, bucket.context.uid, created=True))
    state = BucketState(tags=tags) if target.route.aws else observe.read(bucket, region="", tags=tags)
    return done.configure(state, wanted, reason, Ownership(created=True), (_creation(target), *done.applied))


def _managed(bucket: Bucket, refusals: Refusals, *, region: str) -> Provisioned:
    """Configure a bucket that is there, if it may be: it is ours, or may be adopted."""
    context, target = bucket.context, bucket.where.target
    grounds = Grounds(
        bucket=bucket.name,
        intended=context.intended,
        adopt=context.spec.adoption_policy == "Adopt",
        recorded=context.recorded,
    )
    tags = observe.read_tags(bucket)
    _wanted(context, target, created=False)  # what is impossible is said before anything is written
    state: BucketState | None = None
    pristine = False
    if bucket_owner.may_be_ours(grounds, tags, context.uid):
        state = observe.read(bucket, region=region, tags=tags)
        pristine = bucket_plan.unconfigured(state) and observe.is_empty(bucket)
    own = bucket_owner.ownership(tags, uid=context.uid, grounds=grounds, pristine=pristine)
    wanted, reason = _wanted(context, target, created=own.created)
    state = state or observe.read(bucket, region=region, tags=tags)
    done = _Done(bucket=bucket, refusals=refusals)
    if not isinstance(tags, Unread) and bucket_owner.claim(tags, context.uid) is Claim.NONE:
        marked = done.mark(tags, bucket_owner.tagged(tags, context.uid, created=own.created))
        state = replace(state, tags=marked)
    return done.configure(state, wanted, reason, own, done.applied)


def _observed(bucket: Bucket, seen: Presence) -> Provisioned:
    """Check a bucket without changing anything; in Observe, list what Manage would change."""
    context, target = bucket.context, bucket.where.target
    state = observe.read(bucket, region=seen.region, tags=observe.read_tags(bucket))
    claim = bucket_owner.claim(state.tags, context.uid)
    own = Ownership(created=claim is Claim.CREATED, adopted=claim is Claim.ADOPTED)
    wanted, reason = _wanted(context, target, created=own.created)
    checks = _checks(bucket, state, wanted, reason)
    if seen.hidden is not None:
        lost = bucket_checks.unread(CheckName.BUCKET_EXISTS, replace(seen.hidden, action="s3:ListBucket"))
        checks = (lost, *checks[1:])
    planned = _plan(bucket, state, wanted) if context.spec.management_policy == "Observe" else ()
    facts = replace(_facts(target, state, own), assumed=seen.hidden is not None)
    return Provisioned(facts=facts, checks=checks, planned=planned)


def _plan(bucket: Bucket, state: BucketState, wanted: Wanted) -> tuple[Change, ...]:
    claim = bucket_owner.claim(state.tags, bucket.context.uid)
    if claim is Claim.FOREIGN:
        return ()
    tags = None
    if claim is Claim.NONE and not isinstance(state.tags, Unread):
        tags = bucket_owner.tagged(state.tags, bucket.context.uid, created=False)
    return _changes(bucket_plan.changes(state, bucket_plan.target(state, wanted, tags=tags), wanted))


@dataclass
class _Done:
    """The changes that were made in one look."""

    bucket: Bucket
    refusals: Refusals
    applied: tuple[Change, ...] = ()

    def mark(self, before: Mapping[str, str], after: Mapping[str, str]) -> Mapping[str, str] | Unread:
        """Put the mark of ownership on the bucket, before anything else; nothing is done to a bucket that cannot be marked."""
        state = BucketState(tags=after)
        refused = self._put("tags", state)
        if refused is None:
            message = f"Tag the bucket {self.bucket.name} as this BucketStore's."
            self.applied += (Change(name=CheckName.OWNER.value, message=message),)
            return after
        if refused.denied:
            raise Stalled(
                Reason.ACCESS_DENIED,
                f"The bucket {self.bucket.name} cannot be marked as this BucketStore's, since {refused.action} was refused "
                f"({refused.code}). Grant {refused.action} to the provisioning credentials.",
            )
        return refused

    def configure(
        self, state: BucketState, wanted: Wanted, reason: str, own: Ownership, before: tuple[Change, ...]
    ) -> Provisioned:
        """Set what is missing and check what came of it."""
        goal = bucket_plan.target(state, wanted)
        applied = before
        for aspect, message in bucket_plan.changes(state, goal, wanted):
            refused = self._put(aspect, goal)
            if refused is None:
                applied += (Change(name=_NAMES[aspect].value, message=message),)
            else:
                goal = goal.refused(aspect, refused)
        return Provisioned(
            facts=_facts(self.bucket.where.target, goal, own),
            checks=_checks(self.bucket, goal, wanted, reason),
            applied=applied,
        )

    def _put(self, aspect: Aspect, state: BucketState) -> Unread | None:
        target, now = self.bucket.where.target, self.bucket.context.now()
        known = self.refusals.known(target, aspect, now=now)
        if known is not None:
            return known
        refused = apply.put(self.bucket, aspect, state)
        if refused is not None:
            self.refusals.remember(target, aspect, refused, now=now)
        return refused


def _wanted(context: Context, target: Target, *, created: bool) -> tuple[Wanted, str]:
    """Return what is asked of the bucket, and why no policy is needed ("" where one is)."""
    grants = _grants(context, target) if target.route.provider == "CoreWeave" else ()
    reader, reason = (grants[0].principal, "") if grants else _reader(context, target)
    wanted = Wanted(
        bucket=target.bucket,
        arn=bucket_policy.bucket_arn(target.bucket, target.route.region),
        origins=context.tenant.origins,
        reader=reader,
        kms_key_arn=target.kms_key_arn,
        aws=target.route.aws,
        created=created,
        grants=grants,
    )
    return wanted, reason


def _grants(context: Context, target: Target) -> tuple[Grant, ...]:
    """Return what CoreWeave's policy must hold; none where W&B signs with keys and the organization is not told."""
    store, tenant = context.spec.core_weave, context.tenant
    own = store.direct_access.organization_id if store is not None and store.direct_access is not None else None
    if tenant.org_id:
        return bucket_policy.coreweave_grants(tenant.deployment_type, tenant.org_id, direct_access=own)
    if isinstance(context.data, AccessKey) or context.spec.credentials.secret_ref is not None:
        return ()
    what = "organization ID" if tenant.deployment_type == "MultiTenantCloud" else "customer namespace"
    raise Stalled(
        Reason.PRINCIPAL_UNKNOWN,
        f"The policy of the bucket {target.bucket} lets W&B in for your organization only, and which that is, is not known. Set "
        f"spec.wandbOrgID of the WandbInstance to W&B's {what} of yours.",
    )


def _reader(context: Context, target: Target) -> tuple[str, str]:
    if target.route.provider == "CoreWeave":
        return "", (
            "W&B signs with the keys in spec.credentials, whose own user has its rights. Set spec.wandbOrgID of the WandbInstance to "
            "have W&B's own CoreWeave user let in, too."
        )
    if not target.route.policed:
        return "", "W&B signs with the store's keys in spec.credentials, so no bucket policy is needed."
    reader = bucket_policy.principal(context.tenant.deployment_type, context.tenant.identity)
    if reader:
        return reader, ""
    if isinstance(context.data, AccessKey) or context.spec.credentials.secret_ref is not None:
        return (
            "",
            "W&B signs with the keys in spec.credentials, whose own user has its rights: no bucket policy is needed.",
        )
    if not _manages(context):
        return "", "Which role W&B's pods run as is not known, so the bucket policy is not checked."
    raise Stalled(
        Reason.PRINCIPAL_UNKNOWN,
        "The bucket policy needs to name the role that W&B's pods run as, and that is not known. Set spec.identity of the "
        "WandbInstance to its ARN (arn:aws:iam::<account>:role/<name>).",
    )


def _checks(bucket: Bucket, state: BucketState, wanted: Wanted, reason: str) -> tuple[Check, ...]:
    route = bucket.where.target.route
    untold = route.provider == "CoreWeave" and route.region == ANY_ZONE
    circumstances = Circumstances(
        managed=_manages(bucket.context),
        region=(state.region or route.region) if untold else route.region,
        region_field=route.region_field,
        paths=bucket.context.paths,
        no_policy=reason,
    )
    exists, region, *others = bucket_checks.checks(state, wanted, circumstances)
    owner = bucket_checks.owner(bucket_owner.claim(state.tags, bucket.context.uid), state.tags)
    return (exists, region, owner, *others)


def _facts(target: Target, state: BucketState, own: Ownership) -> BucketFacts:
    return BucketFacts(
        created=own.created,
        adopted=own.adopted,
        owner=target.account_id,
        region=state.region or target.route.region,
        url=target.bucket_url,
        identity=identity_of(target),
    )


def _creation(target: Target) -> Change:
    message = f"Create the bucket {target.bucket} in {target.route.region}."
    return Change(name=CheckName.BUCKET_EXISTS.value, message=message)


def _changes(found: tuple[tuple[Aspect, str], ...]) -> tuple[Change, ...]:
    return tuple(Change(name=_NAMES[aspect].value, message=message) for aspect, message in found)
