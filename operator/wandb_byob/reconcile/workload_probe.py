"""The data path of a bucket, tried by a Job under W&B's ServiceAccount: made, looked at again, read and taken away.

Nobody waits for it. Each look does the next step from what is there, so that a restart loses nothing: the Job's name follows
from the BucketStore's uid, which also makes it the only one. It is deleted as soon as it is read; Kubernetes ends and removes
one that nobody comes back to.
"""

import base64
import binascii
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide import looks
from wandb_byob.decide.probing import probe_job, probe_output, probe_state
from wandb_byob.decide.probing.probe_job import Host
from wandb_byob.kube.client import EVENTS, JOBS, PODS, SECRETS, Body, ForbiddenError, KubeClient
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore
from wandb_byob.model.checks import Check
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Credentials
from wandb_byob.model.probe import INPUT_FILE, INPUTS, ProbeInput, signer_of
from wandb_byob.providers.base import Context

_SOONEST: Final = timedelta(seconds=1)
_LATEST: Final = timedelta(seconds=10)
_TURN: Final = timedelta(seconds=5)
_AT_ONCE: Final = 5
"""Jobs that may run in one namespace: whoever is admitted to a W&B must not fill its nodes and quotas."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One probe that is wanted. `mark` changes with what it is made with; `asker` is "" for the operator."""

    host: Host
    given: ProbeInput = field(repr=False)
    mark: str
    image: str
    pull_secrets: tuple[str, ...] = ()
    asker: str = ""

    @property
    def name(self) -> str:
        """Return the Job's name."""
        return probe_job.job_name(self.given.uid, asker=self.asker)


@dataclass(frozen=True, kw_only=True)
class Pending:
    """There is no result yet: what to tell, and when to look again."""

    message: str
    after: timedelta


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was found under these paths, perhaps only that the Job could not run."""

    checks: tuple[Check, ...]
    paths: tuple[str, ...]


def order_of(
    context: Context, host: Host, *, signer: Credentials, mark: str, image: str, cloud_endpoints: CloudEndpoints
) -> Order:
    """Return the probe of one bucket, with the paths, certificates and rules of a look at it."""
    tenant = context.tenant
    given = ProbeInput(
        uid=context.uid,
        spec=context.spec,
        deployment_type=tenant.deployment_type,
        origins=tenant.origins,
        paths=context.paths,
        signer=signer_of(signer),
        identity=tenant.identity,
        org_id=tenant.org_id,
        ca_bundle=context.ca_bundle,
        allowed_endpoints=context.allowed_endpoints,
        cloud_endpoints=cloud_endpoints,
    )
    return Order(host=host, given=given, mark=mark, image=image)


def mark_of(store: BucketStore, inputs_mark: str) -> str:
    """Return the mark of the operator's Job: who asks for a look now does not want the result of one before."""
    return looks.mark({"inputs": inputs_mark, "request": looks.request(store.metadata.annotations)})


def step(kube: KubeClient, order: Order, *, now: datetime) -> Pending | Done:
    """Do what comes next: make the Job, look how far it is, or read its result and take it away."""
    namespace = order.host.namespace
    job = kube.get(JOBS, namespace, order.name)
    if job is not None:
        probe_job.require_ours(job, uid=order.given.uid)
        if job["metadata"].get("annotations", {}).get(names.PROBE_MARK) != order.mark:
            _delete(kube, job)
            job = None
    if job is None:
        return _begin(kube, order)
    given = _given(kube, job)
    if given is None:
        # Its pod waits for it: this process, or the one before, ended between the two writes.
        kube.create(SECRETS, namespace, probe_job.secret_manifest(job, order.given))
        return _pending(order, job, now=now)
    pods = kube.list(PODS, namespace, labels=f"{names.PROBE}={order.given.uid}")
    found = probe_state.state(job, pods, () if pods else _events(kube, job), now=now)
    if isinstance(found, probe_state.Running):
        return _pending(order, job, now=now, obstacle=found.obstacle)
    checks = _read(found, given.paths, order.host)
    _delete(kube, job)
    return Done(checks=checks, paths=given.paths)


def clean_up(kube: KubeClient, *, namespace: str, uid: str, asker: str = "") -> None:
    """Take the Job of a BucketStore away, wherever it is, with its pod and its Secret."""
    with contextlib.suppress(
        ForbiddenError
    ):  # in a namespace that is not watched any more; Kubernetes removes it by itself
        job = kube.get(JOBS, namespace, probe_job.job_name(uid, asker=asker))
        if job is not None and (job["metadata"].get("labels") or {}).get(names.PROBE) == uid:
            _delete(kube, job)


def _begin(kube: KubeClient, order: Order) -> Pending:
    running = [job for job in kube.list(JOBS, order.host.namespace, labels=names.PROBE) if not probe_state.ended(job)]
    if len(running) >= _AT_ONCE:
        message = f"The data path is tried under {order.host.who} when one of {len(running)} probes there has ended."
        return Pending(message=message, after=_TURN)
    manifest = probe_job.job_manifest(
        order.host,
        name=order.name,
        uid=order.given.uid,
        mark=order.mark,
        token=secrets.token_hex(4),
        image=order.image,
        pull_secrets=order.pull_secrets,
        paths=len(order.given.paths),
    )
    job = kube.create(JOBS, order.host.namespace, manifest)
    kube.create(SECRETS, order.host.namespace, probe_job.secret_manifest(job, order.given))
    return Pending(message=_told(order), after=_SOONEST)


def _pending(order: Order, job: Body, *, now: datetime, obstacle: str = "") -> Pending:
    age = now - datetime.fromisoformat(job["metadata"]["creationTimestamp"])
    return Pending(message=_told(order, obstacle), after=min(max(age / 3, _SOONEST), _LATEST))


def _told(order: Order, obstacle: str = "") -> str:
    begun = f"A Job under {order.host.who} tries the data path."
    return f"{begun} It has not started yet. {obstacle}." if obstacle else begun


def _given(kube: KubeClient, job: Body) -> ProbeInput | None:
    """Return what a Job was given, None where its Secret is not there or is not its own."""
    secret = kube.get(SECRETS, job["metadata"]["namespace"], probe_job.secret_name(job))
    owners = (secret or {}).get("metadata", {}).get("ownerReferences") or ()
    if secret is None or not any(owner.get("uid") == job["metadata"]["uid"] for owner in owners):
        return None
    try:
        return INPUTS.decode(base64.b64decode((secret.get("data") or {}).get(INPUT_FILE, "")))
    except (msgspec.DecodeError, binascii.Error):
        return None


def _events(kube: KubeClient, job: Body) -> Sequence[dict[str, Any]]:
    """Return the Events about the Job, which alone say why it has no pod; none where they may not be read."""
    try:
        return kube.list(EVENTS, job["metadata"]["namespace"], fields=f"regarding.uid={job['metadata']['uid']}")
    except ForbiddenError:
        return ()


def _read(found: probe_state.Told | probe_state.Ended, paths: Sequence[str], host: Host) -> tuple[Check, ...]:
    if isinstance(found, probe_state.Ended):
        return probe_output.untried(paths, probe_output.gave_up(found.message, found.remedy, host=host))
    try:
        return probe_output.decode(found.message, paths, host=host)
    except ValueError:
        why = "What it told is no result of this version's probe."
        remedy = "See that the image is that of this operator, and who may run pods in that namespace."
        return probe_output.untried(paths, probe_output.gave_up(why, remedy, host=host))


def _delete(kube: KubeClient, job: Body) -> None:
    metadata = job["metadata"]
    kube.delete(JOBS, metadata["namespace"], metadata["name"], uid=metadata["uid"])
