"""What the CRDs' rules keep out and the code must never meet, checked again: admission is not the boundary.

An object may be stored that the rules of today refuse: made before a rule was there, by an older CRD, or past its validation.
Only what gets into requests, paths and times is looked at again here; names of buckets and endpoints have checks of their own.
"""

import re
from collections.abc import Iterator
from typing import Final

from wandb_byob.decide import blocks
from wandb_byob.decide.schedule import duration
from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

_PATH: Final = re.compile(r"(?!(?:.*/)?\.\.?(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*", re.ASCII)
_TEAM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_ORIGIN: Final = re.compile(r"\*|https?://(?:\*\.)?(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_LONGEST_PATH: Final = 512
_LONGEST_NAME: Final = 253


def unsound(thing: BucketStore | TeamStorage | WandbInstance) -> str:
    """Return the first field whose value must not be used, "" where there is none."""
    match thing:
        case BucketStore():
            fields = _of_store(thing)
        case TeamStorage():
            fields = _of_team(thing)
        case WandbInstance():
            fields = _of_instance(thing)
    return next((name for name, sound in fields if not sound), "")


def is_origin(text: str) -> bool:
    """Say whether this is scheme, host and port, as a browser sends them."""
    return _fits(_ORIGIN, text)


def _of_store(store: BucketStore) -> Iterator[tuple[str, bool]]:
    spec = store.spec
    region = getattr(blocks.block(spec), "region", None)
    yield f"{blocks.field(spec.provider)}.region", region is None or _fits(_REGION, region)
    if spec.s3 is not None:
        yield "spec.s3.accountID", spec.s3.account_id is None or _fits(_ACCOUNT, spec.s3.account_id)
    yield "spec.probePath", spec.probe_path is None or _fits(_PATH, spec.probe_path, longest=_LONGEST_PATH)
    yield "spec.cors.allowedOrigins", all(map(is_origin, spec.cors.allowed_origins))


def _of_team(team: TeamStorage) -> Iterator[tuple[str, bool]]:
    yield "spec.team", team.spec.team is None or _fits(_TEAM, team.spec.team)
    yield "spec.path", team.spec.path is None or _fits(_PATH, team.spec.path, longest=_LONGEST_PATH)


def _of_instance(instance: WandbInstance) -> Iterator[tuple[str, bool]]:
    rollout = instance.spec.rollout
    target = instance.spec.target.workloads if instance.spec.target is not None else None
    if target is not None:
        # To Kubernetes an empty selector means every workload of the namespace.
        selector = target.selector
        empty = selector is not None and not (selector.match_labels or selector.match_expressions)
        yield "spec.target.workloads.selector", not empty
        yield "spec.target.workloads.names", selector is not None or bool(target.names)
    yield "spec.host", is_origin(instance.spec.host.rstrip("/"))
    yield "spec.rollout.maxWait", _is_duration(rollout.max_wait)
    stated = rollout.minimum_interval
    yield "spec.rollout.minimumInterval", stated is None or _is_duration(stated)
    yield "spec.rollout.timeout", _is_duration(rollout.timeout)


def is_path(text: str) -> bool:
    """Say whether a text is a path inside a bucket, as `probePath` and a team's `path` are."""
    return _fits(_PATH, text, longest=_LONGEST_PATH)


def _fits(pattern: re.Pattern[str], value: str, *, longest: int = _LONGEST_NAME) -> bool:
    return len(value) <= longest and pattern.fullmatch(value) is not None


def _is_duration(text: str) -> bool:
    try:
        duration(text)
    except (ValueError, OverflowError):
        return False
    return True
