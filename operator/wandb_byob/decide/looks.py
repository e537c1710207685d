"""What of a bucket is to be looked at now, and when next: the store's calls are made when something changed or a phase is due.

A change shows as another mark (`status.verifiedInputs`), a reconcile request or a path without results. All else waits for
the phase that follows from the object's uid; which one was last served is remembered in memory only. After a restart
nothing is remembered, and an object whose status is current waits for its next phase: the store's calls stay spread.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.decide import schedule
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.decide.verification import of_path, proved, sound
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore

_LONGEST_REQUEST: Final = 1024
_SHORTEST: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Due:
    """When the bucket's configuration and its data path are looked at next; `failures` counts waits in a row."""

    configuration: datetime
    data_path: datetime
    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is looked at now: the bucket's configuration, and these declared paths."""

    configuration: bool
    paths: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether no call of the store is needed."""
        return not self.configuration and not self.paths


def mark(inputs: Mapping[str, object]) -> str:
    """Return an opaque mark of what a look is made with; `inputs` holds versions and names, nothing secret."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return f"v1:{hashlib.sha256(text.encode()).hexdigest()}"


def request(annotations: Mapping[str, str]) -> str | None:
    """Return the user's last request to reconcile, cut to what the status may hold."""
    value = annotations.get(names.RECONCILE_REQUESTED_AT)
    return value[:_LONGEST_REQUEST] if value else None


def current(store: BucketStore, mark_: str) -> bool:
    """Say whether the status was made from these inputs, for this generation and request."""
    status = store.status
    return (
        status.observed_generation == store.metadata.generation
        and status.verified_inputs == mark_
        and status.observed_reconcile_request == request(store.metadata.annotations)
    )


def plan(store: BucketStore, mark_: str, *, paths: Collection[str], due: Due | None, now: datetime) -> Look:
    """Return what to look at now; `paths` are those to be proved, `due` is None when nothing is remembered (a restart)."""
    wanted = tuple(sorted(paths))
    status = store.status
    interrupted = due is None and is_true(status.conditions, ConditionType.RECONCILING)
    if not current(store, mark_) or interrupted:
        return Look(configuration=True, paths=wanted)
    configuration = due is not None and now >= due.configuration
    if due is not None and now >= due.data_path and sound(store):
        return Look(configuration=configuration, paths=wanted)
    unproved = tuple(path for path in wanted if not proved(status.checks, path))
    if configuration:
        return Look(configuration=True, paths=unproved)
    untried = tuple(path for path in unproved if not of_path(status.checks, path))
    return Look(configuration=False, paths=untried if sound(store) else ())


def next_due(store: BucketStore, *, now: datetime, looked: Look, before: Due | None) -> Due:
    """Return when to look next, after a look that ended well (whatever it found)."""
    phases = _phases(store, now)
    if before is None or looked.configuration:
        return phases
    return Due(configuration=before.configuration, data_path=phases.data_path, failures=before.failures)


def next_try(store: BucketStore, *, now: datetime, after: timedelta | None, before: Due | None) -> Due:
    """Return when to look again after an error: after a growing wait where the world may change by itself, else at the phase."""
    phases = _phases(store, now)
    if after is None:
        return phases
    failures = (before.failures if before is not None else 0) + 1
    wait = schedule.backoff(after, failures=failures, limit=_interval(store.spec.verification.interval))
    return Due(configuration=now + wait, data_path=phases.data_path, failures=failures)


def _phases(store: BucketStore, now: datetime) -> Due:
    uid, verification = store.metadata.uid, store.spec.verification
    return Due(
        configuration=schedule.next_phase(now, uid=uid, interval=_interval(verification.interval)),
        data_path=schedule.next_phase(now, uid=uid, interval=_interval(verification.data_path_interval)),
    )


def _interval(text: str) -> timedelta:
    """Return an interval of the specification; what the CRD would refuse today, and is stored all the same, is the shortest."""
    try:
        return max(schedule.duration(text), _SHORTEST)
    except (ValueError, OverflowError):
        return _SHORTEST
