"""The environment of a container as the kubelet makes it: where a variable has its value from, and what that is.

An entry of `env` wins over what `envFrom` brings, of several the last; a plain value takes what is defined before it for `$(OTHER)`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide import expansion
from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.decide.rollouts.variable import EnvVar

Wire = Mapping[str, Any]
Source = tuple[str, str]
"""Kind (Secret or ConfigMap) and name of an object that a container has a variable from."""

REFERENCES: Final = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}
_ENV_FROM: Final = {"secretRef": "Secret", "configMapRef": "ConfigMap"}
_LONGEST: Final = 128 * 1024
"""Linux starts no process with a longer variable; references to references can make one of any length."""
_MOST: Final = 100
"""To how many variables one may lead; one that leads to more stays as it is written. Each is looked for in everything the container has."""


def own(container: Wire, variable: str) -> EnvVar | None:
    """Return the container's own entry; Kubernetes takes the last of several."""
    return next((env for env in reversed(_env(container)) if env["name"] == variable), None)


def sources(container: Wire, variable: str, *, expand: bool) -> Iterator[Source]:
    """Yield what must be read to know a variable; `expand`: and the variables that it refers to."""
    for name in _needed(container, variable) if expand else {variable}:
        entry = own(container, name)
        given = (entry or {}).get("valueFrom") or {}
        yield from ((kind, given[field]["name"]) for field, kind in REFERENCES.items() if field in given)
        for each in container.get("envFrom") or () if entry is None else ():
            if name.startswith(each.get("prefix") or ""):
                yield from ((kind, each[field]["name"]) for field, kind in _ENV_FROM.items() if field in each)


def _needed(container: Wire, variable: str) -> set[str]:
    """Return the variable, and all that it refers to, others between them; it alone where these are too many."""
    names = {variable}
    for env in reversed(_env(container)):
        if env["name"] in names:
            names.update(expansion.references(env.get("value") or ""))
        if len(names) > _MOST:
            return {variable}
    return names


def inherited(container: Wire, variable: str, found: Mapping[Source, Wire | None]) -> str | None:
    """Return what a variable has from `envFrom`, None for nothing."""
    value = None
    for each in container.get("envFrom") or ():
        prefix = each.get("prefix") or ""
        for field, kind in _ENV_FROM.items():
            if field in each and variable.startswith(prefix):
                given = at(found.get((kind, each[field]["name"])), variable[len(prefix) :])
                value = value if given is None else given  # the last source that has it wins
    return value


def plain(container: Wire, variable: str, found: Mapping[Source, Wire | None]) -> str:
    """Return what the process has of a plain value; what is not known here stays a reference."""
    names = _needed(container, variable)
    values = {name: given for name in names if (given := inherited(container, name, found)) is not None}
    for env in _env(container):
        given = _given(env, values, found) if env["name"] in names else None
        if given is not None:
            values[env["name"]] = given
    return values.get(variable, "")


def _given(env: EnvVar, values: Mapping[str, str], found: Mapping[Source, Wire | None]) -> str | None:
    """Return the value of an entry, None where it leaves what is defined already."""
    value_from, unknown = env.get("valueFrom") or {}, f"$({env['name']})"
    if not value_from:
        text = expansion.expanded(env.get("value") or "", values, longest=_LONGEST)
        return text if text is not None else unknown
    for field, kind in REFERENCES.items():
        if field in value_from:
            selector = value_from[field]
            given = at(found.get((kind, selector["name"])), selector["key"])
            return given if given is not None or selector.get("optional") else unknown
    return unknown


def at(source: Wire | None, key: str) -> str | None:
    """Return the value of a key of a Secret or ConfigMap, None where it is not there."""
    data = (source or {}).get("data") or {}
    if source is None or key not in data:
        return None
    return decoded(data[key]) if source.get("kind") == "Secret" else str(data[key])


def _env(container: Wire) -> Sequence[EnvVar]:
    found: Sequence[EnvVar] = container.get("env") or ()
    return found
