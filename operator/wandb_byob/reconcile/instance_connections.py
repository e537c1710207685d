"""What else is to be known of the bucket for the instance: what W&B's own page must show, and what its pods lack."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from wandb_byob.decide import references, storage
from wandb_byob.decide.bucket_forms import from_chart
from wandb_byob.decide.instance_storage import Storage
from wandb_byob.decide.offers import LABELS
from wandb_byob.decide.storage import Bucket
from wandb_byob.decide.wandb_values import part
from wandb_byob.model.api import InstanceForm, WandbInstance
from wandb_byob.model.checks import CheckName
from wandb_byob.reconcile.instance_buckets import Buckets
from wandb_byob.reconcile.instance_target import Target

_COLLECTION: Final = "GORILLA_ARTIFACT_GC_ENABLED"
_SAFE: Final = frozenset({CheckName.VERSIONING.value, CheckName.SOFT_DELETE.value})
_COMPATIBLE: Final = "AWS (an S3-compatible store is entered as AWS: an assumption of ours)"


def noted(decided: Storage, instance: WandbInstance, buckets: Buckets, target: Target) -> Storage:
    """Add that W&B never frees what is deleted, where the bucket would make that safe."""
    key = references.storage_of(instance)
    store = buckets.stores.get(key) if key is not None else None
    passed = {check.name for check in store.status.checks if check.result == "Passed"} if store is not None else set()
    if not passed & _SAFE or any(_collects(container) for container in _containers(target)):
        return decided
    note = (
        f'W&B\'s garbage collection of artifacts is off ({_COLLECTION} is not "true"), so that what is deleted there is never freed; the '
        "bucket keeps what is deleted for a while, which makes it safe to turn it on."
    )
    return replace(decided, note=note)


def _containers(target: Target) -> Iterator[Mapping[str, Any]]:
    for body in target.bodies.values():
        yield from body["spec"]["template"]["spec"]["containers"]


def _collects(container: Mapping[str, Any]) -> bool:
    """Say whether it is on, or comes from where it is not looked at."""
    given = [each for each in container.get("env") or () if each["name"] == _COLLECTION]
    return any("valueFrom" in each or each.get("value", "").lower() == "true" for each in given)


def form(decided: Storage | None, target: Target) -> InstanceForm | None:
    """Return what System Console > Settings > System Connections must show, None where nothing is asked for or known."""
    if decided is None or decided.bucket is None:
        return None
    bucket, address = decided.bucket, decided.bucket.address
    host = address.host if address.scheme in ("s3", "az") else ""
    return InstanceForm(
        provider=_COMPATIBLE if address.scheme == "s3" and host else LABELS[address.scheme],
        bucket_name=f"{host}/{address.bucket}" if host else address.bucket,
        path=bucket.path or None,
        warning=_saved_otherwise(bucket, target),
    )


def _saved_otherwise(wanted: Bucket, target: Target) -> str | None:
    """Return what a bucket does that was saved on that page, and is another one."""
    saved = part(target.owner.user, "global", "bucket") if target.owner is not None else None
    found = from_chart(saved, keys=None) if isinstance(saved, Mapping) else None
    if target.owner is None or found is None or (isinstance(found, Bucket) and storage.same_place(found, wanted)):
        return None
    secret = f"{target.owner.body['metadata']['name']}-spec-user"
    return (
        f"Another bucket is saved there ({found.shown}, in Secret {secret}). The object's own values win over it; but if they are taken out, "
        "W&B takes the saved one, and hides the files. Save this one there."
    )
