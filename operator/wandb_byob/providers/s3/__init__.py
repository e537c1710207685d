"""Buckets in AWS S3 and in stores with the S3 API; also the ground for CoreWeave's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient, Credentials
from wandb_byob.providers import deadline
from wandb_byob.providers.base import Context, Provisioned
from wandb_byob.providers.s3 import observe, precheck, probe, provision, removal
from wandb_byob.providers.s3.errors import Where
from wandb_byob.providers.s3.keys import Keys
from wandb_byob.providers.s3.observe import Bucket
from wandb_byob.providers.s3.refusals import Refusals
from wandb_byob.providers.s3.session import Clients
from wandb_byob.providers.s3.target import address_of, identity_of, target_of


class S3Provider:
    """The Provider for `S3` and `S3Compatible`: the same calls, where a store that lacks some says so. Also the ground for CoreWeave's."""

    def __init__(self, endpoints: CloudEndpoints | None = None) -> None:
        self._clients = Clients()
        self._keys = Keys(clients=self._clients, endpoint=endpoints.kms if endpoints is not None else "")
        self._refusals = Refusals()

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the bucket's name, the endpoint and the choice of provider by the specification alone."""
        return precheck.validate(context)

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return `s3://host/bucket`, with one host for all of an AWS partition."""
        return identity_of(target_of(spec))

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the address for W&B's configuration."""
        return address_of(target_of(spec), credentials)

    def exists(self, context: Context) -> bool:
        """Look with one call; True also for a bucket that is there but not for us, and where nobody here can look."""
        signer = _signer(context)
        if signer is None:
            return True
        with self._bucket(context, signer) as bucket:
            return observe.presence(bucket).exists

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look, as the specification and the credentials allow."""
        signer = _signer(context)
        if signer is None:
            return provision.unsigned(context, target_of(context.spec, context.endpoint))
        with self._bucket(context, signer) as bucket:
            found = provision.provision(bucket, self._refusals)
        return replace(found, checks=(*precheck.connection(context, signer), *found.checks))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path under every declared path."""
        deadline.allow_paths(len(context.paths))
        return probe.probe(context, open_client=self._clients.open)

    def delete(self, context: Context) -> None:
        """Delete the bucket if we made it and it is empty."""
        if context.admin is None or context.spec.management_policy == "Observe":
            raise removal.not_allowed(target_of(context.spec).bucket)
        with self._bucket(context, context.admin) as bucket:
            removal.delete(bucket)

    @contextmanager
    def _bucket(self, context: Context, signer: Credentials) -> Iterator[Bucket]:
        with self._clients.open(context, signer) as client:
            where = Where(target=target_of(context.spec, context.endpoint), keys=_field(context, signer))
            yield Bucket(
                client=client,
                context=context,
                where=where,
                any_owner=self._clients.any_owner,
                look_at_key=partial(self._keys.look, context, signer, region=where.target.route.region),
            )


def _signer(context: Context) -> Credentials | None:
    return context.admin if context.admin is not None else context.data


def _field(context: Context, signer: Credentials) -> str:
    block = "provisioning" if context.admin is not None else "credentials"
    return f"spec.{block}" if isinstance(signer, Ambient) else f"spec.{block}.secretRef"
