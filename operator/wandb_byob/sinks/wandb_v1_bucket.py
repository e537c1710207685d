"""`apps.wandb.com/v1`: which bucket W&B's chart takes for the instance, and what would be in the way of setting it."""

from collections.abc import Mapping
from typing import Any, Final

from wandb_byob.decide.bucket_forms import ACCESS_KEY, SECRET_KEY, from_chart
from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.decide.rollouts.variable import BUCKET, CHART_BUCKET, MARK, SAME_AS_BUCKET, secret_of
from wandb_byob.decide.storage import Present
from wandb_byob.decide.wandb_values import Values, entry_in, levels, part
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks.environment import Source

Wire = Mapping[str, Any]

_TEXTS: Final = ("provider", "name", "path", "region", "kmsKey", "accessKey", "secretKey")


def effective(own: Values, *, user: Values, active: Values, ours: str) -> Values:
    """Return `bucket` and `defaultBucket` as W&B's operator merges them: the object's own, the System Console's, what it has applied.

    The latter counts only where it is not our own bucket: that stays there for a moment when we take it out again.
    """
    merged: dict[str, Any] = {}
    for values in ({} if _is_ours(active, ours) else active, user, own):
        found = {key: part(values, "global", key) for key in ("bucket", "defaultBucket")}
        merged = _merged(merged, {key: value for key, value in found.items() if isinstance(value, Mapping)})
    return merged


def _is_ours(values: Values, ours: str) -> bool:
    return secret_of(entry_in(part(values, "global", "env"), MARK)[1]).startswith(ours)


def _merged(below: Values, above: Values) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        there = result.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            value = _merged(there, value)
        result[key] = value
    return result


def source(merged: Values) -> Source | None:
    """Return the Secret that the chart takes the keys from, None for none."""
    name = part(merged, "bucket", "secret", "secretName")
    return ("Secret", name) if isinstance(name, str) and name else None


def present(merged: Values, found: Mapping[Source, Wire | None]) -> Present | None:
    """Return the bucket that W&B has by these values, None for none; `found` has the Secret of `source`."""
    named = part(merged, "bucket") or {}
    chosen = named if named.get("name") else part(merged, "defaultBucket") or {}
    secret = source(merged)
    if secret is None:
        return from_chart(chosen, keys=(str(chosen.get("accessKey") or ""), str(chosen.get("secretKey") or "")))
    return from_chart(chosen, keys=_keys(named, found.get(secret)))


def _keys(named: Values, secret: Wire | None) -> tuple[str, str] | None:
    given = (part(named, "secret", "accessKeyName"), part(named, "secret", "secretKeyName"))
    names = tuple(str(name or usual) for name, usual in zip(given, (ACCESS_KEY, SECRET_KEY), strict=True))
    data = (secret or {}).get("data") or {}
    if names[0] not in data:
        return None
    try:
        access, secret_key = (decoded(data.get(name, "")) for name in names)
    except ValueError:
        return None
    return access, secret_key


def refusal(layers: Mapping[str, Values]) -> Stalled | None:
    """Return the first trap that setting the bucket would run into."""
    return _clash(layers) or _loses(layers)


def _clash(layers: Mapping[str, Values]) -> Stalled | None:
    """A text that meets a map under one key stops all of W&B's operator."""
    for place, values in layers.items():
        bucket = part(values, "global", "bucket")
        if bucket is None:
            continue
        texts = isinstance(bucket, Mapping) and not any(isinstance(bucket.get(key), Mapping) for key in _TEXTS)
        if not texts or not isinstance(bucket.get("secret", {}), Mapping):
            return Stalled(
                Reason.VALUES_CLASH,
                f"{CHART_BUCKET} in {place} is not made of texts and a map secret, and W&B's operator would stop where it meets one that "
                "is. Correct it.",
            )
    return None


def _loses(layers: Mapping[str, Values]) -> Stalled | None:
    for place, values in layers.items():
        for variable in (BUCKET, *SAME_AS_BUCKET):
            level = next(iter(levels(values, variable)), None)
            if level is not None:
                return Stalled(
                    Reason.LEVEL_WINS,
                    f"{variable} is set at {level.path} in {place}, and W&B's pods could have that bucket instead of {CHART_BUCKET}. Take "
                    "it out there.",
                )
    return None
