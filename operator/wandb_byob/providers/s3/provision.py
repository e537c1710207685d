"""Bring a bucket to what is asked, or plan it: look whether it is there, whose it is, what it lacks, and set only that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from wandb_byob.decide import absence, bucket_owner, permissions
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.clouds import bucket_checks, bucket_plan
from wandb_byob.decide.clouds.bucket_checks import Circumstances
from wandb_byob.decide.clouds.bucket_plan import Wanted
from wandb_byob.decide.clouds.bucket_state import Aspect, BucketState, Encryption, Unread
from wandb_byob.decide.clouds.key_checks import KeyWanted
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Ambient
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned
from wandb_byob.providers.s3 import apply, observe
from wandb_byob.providers.s3.keys import KeyLook
from wandb_byob.providers.s3.observe import Bucket, Presence
from wandb_byob.providers.s3.refusals import Refusals
from wandb_byob.providers.s3.target import ANY_ZONE, Target, identity_of
from wandb_byob.providers.s3.wanted import wanted_of

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
    if bucket.context.manages:
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


def _absent(bucket: Bucket, refusals: Refusals) -> Provisioned:
    context, target = bucket.context, bucket.where.target
    what = f"bucket {bucket.name} at {target.route.url}"
    provisioned = context.admin is not None
    if absence.to_be_made(what, provisioned=provisioned, managed=context.manages, intended=context.intended):
        return _created(bucket, refusals)
    wanted, _ = wanted_of(context, target, created=True)
    fresh = BucketState(tags={})
    goal = bucket_plan.target(fresh, wanted, tags=bucket_owner.tagged({}, context.uid, created=True))
    key = _key(bucket, fresh, wanted)
    planned = (_creation(target), *_planned_of(key), *_changes(bucket_plan.changes(fresh, goal, wanted)))
    return Provisioned(facts=None, checks=(absence.not_there(what), *_check_of(key)), planned=planned)


def _created(bucket: Bucket, refusals: Refusals) -> Provisioned:
    """Create the bucket and configure it; what AWS makes is known, what another store makes is read."""
    target = bucket.where.target
    wanted, reason = wanted_of(bucket.context, target, created=True)
    if not apply.create(bucket):
        return _managed(bucket, refusals, region="")
    done = _Done(bucket=bucket, refusals=refusals)
    tags = done.mark({}, bucket_owner.tagged({}, bucket.context.uid, created=True))
    state = BucketState(tags=tags) if target.route.aws else observe.read(bucket, region="", tags=tags)
    return done.configure(state, wanted, reason, Ownership(created=True), (_creation(target), *done.applied))


def _managed(bucket: Bucket, refusals: Refusals, *, region: str) -> Provisioned:
    """Configure a bucket that is there, if it may be: it is ours, or may be adopted."""
    context, target = bucket.context, bucket.where.target
    grounds = context.grounds(bucket.name)
    tags = observe.read_tags(bucket)
    wanted_of(context, target, created=False)  # what is impossible is said before anything is written
    state: BucketState | None = None
    pristine = False
    if bucket_owner.may_be_ours(grounds, tags, context.uid):
        state = observe.read(bucket, region=region, tags=tags)
        pristine = bucket_plan.unconfigured(state) and observe.is_empty(bucket)
    own = bucket_owner.ownership(tags, uid=context.uid, grounds=grounds, pristine=pristine)
    wanted, reason = wanted_of(context, target, created=own.created)
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
    wanted, reason = wanted_of(context, target, created=own.created)
    key = _key(bucket, state, wanted)
    checks = (*_checks(bucket, state, wanted, reason), *_check_of(key))
    if seen.hidden is not None:
        lost = bucket_checks.unread(CheckName.BUCKET_EXISTS, replace(seen.hidden, action="s3:ListBucket"))
        checks = (lost, *checks[1:])
    observes = context.spec.management_policy == "Observe"
    planned = (*_planned_of(key), *_plan(bucket, state, wanted)) if observes else ()
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
            name = f"The bucket {self.bucket.name}"
            raise permissions.not_begun(refused, bucket=name, step="marked as this BucketStore's", who=self._who)
        return refused

    @property
    def _who(self) -> str:
        return f"the identity of {self.bucket.where.keys}"

    def configure(
        self, state: BucketState, wanted: Wanted, reason: str, own: Ownership, before: tuple[Change, ...]
    ) -> Provisioned:
        """Set what is missing and check what came of it."""
        goal = bucket_plan.target(state, wanted)
        key = _key(self.bucket, state, wanted)
        if key is not None and not key.usable:
            # With a key that W&B cannot use nothing more could be written.
            goal = replace(goal, encryption=state.encryption)
        applied = (*before, *(key.applied if key is not None else ()))
        all_refused: list[Unread] = []
        for aspect, message in bucket_plan.changes(state, goal, wanted):
            refused = self._put(aspect, goal)
            if refused is None:
                applied += (Change(name=_NAMES[aspect].value, message=message),)
            else:
                goal = goal.refused(aspect, refused)
                all_refused.append(refused)
        lacking = permissions.lacking(all_refused, who=self._who)
        return Provisioned(
            facts=_facts(self.bucket.where.target, goal, own),
            checks=(*_checks(self.bucket, goal, wanted, reason), *_check_of(key), *lacking),
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


def _checks(bucket: Bucket, state: BucketState, wanted: Wanted, reason: str) -> tuple[Check, ...]:
    route = bucket.where.target.route
    untold = route.provider == "CoreWeave" and route.region == ANY_ZONE
    circumstances = Circumstances(
        managed=bucket.context.manages,
        region=(state.region or route.region) if untold else route.region,
        region_field=route.region_field,
        paths=bucket.context.paths,
        no_policy=reason,
    )
    exists, region, *others = bucket_checks.checks(state, wanted, circumstances)
    owner = bucket_checks.owner(bucket_owner.claim(state.tags, bucket.context.uid), state.tags)
    return (exists, region, owner, *others)


def _key(bucket: Bucket, state: BucketState, wanted: Wanted) -> KeyLook | None:
    """Look at the KMS key that is asked for, or else at the one that the bucket has; only the one that is asked for is ever changed."""
    given = wanted.kms_key_arn
    if not given and isinstance(state.encryption, Encryption) and state.encryption.algorithm.startswith("aws:kms"):
        given = state.encryption.key
    if not given or not wanted.aws:
        return None
    return bucket.look_at_key(
        KeyWanted(
            given=given,
            reader=wanted.reader,
            managed=bucket.context.manages and bool(wanted.kms_key_arn),
            shared=isinstance(bucket.context.admin, Ambient),
            signer=bucket.where.keys,
            expected=bucket.context.admin is not None,
            field="spec.s3.kmsKeyARN" if wanted.kms_key_arn else "",
        )
    )


def _check_of(key: KeyLook | None) -> tuple[Check, ...]:
    return () if key is None else (key.check,)


def _planned_of(key: KeyLook | None) -> tuple[Change, ...]:
    return () if key is None else key.planned


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
