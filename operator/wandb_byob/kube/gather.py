"""Live, typed reads: our kinds as model.api's classes, and the Secrets and ConfigMaps that they refer to.

What is stored but not valid (written before a CRD changed, or past its rules) is `Stalled` with the field's name, never a
crash; no value of a Secret is ever part of a message.
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from wandb_byob.decide import blocks, grants, soundness
from wandb_byob.decide.buckets import bucket_name
from wandb_byob.kube.apply import StatusT
from wandb_byob.kube.client import (
    BUCKET_STORES,
    CONFIG_MAPS,
    NAMESPACES,
    SECRETS,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    Body,
    ForbiddenError,
    KubeClient,
    Resource,
)
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, CABundleReference, NamespaceGrant, ObjectMeta, TeamStorage, WandbInstance
from wandb_byob.model.config import Config
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

ObjectT = TypeVar("ObjectT", BucketStore, TeamStorage, WandbInstance)

RESOURCES: Final = {
    Kind.WANDB_INSTANCE: WANDB_INSTANCES,
    Kind.BUCKET_STORE: BUCKET_STORES,
    Kind.TEAM_STORAGE: TEAM_STORAGES,
}

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_LARGEST_BUNDLE: Final = 512 * 1024
"""Twice what operating systems trust; each bundle takes seven times its size in memory."""

# It may quote a value of any length.
_LONGEST_REASON: Final = 1000
# Who may create a BucketStore names where these would be sent to.
_NEVER_KEYS: Final = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})

# An S3-compatible endpoint may turn out to be AWS' or CoreWeave's own: the three can name the same bucket.
_S3_FAMILY: Final = ("S3", "S3Compatible", "CoreWeave")


def typed(body: Body, type_: type[ObjectT]) -> ObjectT:
    """Return the object as its class; raises `Stalled` for one whose specification is stored but does not fit.

    A status that does not fit reads as an empty one: it is ours to write anew.
    """
    found = _converted(body, type_)
    field = soundness.unsound(found)
    if field:
        raise _not_fitting(body, type_, f"{field} has a value that it cannot have")
    return found


def _converted(body: Body, type_: type[ObjectT]) -> ObjectT:
    try:
        return msgspec.convert(body, type_)
    except msgspec.ValidationError:
        pass
    try:
        return msgspec.convert({key: value for key, value in body.items() if key != "status"}, type_)
    except msgspec.ValidationError as error:
        raise _not_fitting(body, type_, str(error)[:_LONGEST_REASON]) from None


def _not_fitting(body: Body, type_: type[ObjectT], why: str) -> Stalled:
    return Stalled(
        Reason.INVALID_SPEC,
        f"The stored {type_.__name__} {body['metadata']['name']} does not fit the API's schema: {why}. Apply it again with the "
        "present CRDs.",
    )


def status(body: Body, type_: type[StatusT]) -> StatusT:
    """Return an object's status, an empty one where none is stored that fits."""
    try:
        return msgspec.convert(body.get("status") or {}, type_)
    except msgspec.ValidationError:
        return type_()


def metadata(body: Body) -> ObjectMeta:
    """Return an object's metadata, which are always valid."""
    return msgspec.convert(body["metadata"], ObjectMeta)


def all_valid(bodies: Iterable[Body], type_: type[ObjectT]) -> Iterator[ObjectT]:
    """Yield those that fit their class: somebody else's invalid object must not keep this one from being looked at."""
    for body in bodies:
        with contextlib.suppress(Stalled):
            yield typed(body, type_)


def foreign(kube: KubeClient, key: ObjectKey, type_: type[ObjectT], *, user: str) -> ObjectT | None:
    """Read an object that one in namespace `user` refers to; None where it is not there.

    One in another namespace that may not be read (the operator does not watch it) or does not fit reads as absent, too.
    """
    try:
        body = kube.get(RESOURCES[key.kind], key.namespace, key.name)
        return None if body is None else typed(body, type_)
    except (ForbiddenError, Stalled):
        if key.namespace == user:
            raise
        return None


def admits(kube: KubeClient, grant: NamespaceGrant, *, owner: str, user: str) -> bool:
    """Say whether a grant admits namespace `user`, reading its labels where they decide."""
    labels = namespace_labels(kube, user) if grants.needs_labels(grant, owner=owner, user=user) else None
    return grants.granted(grant, owner=owner, user=user, labels=labels)


def namespace_labels(kube: KubeClient, name: str) -> dict[str, str] | None:
    """Return a namespace's labels, None where it is not there."""
    body = kube.get(NAMESPACES, "", name)
    return None if body is None else dict(body["metadata"].get("labels") or {})


def terminating(kube: KubeClient, name: str) -> bool:
    """Say whether a namespace is being deleted, or is gone."""
    body = kube.get(NAMESPACES, "", name)
    return body is None or "deletionTimestamp" in body["metadata"]


