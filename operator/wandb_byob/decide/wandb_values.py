"""Where W&B's own operator takes a variable from: the levels of its configuration, and which of them wins.

For objects of `apps.wandb.com/v1` these are the values of W&B's chart: of the object itself, of the Secret `<name>-spec-user`
(the System Console), and of what is applied in the end (`<name>-spec-active`). Within one set of values the precedence is:
container env > sizing env > <component>.env > <component>.extraEnv > global.env > global.extraEnv; of two sets the object's wins.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.decide.rollouts.variable import VARIABLE, EnvVar

Values = Mapping[str, Any]

GLOBAL_ENV: Final = "global.env"
GLOBAL_EXTRA_ENV: Final = "global.extraEnv"
PLAIN: Final = "plain"
"""Set in an entry that is a bare text in the values, not a map, so that it can be put back as it was."""

_LISTS: Final = ("env", "extraEnv")
_DEEPEST: Final = 6


@dataclass(frozen=True, kw_only=True, repr=False)
class Level:
    """One place that sets the variable: `path` as in the values, `entry` as a container would have it (None: it is malformed)."""

    path: str
    entry: EnvVar | None

    @property
    def rank(self) -> int:
        """The order in which levels win, the lowest number first."""
        if self.path == GLOBAL_ENV:
            return 4
        if self.path == GLOBAL_EXTRA_ENV:
            return 5
        below = self.path.partition(".")[2]
        return {"env": 2, "extraEnv": 3}.get(below, 1 if "sizing" in below.split(".") else 0)


def levels(values: Values, variable: str = VARIABLE) -> tuple[Level, ...]:
    """Return every place of these values that sets the variable, the one that wins first."""
    return tuple(sorted(_levels(values, (), variable), key=lambda level: (level.rank, level.path)))


def _levels(values: Values, path: tuple[str, ...], variable: str) -> Iterator[Level]:
    for key, value in values.items():
        here = (*path, str(key))
        if key in _LISTS and path:
            found, entry = entry_in(value, variable)
            if found:
                yield Level(path=".".join(here), entry=entry)
        elif isinstance(value, Mapping) and len(here) < _DEEPEST:
            yield from _levels(value, here, variable)


def entry_in(env: Any, variable: str = VARIABLE) -> tuple[bool, EnvVar | None]:
    """Return whether an `env` of the values (a map, or a list as of a container) sets the variable, and to what."""
    if isinstance(env, Mapping) and variable in env:
        return True, _entry(env[variable], variable)
    if isinstance(env, list):
        named = [each for each in env if isinstance(each, Mapping) and each.get("name") == variable]
        if named:
            return True, _entry({key: value for key, value in named[-1].items() if key != "name"}, variable)
    return False, None


def _entry(value: Any, variable: str) -> EnvVar | None:
    if isinstance(value, str):
        return {"name": variable, "value": value, PLAIN: True}
    if not isinstance(value, Mapping):
        return None
    text, given = value.get("value"), value.get("valueFrom")
    whole = isinstance(text, str) if given is None else isinstance(given, Mapping) and _selects(given)
    return {"name": variable, **value} if whole else None


def _selects(value_from: Values) -> bool:
    """Say whether each reference has what Kubernetes asks of one; nobody has looked at these values as the API server does."""
    given = [value_from[field] for field in ("secretKeyRef", "configMapKeyRef") if field in value_from]
    return all(isinstance(part(each, *path), str) for each in given for path in (("name",), ("key",)))


def part(values: Values, *path: str) -> Any:
    """Return what stands at a path of the values, None where nothing does."""
    found: Any = values
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def replacing(present: Any, wanted: Any) -> Any:
    """Return the merge patch that makes what is there what is wanted (None: nothing), and nothing else."""
    if not isinstance(present, Mapping) or not isinstance(wanted, Mapping):
        return wanted
    gone = dict.fromkeys(present.keys() - wanted.keys())
    return gone | {key: replacing(present.get(key), value) for key, value in wanted.items()}


def strike(values: dict[str, Any], *path: str) -> None:
    """Take out what stands at a path, and the maps on the way that it leaves empty."""
    first, *rest = path
    if rest and isinstance(values.get(first), dict):
        strike(values[first], *rest)
    if not rest or values.get(first) == {}:
        values.pop(first, None)


def values_of(secret: Mapping[str, Any] | None) -> Values:
    """Return the chart values that a Secret of W&B's operator holds; nothing where it does not exist or is something else."""
    for key, data in sorted(((secret or {}).get("data") or {}).items(), key=lambda item: item[0] != "values"):
        document = _document(data)
        if key == "values" and document:
            return document
        inner = document.get("values")
        if isinstance(inner, Mapping):
            return inner
    return {}


def _document(data: str) -> Values:
    try:
        document = json.loads(decoded(data))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}
