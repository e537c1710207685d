"""Buckets in Google Cloud Storage, by its JSON API and V4 signed URLs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Final

from wandb_byob.decide import addresses, blocks
from wandb_byob.decide.bucket_names import check_bucket_name
from wandb_byob.decide.clouds import gcs_bucket
from wandb_byob.decide.clouds.gcs_key import signing_key
from wandb_byob.decide.clouds.gcs_texts import Who
from wandb_byob.decide.connections import clock_check, connection_checks
from wandb_byob.decide.deletion import nobody_may_delete
from wandb_byob.model.api import BucketStoreSpec, GcsSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccessKey, Credentials, ServiceAccountKey
from wandb_byob.providers import deadline
from wandb_byob.providers.base import Context, Provisioned
from wandb_byob.providers.gcs import provision
from wandb_byob.providers.gcs.api import Api, GcsError
from wandb_byob.providers.gcs.identity import PodIdentity, PodSigner, service_policy
from wandb_byob.providers.gcs.probe import GCSDoor
from wandb_byob.providers.gcs.recent import Recent
from wandb_byob.providers.gcs.signing import Clock, KeySigner, Signer, key_signer
from wandb_byob.providers.probing import look
from wandb_byob.providers.tls import extended, trust
from wandb_byob.providers.transport import GuardedSession, TransportError

_PUBLIC: Final = "https://storage.googleapis.com"
_ADMIN, _DATA = "spec.provisioning.secretRef", "spec.credentials.secretRef"


class GCSProvider:
    """The Provider for `GCS`; one guarded session for all buckets, since all are at one endpoint."""

    def __init__(self, endpoints: CloudEndpoints, *, recent: Recent | None = None) -> None:
        self._endpoints = endpoints
        self._recent = recent if recent is not None else Recent()
        self._identity = PodIdentity(endpoints)

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the bucket's name; the endpoint is never a user's choice."""
        return (check_bucket_name("GCS", _spec(context.spec).bucket),)

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return `gs://bucket`: names are unique in all of Google Cloud."""
        return addresses.bucket_identity("gs", "", _spec(spec).bucket)

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the address for W&B's configuration."""
        name = _spec(spec).bucket
        if isinstance(credentials, AccessKey):  # what stands for the key file in an address that is only shown
            return addresses.gcs(
                name, email=credentials.access_key_id, private_key=credentials.secret_access_key
            ).reveal()
        if not isinstance(credentials, ServiceAccountKey):
            return addresses.gcs(name).reveal()
        key = signing_key(credentials, field=_DATA)
        return addresses.gcs(name, email=key.email, private_key=key.private_key).reveal()

    def exists(self, context: Context) -> bool:
        """Look with one call; True also for a bucket that is there but not for us, and where nobody here can look."""
        if context.looks_as is None:
            return True
        with self._opened(context, context.looks_as) as api:
            try:
                api.bucket_call("GetBucket", "GET")
            except GcsError as error:
                if error.missing:
                    return False
                if not error.denied:
                    raise
            return True

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look, as the specification and the credentials allow."""
        if context.looks_as is None:
            check = Check(
                name=CheckName.BUCKET_EXISTS,
                result=CheckResult.SKIPPED,
                message="Nobody here can sign requests to the bucket, so its configuration is not seen from here.",
            )
            return Provisioned(facts=provision.facts(context, assumed=True), checks=(check,))
        with self._opened(context, context.looks_as) as api:
            found = provision.provision(api, _wanted(context, api))
            return replace(found, checks=(*self._connection(context, api.session), *found.checks))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path under every declared path as W&B signs; raises `Waiting` while W&B's account may only be too new for it."""
        if context.data is None:
            return ()
        deadline.allow_paths(len(context.paths))
        with self._opened(context, context.data, named=_DATA) as data:
            admin = self._api(context, context.admin, named=_ADMIN) if context.admin is not None else None
            door = GCSDoor(data=data, admin=admin)
            checks = look.probe(context, door)
        if door.denied is not None:
            self._recent.refused(data.bucket, door.denied.message)
        return checks

    def delete(self, context: Context) -> None:
        """Delete the bucket if we made it and it is empty."""
        if context.admin is None or context.spec.management_policy == "Observe":
            raise nobody_may_delete(f"bucket {_spec(context.spec).bucket}")
        with self._opened(context, context.admin, named=_ADMIN) as api:
            provision.delete(api, project=_project(context, api))

    @contextmanager
    def _opened(self, context: Context, credentials: Credentials | None, *, named: str = "") -> Iterator[Api]:
        """Lend the API; what goes wrong in the block comes out as `Stalled` or `Waiting`."""
        field = named or (_ADMIN if context.admin is not None else _DATA)
        api = self._api(context, credentials, named=field)
        try:
            yield api
        except (GcsError, TransportError) as error:
            raise api.explain(error).error() from None

    def _api(self, context: Context, credentials: Credentials | None, *, named: str) -> Api:
        return Api(
            session=self._session,
            base=self._session.policy.endpoint.url,
            bucket=_spec(context.spec).bucket,
            context=context,
            signer=self._signer(context, credentials, named=named),
            clock=Clock(own=context.now),
            recent=self._recent,
        )

    def _signer(self, context: Context, credentials: Credentials | None, *, named: str) -> Signer:
        if isinstance(credentials, ServiceAccountKey):
            return key_signer(signing_key(credentials, field=named), named=named)
        whose = "the operator's" if named == _ADMIN else "W&B's"
        source = "spec.provisioning.source Operator" if named == _ADMIN else "spec.credentials.source Ambient"
        who = Who(account=f"{whose} own service account ({source})")
        return PodSigner(identity=self._identity, who=who, recorder=context.recorder, now=context.now)

    @cached_property
    def _session(self) -> GuardedSession:
        policy = service_policy(self._endpoints.gcs, public=_PUBLIC, flag="--gcs-endpoint")
        return GuardedSession(policy, trust=trust(extended(self._endpoints.ca_bundle)))

    def _connection(self, context: Context, session: GuardedSession) -> tuple[Check, ...]:
        _, *proved = connection_checks(session.policy.endpoint, fault=None)
        return (*proved, clock_check(session.last_date, now=context.now()))


def _wanted(context: Context, api: Api) -> provision.Wanted:
    """Return what is asked; with a key W&B reads the bucket as the key's service account, else as its own."""
    gcs, account = _spec(context.spec), gcs_bucket.reader_of(context.tenant.deployment_type, context.tenant.identity)
    if isinstance(context.data, ServiceAccountKey):
        account = signing_key(context.data, field=_DATA).email
    return provision.Wanted(
        account=account,
        project=_project(context, api),
        location=gcs.location or gcs_bucket.DEFAULT_LOCATION,
    )


def _project(context: Context, api: Api) -> str:
    """Return the bucket's project: as asked for, else that of the key file; "" where neither tells."""
    own = api.signer.key.project if isinstance(api.signer, KeySigner) else ""
    return _spec(context.spec).project_id or own


def _spec(spec: BucketStoreSpec) -> GcsSpec:
    if spec.gcs is None:
        raise blocks.missing("GCS")
    return spec.gcs
