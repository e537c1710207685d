"""Where commands have their objects from: a cluster, by the user's kubeconfig, or manifests on disk; and the World to look with."""

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wandb_byob.cli.manifests import ManifestError, Manifests, Overlay, load, place
from wandb_byob.decide import blocks
from wandb_byob.decide.endpoints import Policy, Refusal, parse_endpoint, refuse_endpoint
from wandb_byob.decide.references import instance_of
from wandb_byob.decide.soundness import is_path
from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES, WANDB_INSTANCES, Body, ForbiddenError, KubeClient
from wandb_byob.kube.gather import all_valid, typed
from wandb_byob.kube.once import Once
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, TeamStorage
from wandb_byob.model.config import CloudEndpoints, Config
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.model.redaction import Redactor
from wandb_byob.reconcile.base import World


class SourceError(Exception):
    """What a command needs could not be read; the text says what, and what to give."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Objects to work on. `namespace` is the chosen one ("" for all); `notes` are what was assumed, for the user to read.

    `uids`: the objects' uids are those of the cluster, so that a bucket's mark of ownership can be compared. `cluster` is what lies
    behind `kube`, None where files are all there is.
    """

    kube: KubeClient
    namespace: str
    label: str
    uids: bool
    notes: tuple[str, ...] = ()
    cluster: KubeClient | None = None


def open_source(arguments: argparse.Namespace, *, assume: bool = False) -> Source:
    """Return the source that the arguments ask for; raises SourceError. `assume`: a W&B that no file describes is made up."""
    chosen = "" if arguments.all_namespaces else arguments.namespace
    if not arguments.filename:
        return open_cluster(arguments, namespace=chosen)
    files = ", ".join(arguments.filename)
    cluster, server, namespace = _cluster(arguments) if arguments.with_cluster else (None, "", "default")
    try:
        bodies = load(arguments.filename, namespace=chosen or namespace)
        kube = Manifests(bodies) if cluster is None else Overlay(bodies, cluster)
        notes = _assume_instances(kube, arguments) if cluster is None and assume else ()
    except ManifestError as error:
        raise SourceError(str(error)) from None
    label = f"{files} and cluster {server}" if cluster is not None else files
    return Source(
        kube=kube, namespace=chosen or "", label=label, uids=cluster is not None, notes=notes, cluster=cluster
    )


def open_cluster(arguments: argparse.Namespace, *, namespace: str | None) -> Source:
    """Return the cluster of the user's kubeconfig; `namespace` None: that of its context. Raises SourceError."""
    kube, server, own = _cluster(arguments)
    return Source(
        kube=kube,
        namespace=own if namespace is None else namespace,
        label=f"cluster {server}",
        uids=True,
        cluster=kube,
    )


def _cluster(arguments: argparse.Namespace) -> tuple[KubeClient, str, str]:
    """Return a client, the server's address and the context's namespace."""
    from wandb_byob.kube.connection import ConnectionConfigError, connect
    from wandb_byob.kube.rest import RestClient

    try:
        connection = connect(os.environ, kubeconfig=arguments.kubeconfig, context=arguments.context)
    except ConnectionConfigError as error:
        raise SourceError(f"{error} Or give manifests with -f FILE, which needs no cluster.") from None
    return RestClient(connection), connection.server, connection.namespace or "default"


