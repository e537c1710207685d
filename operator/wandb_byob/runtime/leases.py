"""One Lease (coordination.k8s.io): take it, renew it, give it up, as client-go's leader election does.

Whether a holder has fallen silent is judged by our own clock alone, from when we saw its last renewal: clocks of two machines are
never compared. Why not `kubernetes.leaderelection`: docs/adr/0006.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wandb_byob.kube.client import LEASES, KubeClient, PatchType


def boottime() -> float:
    """Return seconds on a clock that also goes on while the machine is suspended, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Observed:
    """What was last seen in a Lease, and when (our clock): a holder's own clock is never compared with ours."""

    holder: str
    renewed: str
    duration: float
    at: float


def observe(lease: dict[str, Any], *, before: Observed | None, now: float) -> Observed:
    """Return what is seen now; the time stays while the holder has not renewed."""
    spec = lease.get("spec") or {}
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    if before is not None and (before.holder, before.renewed) == (holder, renewed):
        return before
    return Observed(holder, renewed, float(spec.get("leaseDurationSeconds") or 0), now)


def may_take(seen: Observed, *, identity: str, now: float) -> bool:
    """Say whether a Lease may be taken: it is free, ours, or its holder has been silent for longer than it said."""
    return seen.holder in {"", identity} or now >= seen.at + seen.duration


class LeaseLock:
    """One Lease under one identity. Not safe for several threads at once."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = boottime,
        now: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._now = now
        self._seen: Observed | None = None
        self.renewed_at = float("-inf")
        self.holder = ""

    def hold(self, duration: float, *, keep: bool = False) -> bool:
        """Take or renew the Lease for so many seconds; False where somebody else has it, or (`keep`) had it in between.

        Raises KubeError where that can't be known.
        """
        started = self._clock()
        lease = self._kube.get(LEASES, self._namespace, self._name)
        if lease is None:
            self._create(duration)
        else:
            self._seen = observe(lease, before=self._seen, now=started)
            self.holder = self._seen.holder
            if keep and self.holder != self._identity:
                return False
            if not may_take(self._seen, identity=self._identity, now=started):
                return False
            self._take(lease, duration)
        # From before the first call: whoever waits for us to fall silent counts from a later moment.
        self.renewed_at = started
        self.holder = self._identity
        return True

    def release(self) -> None:
        """Give the Lease up, if it is still ours."""
        lease = self._kube.get(LEASES, self._namespace, self._name)
        if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._identity:
            self._patch(lease, {"holderIdentity": None, "leaseDurationSeconds": 1, "renewTime": self._stamp()})
        self.renewed_at = float("-inf")

    def _create(self, duration: float) -> None:
        stamp = self._stamp()
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": round(duration), "leaseTransitions": 0}
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": spec | {"acquireTime": stamp, "renewTime": stamp},
        }
        self._kube.create(LEASES, self._namespace, body)

    def _take(self, lease: dict[str, Any], duration: float) -> None:
        stamp = self._stamp()
        before = lease.get("spec") or {}
        spec: dict[str, Any] = {"renewTime": stamp, "leaseDurationSeconds": round(duration)}
        if before.get("holderIdentity") != self._identity:
            transitions = int(before.get("leaseTransitions") or 0) + 1
            spec |= {"holderIdentity": self._identity, "acquireTime": stamp, "leaseTransitions": transitions}
        self._patch(lease, spec)

    def _patch(self, lease: dict[str, Any], spec: dict[str, Any]) -> None:
        # With the resourceVersion that was read: of two who take it at once, one gets a ConflictError.
        metadata = {key: lease["metadata"][key] for key in ("uid", "resourceVersion")}
        body = {"metadata": metadata, "spec": spec}
        self._kube.patch(LEASES, self._namespace, self._name, body, patch_type=PatchType.MERGE)

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
