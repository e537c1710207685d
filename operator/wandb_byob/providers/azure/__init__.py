"""Containers in Azure Blob Storage, by Azure's SDK over the guarded transport."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from wandb_byob.decide import addresses, blocks
from wandb_byob.decide.bucket_names import check_bucket_name
from wandb_byob.decide.clouds import azure_checks, azure_identity
from wandb_byob.decide.connections import clock_check, connection_checks
from wandb_byob.decide.deletion import nobody_may_delete
from wandb_byob.model.api import AzureSpec, BucketStoreSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccessKey, AccountKey, Credentials
from wandb_byob.providers import deadline
from wandb_byob.providers.azure.places import Places
from wandb_byob.providers.base import Context, Provisioned
from wandb_byob.providers.probing import look

if TYPE_CHECKING:
    from wandb_byob.providers.azure.api import Api
    from wandb_byob.providers.azure.identity import Tokens

_ADMIN, _DATA = "spec.provisioning.secretRef", "spec.credentials.secretRef"


class AzureProvider:
    """The Provider for `Azure`. Its SDK is imported with the first call, since few operators need it."""

    def __init__(self, endpoints: CloudEndpoints, *, tokens: "Tokens | None" = None) -> None:
        self._endpoints = endpoints
        self._given = tokens
        self._places = Places(endpoints)

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the names, and without a key the managed identity; the endpoint is never a user's choice."""
        azure = _spec(context.spec)
        keyed = context.spec.credentials.secret_ref is not None
        found = (
            check_bucket_name("Azure", azure.container),
            azure_checks.account_name(azure.storage_account),
            None if keyed else azure_identity.check(azure, context.tenant.identity),
        )
        return tuple(check for check in found if check is not None)

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return `az://account/container`: names of accounts are unique in all of Azure."""
        azure = _spec(spec)
        return addresses.bucket_identity("az", azure.storage_account, azure.container)

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the address for W&B's configuration."""
        azure, key = _spec(spec), ""
        if isinstance(credentials, AccountKey):
            key = credentials.key
        if isinstance(credentials, AccessKey):  # what stands for the account key in an address that is only shown
            key = credentials.secret_access_key
        return addresses.azure(azure.storage_account, azure.container, key=key).reveal()

    def exists(self, context: Context) -> bool:
        """Look with one call; True also where nobody here can look."""
        from wandb_byob.decide.clouds.azure_errors import AzureError, missing

        signer = context.looks_as
        if signer is None:
            return True
        with self._opened(context, signer) as api:
            try:
                api.properties()
            except AzureError as error:
                if missing(error):
                    return False
                raise
            return True

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look, as the specification and the credentials allow."""
        from wandb_byob.providers.azure import provision

        signer = context.looks_as
        if signer is None:
            check = Check(
                name=CheckName.BUCKET_EXISTS,
                result=CheckResult.SKIPPED,
                message="Nobody here can sign requests to the container, so its configuration is not seen from here.",
            )
            return Provisioned(facts=provision.facts(context, assumed=True), checks=(check,))
        with self._opened(context, signer) as api:
            found = provision.provision(api)
            return replace(found, checks=(*_connection(api), *found.checks))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path under every declared path, signed as W&B does."""
        from wandb_byob.providers.azure.probe import AzureDoor

        if context.data is None:
            return ()
        deadline.allow_paths(len(context.paths))
        with self._opened(context, context.data, named=_DATA) as data:
            admin = (self._api(context, context.admin, named=_ADMIN),) if context.admin is not None else ()
            return look.probe(context, AzureDoor(api=data, cleaners=(data, *admin)))

    def withdraw(self, context: Context) -> None:
        """Take out of the account's CORS rules what was let in for this container alone."""
        from wandb_byob.providers.azure import removal

        if context.admin is not None and context.manages:
            with self._opened(context, context.admin, named=_ADMIN) as api:
                removal.withdraw(api)

    def delete(self, context: Context) -> None:
        """Delete the container if we made it and it is empty."""
        from wandb_byob.providers.azure import removal

        if context.admin is None or not context.manages:
            raise nobody_may_delete(f"container {_spec(context.spec).container}")
        with self._opened(context, context.admin, named=_ADMIN) as api:
            removal.delete(api)

    @contextmanager
    def _opened(self, context: Context, credentials: Credentials, *, named: str = "") -> "Iterator[Api]":
        """Lend the API; what goes wrong in the block comes out as `Stalled` or `Waiting`."""
        from wandb_byob.decide.clouds.azure_errors import AzureError
        from wandb_byob.providers.transport import TransportError

        field = named or (_ADMIN if context.admin is not None else _DATA)
        api = self._api(context, credentials, named=field)
        try:
            yield api
        except (AzureError, TransportError) as error:
            raise api.explain(error).error() from None

    def _api(self, context: Context, credentials: Credentials, *, named: str) -> "Api":
        from wandb_byob.providers.azure.api import Api
        from wandb_byob.providers.azure.signing import signer

        azure = _spec(context.spec)
        return Api(
            place=self._places.of(azure.storage_account),
            account=azure.storage_account,
            container=azure.container,
            context=context,
            signer=signer(credentials, context, tokens=self._tokens, named=named),
        )

    @cached_property
    def _tokens(self) -> "Tokens":
        from wandb_byob.providers.azure.identity import Tokens

        return self._given or Tokens(ca_bundle=self._endpoints.ca_bundle)


def _connection(api: "Api") -> tuple[Check, ...]:
    session = api.place.session
    _, *proved = connection_checks(session.policy.endpoint, fault=None)
    return (*proved, clock_check(session.last_date, now=api.context.now()))


def _spec(spec: BucketStoreSpec) -> AzureSpec:
    if spec.azure is None:
        raise blocks.missing("Azure")
    return spec.azure
