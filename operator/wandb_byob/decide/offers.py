"""Which clouds W&B offers for a new team, and where it may not offer one whose bucket is attached.

The page "Create a new team" lists a cloud where the variable has an entry of it. What counts is what the pods that run have, and not
what the target says: a pod may be older than that, a container may have a value of its own, a component may be left out of the target.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wandb_byob.decide import address_lists
from wandb_byob.decide.compose import KEPT
from wandb_byob.decide.rollouts.variable import VARIABLE

LABELS: Final = {"s3": "AWS", "cw": "CoreWeave", "gs": "Google Cloud", "az": "Azure"}
"""What W&B's pages call a cloud, by the scheme of its addresses; S3-compatible stores are entered as AWS."""

_NAMED: Final = 3


class Cause(StrEnum):
    """Why a running container does not have what the target says: the remedy depends on it."""

    OLDER_POD = "older pod"
    LEFT_OUT = "left out"
    OUTSIDE = "outside"
    OWN_VALUE = "own value"


@dataclass(frozen=True, kw_only=True, repr=False)
class Seen:
    """The variable of one container of the pods that run: its value (None: it has none), and where that comes from ("a plain value").

    `workload` is such as "Deployment wandb-app"; `cause` is why it differs from the target, where it does.
    """

    workload: str
    container: str
    value: str | None
    source: str
    cause: Cause


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A cloud that a workload's pods do not offer; `stores` are the BucketStores there that need it."""

    label: str
    stores: tuple[str, ...]
    workload: str
    container: str
    source: str
    cause: Cause


def offered(value: str | None, separator: str) -> frozenset[str]:
    """Return the schemes of which a value has an entry that W&B can read."""
    entries = address_lists.split(value or "", separator)
    named = (identity.partition("://")[0] for identity in address_lists.identities(entries) if identity is not None)
    return frozenset(named) & LABELS.keys()


def attached(provenance: Mapping[str, str], stores: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the schemes of the entries that are ours with the BucketStores that need them.

    `provenance` is as in our Secret, `stores` has the BucketStores' names by their uids.
    """
    found: dict[str, set[str]] = {}
    for identity, origin in provenance.items():
        if origin != KEPT:
            found.setdefault(identity.partition("://")[0], set()).update(filter(None, [stores.get(origin)]))
    return {scheme: tuple(sorted(names)) for scheme, names in sorted(found.items())}


def gaps(seen: Iterable[Seen], wanted: Mapping[str, Sequence[str]], *, separator: str) -> tuple[Gap, ...]:
    """Return where the pods lack what is wanted, each place once however many pods it has."""
    found = {
        Gap(
            label=LABELS[scheme],
            stores=tuple(stores),
            workload=each.workload,
            container=each.container,
            source=each.source,
            cause=each.cause,
        )
        for each in seen
        for scheme, stores in wanted.items()
        if scheme not in offered(each.value, separator)
    }
    return tuple(sorted(found, key=lambda gap: (gap.label, gap.workload, gap.container, gap.cause, gap.source)))


def labels(found: Iterable[Gap]) -> tuple[str, ...]:
    """Return the clouds that may not be offered."""
    return tuple(sorted({gap.label for gap in found}))


def warning(found: Sequence[Gap]) -> str:
    """Return what to say of it, "" for nothing: which cloud, where, and what to do there."""
    sentences = [_warning([gap for gap in found if gap.label == label]) for label in labels(found)]
    causes = dict.fromkeys(gap.cause for gap in found)
    return " ".join([*sentences, *(_REMEDIES[cause] for cause in causes)])


def _warning(found: Sequence[Gap]) -> str:
    first = found[0]
    stores = f" (BucketStore {', '.join(first.stores)})" if first.stores else ""
    places = [f"{_place(gap)} {_state(gap)}" for gap in found[:_NAMED]]
    more = f", and {len(found) - _NAMED} more places" if len(found) > _NAMED else ""
    scheme = next(scheme for scheme, label in LABELS.items() if label == first.label)
    return (
        f'W&B may not offer {first.label}{stores} on its page "Create a new team", since {VARIABLE} has no {scheme}:// entry in '
        f"{'; in '.join(places)}{more}."
    )


def _place(gap: Gap) -> str:
    pods = "pods of " if gap.cause is Cause.OLDER_POD else ""
    return f"container {gap.container} of {pods}{gap.workload}"


def _state(gap: Gap) -> str:
    held = gap.source or "not set"
    return f"({held})"


_REMEDIES: Final = {
    Cause.OLDER_POD: "Pods that are older than the configuration get it when they are replaced: resume what is paused, delete the pods of a "
    "StatefulSet that does not replace them by itself.",
    Cause.LEFT_OUT: "Add the container to spec.target.workloads.containers, or take the variable out of it.",
    Cause.OUTSIDE: "Add a workload that is outside of spec.target to it, or take the variable out of it.",
    Cause.OWN_VALUE: f"Take {VARIABLE} out where it is set for one component alone; byob import lists every place.",
}
