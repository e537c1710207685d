"""Every place that sets the variable for W&B, who reads it there, and what it is hidden by.

A rollout only needs to know what W&B reads in the end; who moves in wants to see all of it, since what is hidden comes to light
when somebody takes away what hides it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import expansion
from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.decide.rollouts.variable import VARIABLE, EnvVar
from wandb_byob.decide.wandb_values import GLOBAL_ENV, GLOBAL_EXTRA_ENV, Level, Values, entry_in, levels, part

Wire = Mapping[str, Any]
Source = tuple[str, str]
"""Kind (Secret or ConfigMap) and name of an object that holds the value."""

_EVERY_OTHER: Final = "every other component"
_EVERY: Final = "every component"
_ITSELF: Final = "the container"
_REFERENCES: Final = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}
_ENV_FROM: Final = {"secretRef": "Secret", "configMapRef": "ConfigMap"}
_DROPPED: Final = f"nobody: the chart drops {GLOBAL_EXTRA_ENV}, since {GLOBAL_ENV} holds something"


@dataclass(frozen=True, kw_only=True, repr=False)
class Setting:
    """A place that sets the variable, or would; `entry` as a container has it (None: it is malformed).

    `envelope`: the entry comes with a whole Secret or ConfigMap (envFrom), which may lack it. `dropped`: nobody reads it, and why.
    """

    place: str
    entry: EnvVar | None
    envelope: bool = False
    dropped: str = ""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A container, or a component of W&B, with the places that it may have the variable from: the first one wins."""

    name: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class Found:
    """A place as it is shown: what it takes the value from, and by whom it is read. `value` None: it is not known here."""

    place: str
    source: str
    read_by: str
    value: str | None
    read: bool
    literal: bool = False


def of_containers(kind: str, name: str, containers: Sequence[Wire]) -> tuple[Reader, ...]:
    """Return the readers of a Deployment or StatefulSet: Kubernetes takes the last entry of `env`, else the last source of `envFrom`."""
    where = f"{kind} {name}, container"
    return tuple(
        Reader(name=_ITSELF, settings=tuple(_of(each, VARIABLE, after=f" of {where} {each['name']}")))
        for each in containers
    )


def of_variables(containers: Mapping[str, Wire], variables: Sequence[str]) -> tuple[Reader, ...]:
    """Return the readers of several variables, each container by a name; what many of them have alike is one place."""
    return tuple(
        Reader(name=name, settings=tuple(_of(each, variable, before=f"{variable} in ")))
        for variable in variables
        for name, each in containers.items()
    )


def _of(container: Wire, variable: str, *, before: str = "", after: str = "") -> Iterator[Setting]:
    """Yield the settings of a variable, the one that wins first; `before` and `after` belong to the place."""
    for env in reversed(container.get("env") or ()):
        if env["name"] == variable:
            yield Setting(place=f"{before}env{after}", entry=env)
    for each in reversed(container.get("envFrom") or ()):
        prefix = each.get("prefix") or ""
        for field, kind in _ENV_FROM.items():
            if field in each and variable.startswith(prefix):
                reference = {"name": each[field]["name"], "key": variable.removeprefix(prefix), "optional": True}
                selector = next(key for key, value in _REFERENCES.items() if value == kind)
                entry = {"name": variable, "valueFrom": {selector: reference}}
                yield Setting(place=f"{before}envFrom{after}", entry=entry, envelope=True)


def of_values(name: str, *, own: Values, user: Values, active: Values) -> tuple[Reader, ...]:
    """Return the readers of the chart's values (v1): the object's own, the System Console's, and what is applied in the end."""
    layers = layers_of(name, own=own, user=user, active=active)
    merged = [(place, level) for place, values in layers.items() for level in levels(values)]
    # What is applied in the end has the others' levels, too: it tells only of those that nobody else has.
    known = {level.path for place, level in merged if "-spec-active" not in place}
    merged = [(place, level) for place, level in merged if "-spec-active" not in place or level.path not in known]
    drops = any(part(values, "global", "env") for values in layers.values())
    settings = [(level, _of_level(place, level, drops=drops)) for place, level in merged]
    everywhere = _everywhere((level, setting) for level, setting in settings if level.path.startswith("global."))
    components = sorted({level.path.partition(".")[0] for level, _ in settings} - {"global"})
    readers = [
        Reader(
            name=component,
            settings=(*(setting for level, setting in _of_component(settings, component)), *everywhere),
        )
        for component in components
    ]
    return (*readers, Reader(name=_EVERY_OTHER if components else _EVERY, settings=everywhere))


def layers_of(name: str, *, own: Values, user: Values, active: Values) -> Mapping[str, Values]:
    """Return the sets of values that W&B's operator merges by what they are called, the one that wins first; the last has the others', too."""
    return {
        f"spec.values of WeightsAndBiases {name}": own,
        f"Secret {name}-spec-user (the System Console)": user,
        f"Secret {name}-spec-active (W&B's deployer, or the chart's defaults)": active,
    }


