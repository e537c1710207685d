"""What a look at a bucket is made with: the W&B it belongs to, the credentials, the provider; each from a live read."""

from dataclasses import dataclass
from typing import Final, Literal

from wandb_byob.decide import availability, blocks, looks, references, secrets, stores, teams
from wandb_byob.decide.availability import Scope
from wandb_byob.decide.conditions import Verdict
from wandb_byob.kube import gather
from wandb_byob.kube.client import CONFIG_MAPS, WANDB_INSTANCES, ForbiddenError
from wandb_byob.model.api import BucketStore, SecretReference, WandbInstance
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Ambient, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context, Provider, Tenant
from wandb_byob.reconcile import wandb_side
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.workload import Workload, names_endpoint, workload_of

# Where W&B's Terraform module writes the identity of W&B's pods.
_IDENTITY_KEY: Final = "BUCKET_ACCESS_IDENTITY"
_RELEASE_LABEL: Final = "app.kubernetes.io/instance"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that a look needs; `mark` changes when any of it does. `unproved`: why no data path can be proved.

    `workload`: from where the data path is tried, None for the operator's own pod. `storage`: the path of the instance's own files,
    `own` their claims, which keep teams away.
    """

    instance: ObjectKey
    provider: Provider
    identity: str
    context: Context
    static: tuple[Check, ...]
    mark: str
    unproved: Verdict | None
    workload: Workload | None = None
    storage: str | None = None
    own: tuple[teams.Own, ...] = ()


def gather_inputs(world: World, store: BucketStore) -> Inputs:
    """Read what the BucketStore refers to and check all that needs no call of its store; raises `Stalled`."""
    instance = granted_instance(world, store)
    availability.require(instance.spec.deployment_type, Scope.TEAM, store.spec.provider)
    provider = built_provider(world, store)
    require_identity_allowed(world, store)
    tenant = tenant_of(world, store, instance)
    data, data_version = data_credentials(world, store)
    admin, admin_version = provisioning(world, store)
    workload = workload_of(world.kube, world.config, store, instance, data=data)
    seen = data is not None or admin is not None or workload is not None
    availability.require_witness(
        instance.spec.deployment_type, store.spec.credentials.source, seen=seen, provider=store.spec.provider
    )
    context, bundle_version = context_of(world, store, tenant=tenant, data=data, admin=admin)
    of_wandb = wandb_side.checks(world, store, instance)
    static = (*validated(provider, context), *of_wandb)
    identity = provider.identity(store.spec)
    _require_same_bucket(store, identity)
    return Inputs(
        instance=ObjectKey(Kind.WANDB_INSTANCE, instance.metadata.namespace, instance.metadata.name),
        provider=provider,
        identity=identity,
        context=context,
        static=static,
        mark=_mark(store, tenant, (data_version, admin_version, bundle_version), workload=workload, of_wandb=of_wandb),
        unproved=None if workload is not None else _unproved(store, data),
        workload=workload,
        storage=references.storage_path(store, instance),
        own=teams.own_claims(store, instance, identity=identity),
    )


def context_of(
    world: World, store: BucketStore, *, tenant: Tenant, data: Credentials | None, admin: Credentials | None
) -> tuple[Context, str]:
    """Return one look at the bucket by these credentials, and the version of the certificates that it trusts; raises `Stalled`."""
    bundle, version = ca_bundle(world, store)
    context = Context(
        spec=store.spec,
        uid=store.metadata.uid,
        tenant=tenant,
        data=data,
        admin=admin,
        paths=(),
        ca_bundle=bundle,
        recorded=recorded(store),
        allowed_endpoints=world.config.allowed_endpoints,
        fence=world.fence,
        recorder=world.recorder,
        now=world.now,
    )
    return context, version


def _mark(
    store: BucketStore,
    tenant: Tenant,
    versions: tuple[str, ...],
    *,
    workload: Workload | None,
    of_wandb: tuple[Check, ...],
) -> str:
    host = {"host": [workload.host.namespace, workload.host.service_account]} if workload is not None else {}
    side = {"wandb": [[check.name, check.result] for check in of_wandb]} if of_wandb else {}
    return looks.mark(
        {
            "generation": store.metadata.generation,
            "tenant": [tenant.deployment_type, tenant.origins, tenant.identity, tenant.org_id],
            "versions": versions,
        }
        | host
        | side
    )


def recorded(store: BucketStore) -> Literal["Created", "Adopted", ""]:
    """Return what the status says of how we hold the bucket: all there is where a store keeps no tags."""
    bucket = store.status.bucket
    if bucket is None:
        return ""
    return "Created" if bucket.created else "Adopted" if bucket.adopted else ""


def granted_instance(world: World, store: BucketStore) -> WandbInstance:
    """Return the WandbInstance that the BucketStore is attached to, if that admits it; raises `Stalled`."""
    own = store.metadata.namespace
    key = references.stated_instance(store)
    if key is None:
        found = world.kube.list(WANDB_INSTANCES, own)
        key = references.instance_of(store, [body["metadata"]["name"] for body in found])
    instance = gather.foreign(world.kube, key, WandbInstance, user=own)
    if instance is None or not gather.admits(
        world.kube, instance.spec.allowed_namespaces, owner=key.namespace, user=own
    ):
        raise references.not_reachable(key, user=own, missing=Reason.INSTANCE_NOT_FOUND)
    return instance


def built_provider(world: World, store: BucketStore) -> Provider:
    """Return the provider of this BucketStore; raises `Stalled` for what this version does not have."""
    provider = world.providers.get(store.spec.provider)
    if provider is None:
        there = ", ".join(sorted(world.providers))
        raise Stalled(
            Reason.NOT_IMPLEMENTED,
            f"This version of the operator does not have provider {store.spec.provider} yet. It has {there}.",
        )
    return provider


def provisioning(world: World, store: BucketStore) -> tuple[Credentials | None, str]:
    """Return what the operator may configure the bucket with (None: nothing), and its version; raises `Stalled`."""
    given = store.spec.provisioning
    if given is None or given.source == "None":
        return None, ""
    if given.source == "Operator":
        return Ambient(), "operator"
    return _from_secret(world, store, given.secret_ref, field="spec.provisioning.secretRef", provisioning=True)


def data_credentials(world: World, store: BucketStore) -> tuple[Credentials | None, str]:
    """Return what the data path is signed with (None: nobody here can sign as W&B does), and its version; raises `Stalled`."""
    given = store.spec.credentials
    if given.secret_ref is not None:
        return _from_secret(world, store, given.secret_ref, field="spec.credentials.secretRef", provisioning=False)
    if given.source == "Ambient" and _signs_as_operator(store):
        return Ambient(), "operator"
    return None, ""


def _signs_as_operator(store: BucketStore) -> bool:
    return store.spec.provisioning is not None and store.spec.provisioning.source == "Operator"


def _from_secret(
    world: World, store: BucketStore, reference: SecretReference | None, *, field: str, provisioning: bool
) -> tuple[Credentials, str]:
    if reference is None:
        raise Stalled(Reason.INVALID_SPEC, f"{field} is missing. Name the Secret that holds the keys.")
    found = gather.contents(world.kube, "Secret", store.metadata.namespace, reference.name, field=field)
    data = secrets.SecretData(
        name=reference.name, field_name=field, data=found.data, keys=reference.keys or secrets.USUAL_KEYS
    )
    credentials = secrets.credentials(data, store.spec.provider, provisioning=provisioning)
    world.secrets.learn(credentials)
    return credentials, found.version


def ca_bundle(world: World, store: BucketStore) -> tuple[str | None, str]:
    """Return the certificates to trust besides the usual ones (None: no others), and their version; raises `Stalled`."""
    reference = blocks.ca_bundle(store.spec)
    if reference is None:
        return None, ""
    return gather.ca_bundle(world.kube, store.metadata.namespace, reference)


def require_identity_allowed(world: World, store: BucketStore) -> None:
    """Refuse the operator's own identity unless its administrator allows it, and with any endpoint that a user names."""
    if not _signs_as_operator(store):
        return
    if names_endpoint(store):
        raise Stalled(
            Reason.OPERATOR_IDENTITY_NOT_ALLOWED,
            "The operator's own identity is never shown to an endpoint that a user names. Give keys in "
            "spec.provisioning.secretRef, or set spec.provisioning.source to None.",
        )
    if not world.config.allow_operator_identity:
        raise Stalled(
            Reason.OPERATOR_IDENTITY_NOT_ALLOWED,
            "spec.provisioning.source Operator is not allowed here. Give keys in spec.provisioning.secretRef, or have the "
            "administrator start the operator with --allow-operator-identity.",
        )


