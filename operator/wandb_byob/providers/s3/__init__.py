"""Buckets in AWS S3 and in stores with the S3 API; also the ground for CoreWeave's.

Where the administrator names another endpoint for a cloud, that is how the operator gets there, and W&B not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from wandb_byob.decide import blocks
from wandb_byob.decide.choices import check_way
from wandb_byob.decide.deletion import nobody_may_delete
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check, CheckName
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
from wandb_byob.providers.s3.target import Target, address_of, identity_of, target_of
from wandb_byob.providers.tls import extended


class S3Provider:
    """The Provider for `S3` and `S3Compatible`: the same calls, where a store that lacks some says so. Also the ground for CoreWeave's."""

    def __init__(self, endpoints: CloudEndpoints | None = None) -> None:
        given = endpoints if endpoints is not None else CloudEndpoints()
        self._endpoint = given.s3.rstrip("/")
        self._trusted = extended(given.ca_bundle)
        self._clients = Clients()
        self._keys = Keys(clients=self._clients, endpoint=given.kms.rstrip("/"))
        self._refusals = Refusals()

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the bucket's name, the endpoint and the choice of provider by the specification alone."""
        there = self._there(context)
        return tuple(_of_the_way(check, target_of(there.spec, there.endpoint)) for check in precheck.validate(there))

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return `s3://host/bucket`, with one host for all of an AWS partition."""
        return identity_of(target_of(spec))

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the address for W&B's configuration."""
        return address_of(target_of(spec), credentials)

    def exists(self, context: Context) -> bool:
        """Look with one call; True also for a bucket that is there but not for us, and where nobody here can look."""
        signer = context.looks_as
        if signer is None:
            return True
        with self._bucket(self._there(context), signer) as bucket:
            return observe.presence(bucket).exists

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look, as the specification and the credentials allow."""
        context, signer = self._there(context), context.looks_as
        if signer is None:
            return provision.unsigned(context, target_of(context.spec, context.endpoint))
        with self._bucket(context, signer) as bucket:
            found = provision.provision(bucket, self._refusals)
        return replace(found, checks=(*precheck.connection(context, signer), *found.checks))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path under every declared path."""
        deadline.allow_paths(len(context.paths))
        return probe.probe(self._there(context), open_client=self._clients.open)

    def delete(self, context: Context) -> None:
        """Delete the bucket if we made it and it is empty."""
        if context.admin is None or context.spec.management_policy == "Observe":
            raise nobody_may_delete(f"bucket {target_of(context.spec).bucket}")
        with self._bucket(self._there(context), context.admin) as bucket:
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
                look_at_key=partial(
                    self._keys.look,
                    replace(context, ca_bundle=self._trusted),
                    signer,
                    region=where.target.route.region,
                ),
            )

    def _there(self, context: Context) -> Context:
        """Return the look as it goes where the administrator says; an endpoint that a user has named stays the user's."""
        if blocks.endpoint(context.spec) is not None:
            return context
        return replace(context, endpoint=self._endpoint, ca_bundle=self._trusted)


def _of_the_way(check: Check, target: Target) -> Check:
    route = target.route
    if check.name is not CheckName.TRUST or not route.way:
        return check
    return check_way(route.url.partition("://")[2], public=route.home.partition("://")[2])


def _field(context: Context, signer: Credentials) -> str:
    block = "provisioning" if context.admin is not None else "credentials"
    return f"spec.{block}" if isinstance(signer, Ambient) else f"spec.{block}.secretRef"
