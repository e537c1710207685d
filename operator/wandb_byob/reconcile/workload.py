"""From where the data path is tried, where `verification.from` is Workload: which of W&B's pods, and who signs there."""

from dataclasses import dataclass, field

from wandb_byob.decide import blocks, stores, targets
from wandb_byob.decide.probing.probe_job import Host, host_of
from wandb_byob.kube import gather_instance
from wandb_byob.kube.client import KubeClient
from wandb_byob.model.api import BucketStore, WandbInstance
from wandb_byob.model.config import Config
from wandb_byob.model.credentials import Ambient, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Workload:
    """W&B's pods as the place from which a bucket is looked at; `signer` is what W&B signs with there."""

    host: Host
    signer: Credentials = field(repr=False)


def workload_of(
    kube: KubeClient, config: Config, store: BucketStore, instance: WandbInstance, *, data: Credentials | None
) -> Workload | None:
    """Return from where the data path is tried, None where that is the operator's pod, or nothing is tried.

    Raises `Stalled` where W&B's pods can't be looked from, `Waiting` where they are not there yet.
    """
    if store.spec.verification.from_ != "Workload" or not stores.wants_data_path(store.spec):
        return None
    signer = data if data is not None else _ambient(store)
    if signer is None:
        return None
    if not config.image:
        raise Stalled(
            Reason.INVALID_SPEC,
            "verification.from Workload needs the operator's own image, which the operator was not told. Have its administrator "
            "start it with --image, or set verification.from to Operator.",
        )
    return Workload(host=workload_host(kube, instance), signer=signer)


def workload_host(kube: KubeClient, instance: WandbInstance) -> Host:
    """Return which of W&B's pods a Job is made like; raises `Stalled` where none of them run in this cluster."""
    target, namespace = (
        targets.workloads_of(instance.spec.target, instance.metadata.namespace),
        instance.metadata.namespace,
    )
    if target is None:
        raise Stalled(
            Reason.INVALID_SPEC,
            "verification.from Workload needs W&B's pods in this cluster (spec.target of the WandbInstance). Set verification.from "
            "to Operator.",
        )
    return host_of(gather_instance.workloads(kube, namespace, target), namespace=namespace)


def names_endpoint(store: BucketStore) -> bool:
    """Say whether the BucketStore's owner chose where requests go."""
    return blocks.endpoint(store.spec) is not None


def _ambient(store: BucketStore) -> Ambient | None:
    # On CoreWeave W&B's pods have no identity but keys in a Secret of their own, which the Job does not have.
    if store.spec.credentials.source != "Ambient" or store.spec.provider == "CoreWeave":
        return None
    if names_endpoint(store):
        raise Stalled(
            Reason.INVALID_SPEC,
            "The identity of W&B's pods (credentials.source Ambient) is never shown to an endpoint that a user names. Give keys in "
            "spec.credentials.secretRef, or set verification.from to Operator.",
        )
    return Ambient()