def validated(provider: Provider, context: Context) -> tuple[Check, ...]:
    """Return the checks that need no call of the store; raises `Stalled` with the first that failed."""
    checks = provider.validate(context)
    failed = next((check for check in checks if check.result is CheckResult.FAILED), None)
    if failed is not None:
        not_allowed = failed.name is CheckName.ENDPOINT_ALLOWED
        reason = Reason.ENDPOINT_NOT_ALLOWED if not_allowed else Reason.INVALID_SPEC
        raise Stalled(reason, f"{failed.message} {failed.remedy}".strip(), check=failed)
    return checks


def _require_same_bucket(store: BucketStore, identity: str) -> None:
    placed = store.status.bucket
    if placed is not None and placed.identity != identity:
        raise Stalled(
            Reason.IDENTITY_CHANGED,
            f"The specification now means {identity}, but {placed.identity} is in place. Undo the change, and create a new "
            "BucketStore for the other bucket.",
        )


def _unproved(store: BucketStore, data: Credentials | None) -> Verdict | None:
    if not stores.wants_data_path(store.spec):
        return stores.not_requested()
    if data is not None:
        return None
    if store.spec.credentials.source == "WandbAccount":
        return stores.not_provable("W&B's own account signs (credentials.source WandbAccount).")
    who = "keys of W&B's own" if store.spec.provider == "CoreWeave" else "an identity of their own"
    return stores.not_provable(f"W&B's pods sign with {who} (credentials.source Ambient).")


def tenant_of(world: World, store: BucketStore, instance: WandbInstance) -> Tenant:
    """Return what the bucket must know of the W&B that reads it."""
    spec = instance.spec
    host = spec.host.rstrip("/")
    return Tenant(
        deployment_type=spec.deployment_type,
        origins=store.spec.cors.allowed_origins or (host,),
        host=host,
        identity=spec.identity or _installed_identity(world, instance),
        org_id=spec.wandb_org_id,
    )


def _installed_identity(world: World, instance: WandbInstance) -> str | None:
    """Return the identity of W&B's pods that W&B's Terraform module left in the release's ConfigMap, None where it did not."""
    target = instance.spec.target
    if target is None:
        return None
    selector = target.workloads.selector if target.workloads is not None else None
    label = selector.match_labels.get(_RELEASE_LABEL) if selector is not None else None
    release = target.weights_and_biases.name if target.weights_and_biases is not None else label
    if release is None:
        return None
    try:
        found = world.kube.get(CONFIG_MAPS, instance.metadata.namespace, f"{release}-console-configmap")
    except ForbiddenError:
        return None
    value = ((found or {}).get("data") or {}).get(_IDENTITY_KEY, "").strip()
    return value if value not in ("", "unknown") else None
