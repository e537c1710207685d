"""`byob release` stops the operator first and then lets go of everything (the API server is a stand-in; tests/cluster has the real one)."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from wandb_byob.cli.release import HOLD_SECONDS, SETTLE_SECONDS, Releasing, StandIn
from wandb_byob.kube.client import (
    BUCKET_STORES,
    LEASES,
    Body,
    ConflictError,
    ForbiddenError,
    KubeError,
    PatchType,
    Resource,
    UnavailableError,
)
from wandb_byob.model.names import FINALIZER
from wandb_byob.runtime.leader import RENEW_DEADLINE

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Server:
    """A KubeClient over a dict, with conflicts as the real server has them; `refuses` is raised by every list of that namespace."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.refuses: dict[str, KubeError] = {}
        self.interrupts = 0
        self._versions = itertools.count(1)

    def put(self, resource: Resource, namespace: str, name: str, **rest: Any) -> None:
        metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": str(next(self._versions))}
        self.objects[resource.plural, namespace, name] = {"metadata": metadata | rest.pop("metadata", {}), **rest}

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get((resource.plural, namespace, name))

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        if namespace in self.refuses:
            raise self.refuses[namespace]
        return [each for key, each in self.objects.items() if key[0] == resource.plural and namespace in ("", key[1])]

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Body, *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:
        found = self.objects[resource.plural, namespace, name]
        if self.interrupts:
            self.interrupts -= 1
            self.put(
                resource,
                namespace,
                name,
                **{key: found[key] for key in found if key != "metadata"},
                metadata={"finalizers": found["metadata"].get("finalizers", [])},
            )
            raise ConflictError("patch: Conflict.", status=409)
        assert body["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
        metadata = found["metadata"] | body["metadata"] | {"resourceVersion": str(next(self._versions))}
        patched = {**found, **body, "metadata": metadata}
        self.objects[resource.plural, namespace, name] = patched
        return patched

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        raise NotImplementedError

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        raise NotImplementedError


class Run:
    """One `byob release` on a stand-in server."""

    def __init__(self) -> None:
        self.server = Server()
        self.lines: list[str] = []
        self.slept: list[float] = []
        self.sleep: Callable[[float], None] = self.slept.append
        self.clock = 0.0

    def lease(self) -> dict[str, Any]:
        return dict(self.server.objects["leases", "ns", "byob-leader"]["spec"])

    def with_lease(self, holder: str | None) -> "Run":
        self.server.put(LEASES, "ns", "byob-leader", spec={"holderIdentity": holder} if holder else {})
        return self

    def with_store(self, name: str, *finalizers: str, namespace: str = "ns") -> "Run":
        self.server.put(BUCKET_STORES, namespace, name, metadata={"finalizers": list(finalizers)})
        return self

    def finalizers(self, name: str, namespace: str = "ns") -> Any:
        return self.server.objects["bucketstores", namespace, name]["metadata"]["finalizers"]

    def __call__(self, *namespaces: str, skip_forbidden: bool = False) -> int:
        stand_in = StandIn(self.server, "ns", "byob-leader", clock=lambda: self.clock, now=lambda: NOW)
        releasing = Releasing(
            self.server,
            stand_in=stand_in,
            say=self.lines.append,
            skip_forbidden=skip_forbidden,
            sleep=self.sleep,
        )
        return releasing.run(namespaces or ("ns",))


def test_only_our_finalizer_goes() -> None:
    """Others' finalizers stay, and what has none of ours is not written."""
    run = Run().with_store("ours", FINALIZER, "example.com/other").with_store("theirs", "example.com/other")
    before = run.server.objects["bucketstores", "ns", "theirs"]
    assert run() == 0
    assert run.finalizers("ours") == ["example.com/other"]
    assert run.server.objects["bucketstores", "ns", "theirs"] is before
    assert "BucketStore/ns/ours is let go." in run.lines


def test_the_operator_is_stopped_first() -> None:
    """The Lease changes hands, and nothing is let go before its former holder can write no more."""
    run = Run().with_lease("operator-0").with_store("data", FINALIZER)
    during: list[Any] = []
    run.sleep = lambda _: during.append((run.lease()["holderIdentity"], run.finalizers("data")))
    assert run() == 0
    ((holder, finalizers),) = during
    assert holder.startswith("byob-release_")
    assert finalizers == [FINALIZER]
    assert run.lease()["leaseDurationSeconds"] == HOLD_SECONDS
    assert "operator-0" in run.lines[0]


def test_wait_is_as_long_as_a_former_holder_may_write() -> None:
    """The time comes from the operator's own rule."""
    run = Run().with_lease("operator-0")
    assert run() == 0
    assert run.slept == [SETTLE_SECONDS] == [RENEW_DEADLINE]


@pytest.mark.parametrize("holder", [None, ""])
def test_nobody_is_waited_for_where_nobody_works(holder: str | None) -> None:
    """A Lease that was given up is taken at once."""
    run = Run().with_lease(holder)
    assert run() == 0
    assert run.slept == []
    assert run.lease()["holderIdentity"].startswith("byob-release_")


def test_without_a_lease_it_says_so() -> None:
    """By hand, after the operator is gone or with another release's name: it goes on and tells what it assumed."""
    run = Run().with_store("data", FINALIZER)
    assert run() == 0
    assert "--release-namespace" in run.lines[0]
    assert run.finalizers("data") == []


def test_somebody_else_writes_meanwhile() -> None:
    """A conflict, on the Lease or on an object, is tried again from what is there then."""
    run = Run().with_lease("operator-0").with_store("data", FINALIZER)
    run.server.interrupts = 2
    assert run() == 0
    assert run.finalizers("data") == []


def test_the_lease_is_kept_while_it_takes_long() -> None:
    """With many objects the Lease is renewed before it expires."""
    run = Run().with_lease("operator-0").with_store("a", FINALIZER).with_store("b", FINALIZER)
    taken: list[str] = []
    original = run.server.patch

    def patch(resource: Resource, *args: Any, **rest: Any) -> dict[str, Any]:
        run.clock += 11
        taken.append(resource.kind)
        return original(resource, *args, **rest)

    run.server.patch = patch  # type: ignore[method-assign]
    assert run() == 0
    assert taken == ["Lease", "BucketStore", "Lease", "BucketStore", "Lease"]


def test_a_namespace_that_may_not_be_read() -> None:
    """It fails the command, or is passed over where asked for; the others are let go in any case."""
    for skip, status, word in ((False, 1, "could not be let go"), (True, 0, "is passed over")):
        run = Run().with_store("data", FINALIZER, namespace="b")
        run.server.refuses["a"] = ForbiddenError("list bucketstores in a: Forbidden.", status=403)
        assert run("a", "b", skip_forbidden=skip) == status
        assert run.finalizers("data", "b") == []
        assert any(word in line for line in run.lines)


def test_a_kind_that_is_not_there_has_no_objects() -> None:
    """The CRDs may have been removed before."""
    run = Run()
    run.server.refuses["ns"] = KubeError("list teamstorages: NotFound.", status=404)
    assert run() == 0


def test_an_unknown_answer_is_a_failure() -> None:
    """A time-out is never read as "nothing there", whatever may be passed over."""
    run = Run()
    run.server.refuses["ns"] = UnavailableError("list teamstorages: no answer.", status=0)
    assert run(skip_forbidden=True) == 1