def everywhere(
    kube: KubeClient, config: Config, resource: Resource, *, fields: str = "", forbidden: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Yield a kind's objects in all watched namespaces, apart from those that may not be read, which `forbidden` is told.

    A namespace that was deleted, or whose Role its owner took away, must not stop the work for all others. Where all
    namespaces are watched, a refusal raises, as does everything that is no refusal.
    """
    for namespace in config.namespaces or ("",):
        try:
            found = kube.list(resource, namespace, fields=fields)
        except ForbiddenError:
            if not namespace:
                raise
            forbidden(namespace)
            continue
        yield from found


def _passed_over(namespace: str) -> None:
    """Take no note: what lies in a namespace that may not be read declares no path and holds no bucket."""


def users_of(kube: KubeClient, config: Config, store: BucketStore) -> tuple[TeamStorage, ...]:
    """Return the TeamStorages that refer to a BucketStore and are admitted by it."""
    own = store.metadata.namespace
    fields = f"spec.bucketStoreRef.name={store.metadata.name}"
    if store.spec.allowed_namespaces.from_ == "Same":
        bodies: Sequence[Body] = kube.list(TEAM_STORAGES, own, fields=fields)
    else:
        bodies = tuple(everywhere(kube, config, TEAM_STORAGES, fields=fields, forbidden=_passed_over))
    referring = [
        team
        for team in all_valid(bodies, TeamStorage)
        if team.spec.bucket_store_ref.name == store.metadata.name
        and (team.spec.bucket_store_ref.namespace or team.metadata.namespace) == own
    ]
    admitted = {
        namespace: admits(kube, store.spec.allowed_namespaces, owner=own, user=namespace)
        for namespace in {team.metadata.namespace for team in referring}
    }
    return tuple(team for team in referring if admitted[team.metadata.namespace])


def namesakes(kube: KubeClient, config: Config, store: BucketStore) -> tuple[BucketStore, ...]:
    """Return the BucketStores in all watched namespaces that name a bucket of the same name: what may be the same bucket."""
    providers = _S3_FAMILY if store.spec.provider in _S3_FAMILY else (store.spec.provider,)
    name = bucket_name(store)
    found = (
        body
        for provider in providers
        for body in everywhere(
            kube, config, BUCKET_STORES, fields=f"{blocks.bucket_field(provider)}={name}", forbidden=_passed_over
        )
    )
    return tuple(other for other in all_valid(tuple(found), BucketStore) if bucket_name(other) == name)


@dataclass(frozen=True, kw_only=True, repr=False)
class Contents:
    """What a Secret or ConfigMap holds, and which version of it that is."""

    kind: str
    name: str
    data: dict[str, bytes]
    version: str


def contents(kube: KubeClient, kind: str, namespace: str, name: str, *, field: str) -> Contents:
    """Read a Secret or ConfigMap that `field` of the specification names; raises `Stalled` where it is not there."""
    body = kube.get(SECRETS if kind == "Secret" else CONFIG_MAPS, namespace, name)
    if body is None:
        raise Stalled(
            Reason.SECRET_NOT_FOUND,
            f"{kind} {name} does not exist in namespace {namespace}. Create it there, or correct {field}.",
        )
    meta = body["metadata"]
    ours = {names.INSTANCE, names.PROBE} & (meta.get("labels") or {}).keys()
    if kind == "Secret" and (ours or body.get("type") in _NEVER_KEYS):
        raise Stalled(
            Reason.SECRET_INVALID,
            f"Secret {name} ({field}) is no Secret with keys of a bucket: W&B's configuration, which holds the keys of others, and "
            f"tokens of Kubernetes are sent to no store. Name another in {field}.",
        )
    return Contents(kind=kind, name=name, data=_decoded(body, kind), version=f"{meta['uid']}/{meta['resourceVersion']}")


def _decoded(body: Body, kind: str) -> dict[str, bytes]:
    if kind == "ConfigMap":
        return {key: value.encode() for key, value in (body.get("data") or {}).items()}
    try:
        return {key: base64.b64decode(value or "") for key, value in (body.get("data") or {}).items()}
    except binascii.Error:
        return {}


def ca_bundle(kube: KubeClient, namespace: str, reference: CABundleReference) -> tuple[str, str]:
    """Return the certificates (PEM) that `caBundleRef` names, and their version; raises `Stalled`.

    Nothing else of what stands there: bundles have comments in any language, which OpenSSL takes in ASCII only.
    """
    field = "spec.s3Compatible.caBundleRef"
    found = contents(kube, reference.kind, namespace, reference.name, field=field)
    where = f"Key {reference.key} of {reference.kind} {reference.name}"
    text = "".join(f"{each.decode('ascii')}\n" for each in _CERTIFICATE.findall(found.data.get(reference.key, b"")))
    if not text:
        raise Stalled(
            Reason.SECRET_INVALID,
            f"{where} holds no certificate in PEM form. Put the authority's certificate there, or correct {field}.key.",
        )
    if len(text) > _LARGEST_BUNDLE:
        raise Stalled(
            Reason.SECRET_INVALID,
            f"{where} holds more than {_LARGEST_BUNDLE // 1024} KiB of certificates. Put only those of the authorities there that "
            "sign the store's certificate.",
        )
    return text, found.version
