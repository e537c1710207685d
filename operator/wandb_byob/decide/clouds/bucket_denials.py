"""Deny statements of a policy (a bucket's, a key's) that keep W&B out, by meaning: whom they hit, of what, and under which condition.

A Deny of requests without TLS, as W&B's own Terraform writes it, never hits W&B. The operator changes no statement of others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide.clouds.bucket_policy import (
    BUCKET_ACTIONS,
    OBJECT_ACTIONS,
    Policy,
    Statement,
    account_or_arn,
    matches,
    principals,
    statements,
    texts,
)

_OLD_TLS: Final = ("1.0", "1.1", "1.2", "1", "1.3")
_SECURE: Final = "aws:securetransport"
_TLS_VERSION: Final = "s3:tlsversion"
_RESOURCE: Final = "\0" * 8


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A statement that denies W&B some actions; `under` are the keys of its condition, none where it always holds."""

    sid: str
    actions: tuple[str, ...]
    under: tuple[str, ...] = ()


Wanted = Sequence[tuple[str, str]]
"""Actions, each with the resource that it is about."""


def denials(policy: Policy | None, *, arn: str, reader: str) -> tuple[Denial, ...]:
    """Return what is denied to the reader ("": W&B signs with keys, and only what hits everybody is known to hit them)."""
    wanted = [(action, f"{arn}/{_RESOURCE}") for action in OBJECT_ACTIONS] + [(act, arn) for act in BUCKET_ACTIONS]
    return tuple(_denials(policy, wanted, reader=reader, arn=arn))


def denials_of(policy: Policy | None, wanted: Wanted, *, reader: str) -> tuple[Denial, ...]:
    """Return what is denied to the reader of these actions."""
    return tuple(_denials(policy, wanted, reader=reader))


def _denials(policy: Policy | None, wanted: Wanted, *, reader: str, arn: str = "") -> Iterator[Denial]:
    for entry in statements(policy):
        if entry.get("Effect") != "Deny" or not _hits(entry, reader) or _only_without_tls(entry.get("Condition")):
            continue
        actions = [action for action, resource in wanted if _denies(entry, action) and _about(entry, resource)]
        partly = [] if actions else [act for act in OBJECT_ACTIONS if _denies(entry, act) and _about_some(entry, arn)]
        if actions or partly:
            keys = tuple(_keys(entry.get("Condition"))) + (("a part of the objects",) if partly else ())
            yield Denial(sid=str(entry.get("Sid") or "without a Sid"), actions=tuple(actions or partly), under=keys)


def _hits(entry: Statement, reader: str) -> bool:
    if "NotPrincipal" in entry:
        spared = _named({"Principal": entry["NotPrincipal"]})
        return not reader or not ({account_or_arn(reader), _account(reader)} & spared)
    found = _named(entry)
    return "*" in found or (bool(reader) and bool({account_or_arn(reader), _account(reader)} & found))


def _named(entry: Statement) -> set[str]:
    """Return whom a statement names, by AWS' kind of principal or CoreWeave's."""
    return principals(entry) | principals(entry, "CW")


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) == 6 else arn


def _only_without_tls(condition: Any) -> bool:
    """Say whether the condition is one that no request over TLS 1.2 or newer meets; all parts of a condition must be met."""
    if not isinstance(condition, Mapping):
        return False
    for operator, tests in condition.items():
        for key, value in tests.items() if isinstance(tests, Mapping) else ():
            values = [text.lower() for text in texts(value)] or [str(value).lower()]
            if operator in ("Bool", "BoolIfExists") and key.lower() == _SECURE and values == ["false"]:
                return True
            if operator.startswith("NumericLessThan") and key.lower() == _TLS_VERSION and set(values) <= set(_OLD_TLS):
                return operator == "NumericLessThan" or "1.3" not in values
    return False


def _keys(condition: Any) -> Iterator[str]:
    for tests in condition.values() if isinstance(condition, Mapping) else ():
        yield from (str(key) for key in tests) if isinstance(tests, Mapping) else ()


def _denies(entry: Statement, action: str) -> bool:
    if "NotAction" in entry:
        return not any(matches(action.lower(), pattern.lower()) for pattern in texts(entry["NotAction"]))
    return any(_overlap(pattern.lower(), action.lower()) for pattern in texts(entry.get("Action", ())))


def _overlap(pattern: str, action: str) -> bool:
    """Say whether a pattern meets any of the actions that one of W&B's stands for (`s3:getobject*`)."""
    if not action.endswith("*"):
        return matches(action, pattern)
    begin = action[:-1]
    return matches(begin, pattern) or pattern.startswith(begin)


def _about(entry: Statement, resource: str) -> bool:
    if "NotResource" in entry:
        return not any(matches(resource, pattern) for pattern in texts(entry["NotResource"]))
    return any(matches(resource, pattern) for pattern in texts(entry.get("Resource", ())))


def _about_some(entry: Statement, arn: str) -> bool:
    return bool(arn) and any(pattern.startswith(f"{arn}/") for pattern in texts(entry.get("Resource", ())))
