"""Buckets on a shelf: a made-up store with a JSON API of its own (docs/adding-a-provider.md). This folder is all that a provider is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from wandb_byob.providers.shelf.api import Api, ShelfError, json_of
from wandb_byob.providers.shelf.door import ShelfDoor
from wandb_byob.providers.shelf.state import as_resource, changes, cors_check, own_of, owner_check, tags, wanted_of

from wandb_byob.decide import absence, addresses, blocks, bucket_owner
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.choices import check_trust
from wandb_byob.decide.connections import clock_check, connection_checks
from wandb_byob.decide.endpoints import Policy, Refusal, parse_allow_list, parse_endpoint, refuse_endpoint
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers import deadline
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned
from wandb_byob.providers.probing import look
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import GuardedSession, TransportError

_FIELD: Final = "spec.shelf.endpoint"


class ShelfProvider:
    """The Provider for `Shelf`."""

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the name, the endpoint, and what its TLS proves."""
        name = _bucket(context.spec)
        good = name.replace("-", "").isalnum() and name == name.strip("-").lower()
        named = Check(
            name=CheckName.BUCKET_NAME, result=CheckResult.PASSED, message="The name keeps to the shelf's rules."
        )
        if not good:
            message = "A bucket on the shelf is called by lower-case letters, digits and hyphens between them."
            remedy = "Choose another name in spec.shelf.bucket."
            named = Check(name=CheckName.BUCKET_NAME, result=CheckResult.FAILED, message=message, remedy=remedy)
        policy = _policy(_endpoint(context.spec), context.allowed_endpoints)
        refusal = policy if isinstance(policy, Refusal) else refuse_endpoint(policy)
        if isinstance(policy, Refusal) or refusal is not None:
            assert refusal is not None
            message, remedy = refusal.message, refusal.remedy
            return (
                named,
                Check(name=CheckName.ENDPOINT_ALLOWED, result=CheckResult.FAILED, message=message, remedy=remedy),
            )
        allowed, *_ = connection_checks(policy.endpoint, fault=None)
        tls = policy.endpoint.scheme == "https"
        return (
            named,
            allowed,
            check_trust(private_authority=context.ca_bundle is not None, from_workload=False, tls=tls),
        )

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return the identity: W&B reads a shelf as an S3-compatible store, and knows no scheme of its own for it."""
        return addresses.bucket_identity("s3", _endpoint(spec).partition("://")[2], _bucket(spec))

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the address in one of W&B's schemes."""
        if not isinstance(credentials, AccessKey):
            raise Stalled(
                Reason.INVALID_SPEC, "A shelf has no identity of pods. Name a Secret in spec.credentials.secretRef."
            )
        scheme, _, host = _endpoint(spec).partition("://")
        return addresses.s3(_bucket(spec), credentials, host=host, region="shelf", tls=scheme == "https").reveal()

    def exists(self, context: Context) -> bool:
        """Look with one call."""
        signer = context.admin or context.data
        if signer is None:
            return True
        with self._opened(context, signer) as api:
            try:
                api.resource("GetBucket", "GET")
            except ShelfError as error:
                if error.code != "NoSuchBucket":
                    raise
                return False
            return True

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look."""
        signer = context.admin or context.data
        if signer is None:
            message = "Nobody here can sign requests to the bucket."
            check = Check(name=CheckName.BUCKET_EXISTS, result=CheckResult.SKIPPED, message=message)
            return Provisioned(facts=self._facts(context, Ownership(), assumed=True), checks=(check,))
        with self._opened(context, signer) as api:
            found = self._provision(api)
            _, *proved = connection_checks(api.session.policy.endpoint, fault=None)
            clock = clock_check(api.session.last_date, now=context.now())
            return replace(found, checks=(*proved, clock, *found.checks))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path."""
        if context.data is None:
            return ()
        deadline.allow_paths(len(context.paths))
        with self._opened(context, context.data, named="spec.credentials.secretRef") as api:
            return look.probe(context, ShelfDoor(api=api))

    def delete(self, context: Context) -> None:
        """Delete the bucket if we made it and it is empty."""
        if context.admin is None or context.spec.management_policy == "Observe":
            raise _kept(
                _bucket(context.spec),
                "nothing may write to it: that takes spec.provisioning and managementPolicy: Manage",
            )
        with self._opened(context, context.admin) as api:
            try:
                found = api.resource("GetBucket", "GET")
                if bucket_owner.claim(tags(found), context.uid) is not Claim.CREATED:
                    raise _kept(api.bucket, "its mark does not say that this BucketStore created it")
                if json_of("ListObjects", api.call("ListObjects", "GET", "/o?prefix=")).get("items"):
                    raise _kept(api.bucket, "it is not empty")
                api.call("DeleteBucket", "DELETE")
            except ShelfError as error:
                if error.code != "NoSuchBucket":
                    raise

    def _provision(self, api: Api) -> Provisioned:
        context = api.context
        try:
            found = api.resource("GetBucket", "GET")
        except ShelfError as error:
            if error.code != "NoSuchBucket":
                raise
            return self._absent(api)
        if not context.manages:
            wanted = wanted_of(found, context, created=own_of(found, context).created)
            planned = changes(api, wanted) if context.admin is not None else ()
            return self._told(api, found, own_of(found, context), planned=planned)
        grounds = context.grounds(api.bucket)
        own = bucket_owner.ownership(tags(found), uid=context.uid, grounds=grounds, pristine=False)
        wanted = wanted_of(found, context, created=own.created)
        if wanted:
            found = api.resource("PatchBucket", "PATCH", body=as_resource(wanted))
        return self._told(api, found, own, applied=changes(api, wanted))

    def _absent(self, api: Api) -> Provisioned:
        context, what = api.context, f"bucket {api.bucket}"
        provisioned, managed = context.admin is not None, context.manages
        wanted = {CheckName.BUCKET_EXISTS: None, **wanted_of({}, context, created=True)}
        if absence.to_be_made(what, provisioned=provisioned, managed=managed, intended=context.intended):
            made = api.resource("CreateBucket", "PUT", body=as_resource(wanted))
            return self._told(api, made, Ownership(created=True), applied=changes(api, wanted))
        return Provisioned(facts=None, checks=(absence.not_there(what),), planned=changes(api, wanted))

    def _told(
        self,
        api: Api,
        found: Mapping[str, Any],
        own: Ownership,
        *,
        planned: tuple[Change, ...] = (),
        applied: tuple[Change, ...] = (),
    ) -> Provisioned:
        there = Check(
            name=CheckName.BUCKET_EXISTS, result=CheckResult.PASSED, message=f"The bucket {api.bucket} is there."
        )
        checks = (there, owner_check(found, api.context), cors_check(found, api.context, manages=api.context.manages))
        return Provisioned(facts=self._facts(api.context, own), checks=checks, planned=planned, applied=applied)

    def _facts(self, context: Context, own: Ownership, *, assumed: bool = False) -> BucketFacts:
        return BucketFacts(
            created=own.created,
            adopted=own.adopted,
            owner="",
            region="shelf",
            url=f"{_endpoint(context.spec)}/b/{_bucket(context.spec)}",
            identity=self.identity(context.spec),
            assumed=assumed,
        )

    @contextmanager
    def _opened(self, context: Context, signer: Credentials, *, named: str = "") -> Iterator[Api]:
        assert isinstance(signer, AccessKey)
        field = named or ("spec.provisioning.secretRef" if context.admin is not None else "spec.credentials.secretRef")
        session = _session(_endpoint(context.spec), context.allowed_endpoints, context.ca_bundle)
        api = Api(session=session, context=context, bucket=_bucket(context.spec), key=signer, named=field)
        try:
            yield api
        except (ShelfError, TransportError) as error:
            raise api.explain(error).error() from None