def _of_level(place: str, level: Level, *, drops: bool) -> Setting:
    dropped = _DROPPED if drops and level.path == GLOBAL_EXTRA_ENV else ""
    return Setting(place=f"{level.path} in {place}", entry=level.entry, dropped=dropped)


def _everywhere(settings: Iterator[tuple[Level, Setting]]) -> tuple[Setting, ...]:
    return tuple(setting for _, setting in sorted(settings, key=lambda each: each[0].rank))


def _of_component(settings: Sequence[tuple[Level, Setting]], component: str) -> list[tuple[Level, Setting]]:
    own = [each for each in settings if each[0].path.partition(".")[0] == component]
    # The sort is stable: of one level in two layers the object's own comes first.
    return sorted(own, key=lambda each: each[0].rank)


def of_overrides(name: str, overrides: Values) -> tuple[Reader, ...]:
    """Return the readers of `legacyOverrides` (v2): what a component has for itself wins over what all have."""
    where = f"WeightsAndBiases {name}"
    settings = {}
    for component, given in sorted(overrides.items()):
        found, entry = entry_in(part(given, "env")) if isinstance(given, Mapping) else (False, None)
        if found:
            plain = {key: value for key, value in (entry or {}).items() if key != "plain"} or None
            settings[component] = Setting(place=f"legacyOverrides.{component}.env of {where}", entry=plain)
    everywhere = (settings.pop("global"),) if "global" in settings else ()
    readers = [Reader(name=component, settings=(own, *everywhere)) for component, own in settings.items()]
    return (*readers, Reader(name=_EVERY_OTHER if readers else _EVERY, settings=everywhere))


def sources(readers: Sequence[Reader]) -> frozenset[Source]:
    """Return the Secrets and ConfigMaps that must be read to know the values."""
    selectors = (_selector(setting.entry) for setting in _all(readers))
    return frozenset((kind, name) for kind, name, _ in filter(None, selectors))


def survey(readers: Sequence[Reader], found: Mapping[Source, Wire | None]) -> tuple[Found, ...]:
    """Return every place once, in the order of the readers; `found` holds the objects of `sources`, None for one that is not there."""
    there = [
        (reader, [each for each in reader.settings if not each.envelope or _value(each.entry, found) is not None])
        for reader in readers
    ]
    shown: list[Setting] = []
    for _, settings in there:
        shown += [each for each in settings if each not in shown]
    return tuple(_found(setting, there, found) for setting in shown)


def _found(
    setting: Setting, there: Sequence[tuple[Reader, Sequence[Setting]]], found: Mapping[Source, Wire | None]
) -> Found:
    readers, hidden_by = [], ""
    for reader, settings in there:
        effective = [each for each in settings if not each.dropped]
        if effective and effective[0] == setting:
            readers.append(reader.name)
        elif setting in settings and effective:
            hidden_by = effective[0].place  # where several hide it, what does so for most: the reader that comes last
    value = _value(setting.entry, found)
    return Found(
        place=setting.place,
        source=source(setting.entry, envelope=setting.envelope),
        read_by=", ".join(readers) or setting.dropped or f"nobody: {hidden_by} wins",
        value=value,
        read=bool(readers),
        literal="value" in (setting.entry or {}),
    )


def source(entry: EnvVar | None, *, envelope: bool = False) -> str:
    """Return what an entry has its value from, in words."""
    selector = _selector(entry)
    if selector is not None:
        kind, name, key = selector
        return f"{kind} {name}" if envelope else f"{kind} {name}, key {key}"
    if entry is None:
        return "something that is no entry"
    if "value" not in entry:
        return "a field of the pod"
    filled = ", ".join(expansion.references(str(entry["value"])))
    return f"plain value, which {filled} {'are' if ',' in filled else 'is'} filled into" if filled else "plain value"


def _selector(entry: EnvVar | None) -> tuple[str, str, str] | None:
    given = (entry or {}).get("valueFrom") or {}
    for field, kind in _REFERENCES.items():
        if field in given:
            return kind, str(given[field]["name"]), str(given[field]["key"])
    return None


def _value(entry: EnvVar | None, found: Mapping[Source, Wire | None]) -> str | None:
    selector = _selector(entry)
    if selector is None:
        return None if entry is None or "value" not in entry else str(entry["value"])
    kind, name, key = selector
    data = ((found.get((kind, name)) or {}).get("data") or {}).get(key)
    if data is None:
        return None
    return decoded(data) if kind == "Secret" else str(data)


def _all(readers: Sequence[Reader]) -> Iterator[Setting]:
    return (setting for reader in readers for setting in reader.settings)
