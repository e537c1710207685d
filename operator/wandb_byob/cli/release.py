"""`byob release`: let go of every object, so that nothing waits for an operator that is going to be uninstalled.

Only our finalizers are taken off: W&B's configuration, the Secrets and the buckets stay as they are. An operator that still runs would
put the finalizers back, so its Lease is taken first; it then ends, and stands by until the Lease has expired.
"""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from wandb_byob.kube.apply import let_go
from wandb_byob.kube.client import (
    BUCKET_STORES,
    LEASES,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    ConflictError,
    ForbiddenError,
    KubeClient,
    KubeError,
    PatchType,
    Resource,
)
from wandb_byob.model.config import Config

# How long an operator stands by afterwards: enough for Helm to remove it, and what a new one waits.
HOLD_SECONDS: Final = 30
_RENEW_SECONDS: Final = 10.0
# The longest that a former holder may still write (runtime.leader.RENEW_DEADLINE).
SETTLE_SECONDS: Final = 10.0
_TRIES: Final = 5
_NOT_FOUND: Final = 404
_DEFAULT_NAME: Final = Config(release_namespace="", namespaces=()).release_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; those that `byob operator` has too mean the same."""
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--namespaces", action="append", metavar="NAMES", help="separated by commas (default: the release's)"
    )
    scope.add_argument("--all-namespaces", action="store_true", help="let go of the objects of every namespace")
    parser.add_argument(
        "--release-namespace",
        metavar="NAME",
        help="where the operator's Lease is (default: $POD_NAMESPACE, or the kubeconfig's)",
    )
    parser.add_argument("--release-name", metavar="NAME", default=_DEFAULT_NAME, help="default: %(default)s")
    parser.add_argument(
        "--skip-forbidden",
        action="store_true",
        help="take a namespace that may not be read for one that is gone, as the chart's Job does: its Role went with it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Let go, and say of what; return 0, 1 where something could not be let go, or 2 where no cluster is known."""
    # Here, so that `--help` is quick.
    from wandb_byob.kube.connection import ConnectionConfigError, connect
    from wandb_byob.kube.rest import RestClient

    try:
        connection = connect(os.environ)
    except ConnectionConfigError as error:
        sys.stderr.write(f"byob release: {error}\n")
        return 2
    own = arguments.release_namespace or os.environ.get("POD_NAMESPACE") or connection.namespace or "default"
    named = [name for flag in arguments.namespaces or () for name in flag.split(",") if name]
    namespaces = [""] if arguments.all_namespaces else list(dict.fromkeys(named)) or [own]
    kube = RestClient(connection)
    stand_in = StandIn(kube, own, f"{arguments.release_name}-leader")
    return Releasing(kube, stand_in=stand_in, say=print, skip_forbidden=arguments.skip_forbidden).run(namespaces)


class StandIn:
    """Holds the operator's Lease in its place, so that it does not work meanwhile."""

    def __init__(
        self,
        kube: KubeClient,
        namespace: str,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._clock = clock
        self._now = now
        self._identity = f"byob-release_{uuid.uuid4()}"
        self._held_at: float | None = None

    def take(self) -> str | None:
        """Take the Lease from whoever has it; return who that was ("" for nobody), or None where there is no such Lease."""
        for _ in range(_TRIES):
            lease = self._kube.get(LEASES, self._namespace, self._name)
            if lease is None:
                return None
            try:
                self._write(lease)
            except ConflictError:
                continue  # The operator has just renewed it.
            self._held_at = self._clock()
            return str((lease.get("spec") or {}).get("holderIdentity") or "")
        raise ConflictError(f"The Lease {self._name} in namespace {self._namespace} changes too often.", status=409)

    def keep(self) -> None:
        """Renew the Lease where that is due, if it was taken."""
        if self._held_at is not None and self._clock() >= self._held_at + _RENEW_SECONDS:
            self.take()

    def _write(self, lease: Mapping[str, Any]) -> None:
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": HOLD_SECONDS,
            "acquireTime": stamp,
            "renewTime": stamp,
        }
        body = {"metadata": {key: lease["metadata"][key] for key in ("uid", "resourceVersion")}, "spec": spec}
        self._kube.patch(LEASES, self._namespace, self._name, body, patch_type=PatchType.MERGE)


class Releasing:
    """One run; `say` gets a line for each thing that is done."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        stand_in: StandIn,
        say: Callable[[str], None],
        skip_forbidden: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._kube = kube
        self._stand_in = stand_in
        self._say = say
        self._skip_forbidden = skip_forbidden
        self._sleep = sleep

    def run(self, namespaces: Sequence[str]) -> int:
        """Stop the operator and let go of all objects; return the exit status."""
        try:
            self._stop_operator()
            failed = [namespace for namespace in namespaces if not self._release_namespace(namespace)]
            # The whole time again: from now on the operator is to be removed.
            self._stand_in.take()
        except KubeError as error:
            self._say(f"The operator's Lease could not be taken, so it may still be at work: {error}")
            return 1
        self._say("W&B's configuration, the Secrets and the buckets are as they were.")
        return 1 if failed else 0

    def _stop_operator(self) -> None:
        holder = self._stand_in.take()
        if holder is None:
            self._say("The operator's Lease is not there. If one runs, say where: --release-namespace, --release-name.")
        elif holder:
            self._say(f"The operator ({holder}) stands by until {HOLD_SECONDS} s after the end of this.")
            self._sleep(SETTLE_SECONDS)

    def _release_namespace(self, namespace: str) -> bool:
        """Let go of a namespace's objects; say whether that is done."""
        try:
            for resource in (TEAM_STORAGES, BUCKET_STORES, WANDB_INSTANCES):
                for item in self._listed(resource, namespace):
                    self._release(resource, item)
        except KubeError as error:
            passed_over = self._skip_forbidden and isinstance(error, ForbiddenError)
            outcome = "is passed over" if passed_over else "could not be let go"
            self._say(f"Namespace {namespace or '(all)'} {outcome}: {error}")
            return passed_over
        return True

    def _listed(self, resource: Resource, namespace: str) -> Sequence[dict[str, Any]]:
        try:
            return self._kube.list(resource, namespace)
        except KubeError as error:
            if error.status == _NOT_FOUND:  # The CRD has been removed, and its objects with it.
                return ()
            raise

    def _release(self, resource: Resource, item: dict[str, Any]) -> None:
        self._stand_in.keep()
        if let_go(self._kube, resource, item):
            self._say(f"{resource.kind}/{item['metadata']['namespace']}/{item['metadata']['name']} is let go.")