def _assume_instances(kube: Manifests, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Put a WandbInstance in where the files have none for a BucketStore; return what was assumed."""
    notes = []
    for body in kube.list(BUCKET_STORES, ""):
        store = typed(body, BucketStore)
        own = store.metadata.namespace
        try:
            key = instance_of(store, [each["metadata"]["name"] for each in kube.list(WANDB_INSTANCES, own)])
        except Stalled:
            if kube.list(WANDB_INSTANCES, own):
                continue  # More than one: the look says so.
            key = ObjectKey(Kind.WANDB_INSTANCE, own, "wandb")
        if kube.get(WANDB_INSTANCES, key.namespace, key.name) is None:
            assumed = _assumed(arguments, key, store)
            kube.add(assumed)
            spec = assumed["spec"]
            where = f" at {spec['host']}" if arguments.host else ""
            notes.append(f"No manifest of WandbInstance {key.name}: assumed is a {spec['deploymentType']} W&B{where}.")
    return tuple(notes)


def _assumed(arguments: argparse.Namespace, key: ObjectKey, store: BucketStore) -> dict[str, Any]:
    host = arguments.host or next(iter(store.spec.cors.allowed_origins), None)
    if host is None:
        raise SourceError(
            f"Where W&B is (which CORS must allow) is not known: there is no manifest of WandbInstance {key.name}, to which BucketStore "
            f"{store.metadata.name} belongs. Give one with -f, or W&B's address with --host https://…, or --with-cluster."
        )
    given = {"identity": arguments.identity, "wandbOrgID": arguments.organization_id}
    return {
        "apiVersion": names.API_VERSION,
        "kind": "WandbInstance",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": "assumed"},
        "spec": {
            "deploymentType": arguments.deployment_type or "SelfManaged",
            "host": host.rstrip("/"),
            "allowedNamespaces": {"from": "All"},
            **{name: value for name, value in given.items() if value},
        },
    }


def chosen_stores(source: Source, wanted: Iterable[str]) -> tuple[BucketStore, ...]:
    """Return the BucketStores with these names (`name`, `namespace/name`), all where none is wanted; raises SourceError."""
    bodies = {place(body): body for body in source.kube.list(BUCKET_STORES, source.namespace)}
    if not bodies:
        where = f"namespace {source.namespace} of " if source.namespace else ""
        raise SourceError(f"There is no BucketStore in {where}{source.label}.")
    chosen = [key for name in wanted for key in _named(name, list(bodies))]
    try:
        return tuple(typed(bodies[key], BucketStore) for key in dict.fromkeys(chosen or bodies))
    except DomainError as error:
        raise SourceError(f"{error.message} Name the BucketStores to look at, to leave it out.") from None


def only(stores: Sequence[BucketStore]) -> BucketStore:
    """Return the one BucketStore; raises SourceError where there are more to choose from."""
    if len(stores) != 1:
        names_ = ", ".join(f"{store.metadata.namespace}/{store.metadata.name}" for store in stores)
        raise SourceError(f"There are several BucketStores: {names_}. Name one.")
    return stores[0]


def store_at(source: Source, key: ObjectKey) -> BucketStore:
    """Return the BucketStore at this place; raises SourceError where there is none."""
    body = source.kube.get(BUCKET_STORES, key.namespace, key.name)
    if body is None:
        raise SourceError(f"There is no BucketStore {key.namespace}/{key.name}.")
    return typed(body, BucketStore)


def team(source: Source, name: str) -> TeamStorage | None:
    """Return the TeamStorage that a user means, None where a BucketStore is meant: of two of one name, the bucket."""
    kind, _, rest = name.rpartition("/")
    meant = kind.lower() in ("teamstorage", "teamstorages")
    if not meant and any(_matches(body, kind, rest) for body in source.kube.list(BUCKET_STORES, source.namespace)):
        return None
    found = [
        body
        for body in source.kube.list(TEAM_STORAGES, source.namespace)
        if _matches(body, "" if meant else kind, rest)
    ]
    return typed(found[0], TeamStorage) if found else None


def _matches(body: Body, namespace: str, name: str) -> bool:
    return body["metadata"]["name"] == name and namespace in ("", body["metadata"].get("namespace", ""))


def _named(name: str, there: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kind, _, rest = name.rpartition("/")
    matching = [
        key for key in there if key[1] == rest and kind.lower() in ("", "bucketstore", "bucketstores", key[0].lower())
    ]
    if not matching:
        raise SourceError(
            f"There is no BucketStore {name}. There are: {', '.join(sorted(f'{a}/{b}' for a, b in there))}."
        )
    return matching


class _NoEvents:
    def publish(self, key: ObjectKey, *, uid: str, warning: bool, reason: str, message: str) -> None:
        """Tell nobody: a look from the command line is no transition of an object."""


def world(
    source: Source,
    *,
    allowed_endpoints: tuple[str, ...] = (),
    cloud_endpoints: CloudEndpoints | None = None,
    redactor: Redactor | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> World:
    """Return what the core looks with: it counts nothing, tells nobody, and takes this machine's identity for the operator's."""
    from wandb_byob.providers.registry import providers

    endpoints = cloud_endpoints or CloudEndpoints()
    config = Config(
        release_namespace=source.namespace or "default",
        namespaces=_readable(source),
        allowed_endpoints=allowed_endpoints,
        allow_operator_identity=True,
        cloud_endpoints=endpoints,
    )
    return World(
        kube=Once(source.kube),
        providers=providers(endpoints),
        config=config,
        recorder=NullRecorder(),
        events=_NoEvents(),
        secrets=redactor or Redactor(),
        fence=lambda: None,
        now=now,
    )


def _readable(source: Source) -> tuple[str, ...]:
    """Return the namespaces to look for teams in: all (empty), or the chosen one where this user may not list all."""
    if not source.namespace:
        return ()
    try:
        source.kube.list(BUCKET_STORES, "")
    except ForbiddenError:
        return (source.namespace,)
    return ()


def probe_paths(given: Iterable[str]) -> tuple[str, ...]:
    """Return paths of `--path` as a BucketStore's probePath may have them; raises SourceError."""
    paths = tuple(path.strip("/") for path in given)
    wrong = next((path for path in paths if not is_path(path)), None)
    if wrong is not None:
        raise SourceError(
            f"--path {wrong!r} is no path inside a bucket. Write segments of letters, digits, . _ and -, with / between."
        )
    return paths


def every_endpoint(source: Source) -> tuple[str, ...]:
    """Return the hosts that any BucketStore names which this user may see: what W&B has depends on all of them."""
    try:
        bodies = source.kube.list(BUCKET_STORES, "")
    except ForbiddenError:
        bodies = source.kube.list(BUCKET_STORES, source.namespace)
    return own_endpoints(all_valid(bodies, BucketStore))


def own_endpoints(stores: Iterable[BucketStore]) -> tuple[str, ...]:
    """Return the hosts that these BucketStores name: who runs the command is their administrator here."""
    named = (blocks.endpoint(store.spec) for store in stores)
    parsed = (parse_endpoint(url, field=field) for url, field in filter(None, named))
    return tuple(dict.fromkeys(each.authority for each in parsed if not isinstance(each, Refusal)))


def needs_listing(store: BucketStore) -> Refusal | None:
    """Return why an operator would use the endpoint only if its administrator has listed it, None where it would in any case."""
    named = blocks.endpoint(store.spec)
    if named is None:
        return None
    endpoint = parse_endpoint(named[0], field=named[1])
    return None if isinstance(endpoint, Refusal) else refuse_endpoint(Policy(endpoint=endpoint, field=named[1]))
