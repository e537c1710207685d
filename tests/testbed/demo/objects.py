"""What the demo reads from the cluster about our objects and about W&B."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from testbed.cluster import Cluster
from testbed.demo.terminal import Screen
from testbed.wandb import RELEASE, StandIn

NAMESPACE: Final = "wandb"
_KINDS: Final = {"WandbInstance": "wandbinstances", "BucketStore": "bucketstores", "TeamStorage": "teamstorages"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One object, and its condition Ready for what is asked of it now."""

    kind: str
    name: str
    ready: str
    reason: str
    message: str
    checks: tuple[Mapping[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """What tells it from the others, such as `BucketStore vision`."""
        return f"{self.kind} {self.name}"

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check["result"] == "Failed")


def rows(cluster: Cluster, *only: str) -> list[Row]:
    """Our objects as they are; with `only`, such as `BucketStore vision`, these."""
    found = [row for kind in _KINDS for row in _rows_of(cluster, kind)]
    return [row for row in found if not only or row.key in only]


def get(cluster: Cluster, key: str) -> Any:
    """The whole object."""
    kind, _, name = key.partition(" ")
    return cluster.get(f"{_path(kind)}/{name}")


def table(screen: Screen, found: list[Row]) -> dict[str, str]:
    """The lines of a table, by what they are about."""
    head = {"": screen.paint(f"{'':14}{'':14}{'READY':9}{'WHY':20}", "dim")} if screen.live else {}
    return head | {each.key: _line(screen, each) for each in found}


def rollouts(screen: Screen, wandb: StandIn, before: Mapping[str, int]) -> dict[str, str]:
    """Lines about W&B: the revision of each workload, before and now, and how many of its pods serve."""
    now = wandb.revisions()
    moved = [f"{_short(name)} {before[name]}→{now[name]}" for name in sorted(now) if now[name] != before[name]]
    same = [f"{_short(name)} {now[name]}" for name in sorted(now) if now[name] == before[name]]
    lines = {
        "revisions": f"{'W&B revisions':14}{screen.paint('  '.join(moved), 'yellow')}" if moved else "",
        "unchanged": f"{'W&B unchanged':14}{'  '.join(same)}" if same else "",
        "pods": f"{'W&B pods':14}{serving(wandb)}",
    }
    return {key: line for key, line in lines.items() if line}


def serving(wandb: StandIn) -> str:
    """How many of W&B's pods serve, such as `12 of 12 serve`."""
    ready, pods = wandb.serving()
    return f"{ready} of {pods} serve"


def _rows_of(cluster: Cluster, kind: str) -> list[Row]:
    return [_row(kind, each) for each in (cluster.get(_path(kind)) or {"items": []})["items"]]


def _row(kind: str, found: Any) -> Row:
    status, meta = found.get("status") or {}, found["metadata"]
    ready: dict[str, Any] = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {})
    current = ready.get("observedGeneration") == meta["generation"]
    return Row(
        kind=kind,
        name=meta["name"],
        ready=ready["status"] if current else "",
        reason=ready["reason"] if current else "",
        message=ready["message"] if current else "",
        checks=tuple(status.get("checks", ())),
    )


def _line(screen: Screen, found: Row) -> str:
    colour = {"True": "green", "False": "yellow"}.get(found.ready, "dim")
    ready = screen.paint(f"{found.ready or '...':9}", colour)
    room = screen.width - 3 - 9 - 14 - 14 - 9 - 20
    message = found.message if len(found.message) <= room else found.message[: room - 1] + "…"
    return f"{found.kind:14}{found.name:14}{ready}{found.reason:20}{screen.paint(message, 'dim')}"


def _path(kind: str) -> str:
    return f"/apis/byob.wandb.com/v1alpha1/namespaces/{NAMESPACE}/{_KINDS[kind]}"


def _short(workload: str) -> str:
    return workload.removeprefix(f"{RELEASE}-")
