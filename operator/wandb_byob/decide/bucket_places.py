"""Every place that sets the bucket for the instance itself, and what is read there: for who moves in.

In W&B's own object the bucket is a map, merged of several sets of values (v1), or made of selectors (v2). A variable that names a
bucket, too, is in the way of both.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wandb_byob.decide import precedence
from wandb_byob.decide.precedence import Found
from wandb_byob.decide.rollouts.variable import BUCKET, CHART_BUCKET, OBJECT_STORE, SAME_AS_BUCKET, EnvVar
from wandb_byob.decide.wandb_values import Values, entry_in, levels, part

Wire = Mapping[str, Any]

_DEFAULT: Final = "global.defaultBucket"
_MANAGED: Final = "managedObjectStore"
_NAMING: Final = (BUCKET, *SAME_AS_BUCKET)
_TEXTS: Final = ("provider", "name", "path", "region", "kmsKey", "accessKey", "secretKey")
_EVERY: Final = "every component"
_UNTOLD: Final = "not told: W&B's operator sets it, too"


def of_chart(layers: Mapping[str, Values]) -> tuple[Found, ...]:
    """Return the places in the values of W&B's chart (v1); `layers` as of `precedence.layers_of`."""
    *own, applied = layers
    # What is applied in the end has the others', too: it tells only where they say nothing.
    said = [place for place in own if any(_given(layers[place], key) for key in ("bucket", "defaultBucket"))]
    places = said or [applied]
    buckets = {place: found for place in places if (found := _given(layers[place], "bucket"))}
    defaults = {place: found for place in places if (found := _given(layers[place], "defaultBucket"))}
    named = any(found.get("name") for found in buckets.values())
    return (
        *_merged(CHART_BUCKET, buckets, "" if named else "nobody: it names no bucket"),
        *_merged(_DEFAULT, defaults, f"nobody: {CHART_BUCKET} wins" if named else ""),
        *_of_levels(layers, applied),
    )


def _given(values: Values, key: str) -> Wire | None:
    """Return what a set of values says of the bucket, None where that is nothing, or no map."""
    found = part(values, "global", key)
    if not isinstance(found, Mapping) or not (any(map(found.get, _TEXTS)) or part(found, "secret", "secretName")):
        return None
    return found


def _merged(what: str, found: Mapping[str, Wire], hidden: str) -> Iterator[Found]:
    first = next(iter(found), "")
    for place, bucket in found.items():
        read_by = hidden or (_EVERY if place == first else f"{_EVERY}, where {first} leaves something out")
        yield Found(place=f"{what} in {place}", source=_source(bucket), read_by=read_by, value=None, read=not hidden)


def _source(bucket: Wire) -> str:
    secret = part(bucket, "secret", "secretName")
    return f"plain values, Secret {secret}" if secret else "plain values"


def _of_levels(layers: Mapping[str, Values], applied: str) -> Iterator[Found]:
    known: set[tuple[str, str]] = set()
    for place, values in layers.items():
        found = [(variable, level) for variable in _NAMING for level in levels(values, variable)]
        for variable, level in found:
            if place != applied or (variable, level.path) not in known:
                yield _variable(f"{variable} at {level.path} in {place}", level.entry)
        known.update((variable, level.path) for variable, level in found)


def _variable(place: str, entry: EnvVar | None) -> Found:
    return Found(place=place, source=precedence.source(entry), read_by=_UNTOLD, value=None, read=False)


def of_object(name: str, spec: Wire) -> tuple[Found, ...]:
    """Return the places in an object of v2."""
    where = f"WeightsAndBiases {name}"
    stores = part(spec, "objectStore", "default")
    given = [(key, found) for key in (OBJECT_STORE, _MANAGED) if (found := part(stores or {}, key))]
    return (
        *(
            Found(place=f"spec.objectStore.default.{key} of {where}", source=_selected(found), read_by=_EVERY, value=None, read=True)
            for key, found in given
        ),
        *_of_overrides(where, part(spec, "wandb", "legacyOverrides")),
    )  # fmt: skip


def _selected(given: Any) -> str:
    names = (
        {each.get("name") for each in given.values() if isinstance(each, Mapping)} if isinstance(given, Mapping) else ()
    )
    found = sorted(str(name) for name in names if name)
    return f"Secret{'s' if len(found) > 1 else ''} {', '.join(found)}" if found else "W&B's operator"


def _of_overrides(where: str, overrides: Any) -> Iterator[Found]:
    for component, given in sorted(overrides.items()) if isinstance(overrides, Mapping) else ():
        for variable in _NAMING:
            found, entry = entry_in(part(given, "env") if isinstance(given, Mapping) else None, variable)
            if found:
                yield _variable(f"{variable} at legacyOverrides.{component}.env of {where}", entry)