def _bucket(spec: BucketStoreSpec) -> str:
    if blocks.block(spec) is None:
        raise blocks.missing(spec.provider)
    return blocks.bucket(spec)


def _endpoint(spec: BucketStoreSpec) -> str:
    named = blocks.endpoint(spec)
    if named is None:
        raise blocks.missing(spec.provider)
    return named[0].rstrip("/")


def _policy(url: str, allowed: tuple[str, ...]) -> Policy | Refusal:
    endpoint = parse_endpoint(url, field=_FIELD)
    if isinstance(endpoint, Refusal):
        return endpoint
    return Policy(endpoint=endpoint, allowed=parse_allow_list(allowed), field=_FIELD)


@lru_cache(maxsize=64)
def _session(url: str, allowed: tuple[str, ...], bundle: str | None) -> GuardedSession:
    policy = _policy(url, allowed)
    refusal = policy if isinstance(policy, Refusal) else refuse_endpoint(policy)
    if isinstance(policy, Refusal) or refusal is not None:
        assert refusal is not None
        raise Stalled(Reason.ENDPOINT_NOT_ALLOWED, f"{refusal.message} {refusal.remedy}")
    return GuardedSession(policy, trust=trust(bundle))


def _kept(bucket: str, why: str) -> Stalled:
    return Stalled(
        Reason.DELETION_BLOCKED,
        f"The bucket {bucket} is not deleted, since {why}. Delete it (or empty it) by hand, or set deletionPolicy: Retain to keep it.",
    )
