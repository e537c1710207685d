"""`apps.wandb.com/v1`: the variable in the values of W&B's chart, at `spec.values.global.env`.

Each trap here was found in W&B's chart and operator: what is set at the wrong place is dropped, loses, or stops W&B's operator,
without a word in its status.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide.variable import VARIABLE, EnvVar
from wandb_byob.decide.wandb_values import GLOBAL_ENV, GLOBAL_EXTRA_ENV, PLAIN, Level, Values, entry_in, levels, part
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

Wire = Mapping[str, Any]

FIELDS: Final = ("f:spec", "f:values", "f:global", "f:env", f"f:{VARIABLE}")
_OLDEST_CHART: Final = (0, 33, 0)
_CHART: Final = re.compile(r"operator-wandb-(\d+)\.(\d+)\.(\d+)", re.ASCII)
_EXPANDED: Final = {"{{": "Helm", "$(": "Kubernetes", "$$": "Kubernetes"}
_VALUE_SOURCES: Final = ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")


def container(body: Wire) -> Wire:
    """Return what stands for a container; its name is the level."""
    _, entry = entry_in(_global(_values(body), "env"))
    return {"name": GLOBAL_ENV, "env": [] if entry is None else [entry]}


def inherited(body: Wire, user: Values, active: Values) -> str | None:
    """Return the text that components have from levels below, the System Console or W&B's deployer; None where there is none."""
    for values in (_values(body), user, active):
        for level in levels(values):
            if level.rank >= _rank(GLOBAL_ENV) and level.entry is not None and "value" in level.entry:
                return str(level.entry["value"])
    return None


def patch(body: Wire, env: EnvVar | None) -> dict[str, Any]:
    """Return the change of `spec`; the map goes too where the variable was all that was in it."""
    current = _global(_values(body), "env") or {}
    if env is None and set(current) <= {VARIABLE}:
        return _at_env(None)
    return _at_env({VARIABLE: None if env is None else _value(env)})


def strike(spec: dict[str, Any]) -> None:
    """Take the variable out of a copy of `spec`."""
    env = part(spec, "values", "global", "env")
    if isinstance(env, dict):
        env.pop(VARIABLE, None)
        if not env:
            del spec["values"]["global"]["env"]


def _at_env(value: Any) -> dict[str, Any]:
    return {"values": {"global": {"env": value}}}


def _value(env: EnvVar) -> Any:
    if env.get(PLAIN):
        return env["value"]
    given = {key: value for key, value in env.items() if key not in ("name", PLAIN)}
    if "valueFrom" not in given:
        return {**given, "valueFrom": None}
    others = {field: None for field in _VALUE_SOURCES if field not in given["valueFrom"]}
    # A value beside a valueFrom is what Kubernetes refuses.
    return {"value": None, "valueFrom": {**others, **given["valueFrom"]}}


def refusal(body: Wire, *, user: Values, active: Values, charts: Sequence[str]) -> Stalled | None:
    """Return the first trap that setting the variable would run into; `charts` are the labels helm.sh/chart."""
    name = body["metadata"]["name"]
    layers = {
        f"spec.values of WeightsAndBiases {name}": _values(body),
        f"Secret {name}-spec-user (what the System Console has set)": user,
        f"Secret {name}-spec-active (what W&B's operator applies)": active,
    }
    found = (_too_old(charts), _clash(layers), _loses(layers), _drops(layers), _expands(layers))
    return next((each for each in found if each is not None), None)


def _too_old(charts: Iterable[str]) -> Stalled | None:
    for label in charts:
        version = _CHART.match(label)
        if version is not None and tuple(map(int, version.groups())) < _OLDEST_CHART:
            return Stalled(
                Reason.CHART_TOO_OLD,
                f"W&B is installed with chart {label}. Before 0.33.0 it does not hand global.env to every component, so that some would "
                "lack the buckets. Upgrade W&B.",
            )
    return None


def _clash(layers: Mapping[str, Values]) -> Stalled | None:
    """A text that meets a map under one key stops all of W&B's operator; a value that meets a valueFrom makes a broken pod."""
    for place, values in layers.items():
        if _global(values, "env") is not None and not isinstance(_global(values, "env"), Mapping):
            return Stalled(
                Reason.VALUES_CLASH,
                f"{GLOBAL_ENV} in {place} is no map of variables, and W&B's operator would stop where it meets one. Make it a map.",
            )
    own, console, active = layers
    known, _ = entry_in(_global(layers[own], "env"))
    applied, entry = entry_in(_global(layers[active], "env"))
    # What neither has and is applied all the same comes from W&B's deployer, or from the chart.
    elsewhere = applied and not known and "valueFrom" not in (entry or {})
    where = console if entry_in(_global(layers[console], "env"))[0] else active if elsewhere else ""
    if where:
        return Stalled(
            Reason.VALUES_CLASH,
            f"{VARIABLE} is set at {GLOBAL_ENV} in {where}. Together with a reference to a Secret it would become an entry that stops "
            "W&B's operator, whose status would still say Completed. Take it out there; its entries can be put into "
            f"{GLOBAL_ENV} of {own}, where they are kept.",
        )
    return None


def _loses(layers: Mapping[str, Values]) -> Stalled | None:
    for place, values in layers.items():
        level = next((each for each in levels(values) if each.rank < _rank(GLOBAL_ENV)), None)
        if level is not None:
            return Stalled(
                Reason.LEVEL_WINS,
                f"{VARIABLE} is also set at {level.path} in {place}, and what stands there wins over {GLOBAL_ENV}: the component would "
                f"never get the buckets. Take it out there, or move it to {GLOBAL_ENV}.",
            )
    return None


def _drops(layers: Mapping[str, Values]) -> Stalled | None:
    """With anything in global.env the chart leaves global.extraEnv out altogether."""
    if any(_global(values, "env") for values in layers.values()):
        return None
    for place, values in layers.items():
        lost = sorted(set(_names(_global(values, "extraEnv"))) - {VARIABLE})
        if lost:
            return Stalled(
                Reason.WOULD_DROP_VALUES,
                f"{GLOBAL_EXTRA_ENV} in {place} sets {', '.join(lost)}, and W&B's chart drops all of it as soon as {GLOBAL_ENV} holds "
                f"anything. Move these variables to {GLOBAL_ENV}.",
            )
    return None


def _expands(layers: Mapping[str, Values]) -> Stalled | None:
    """A text is filled in by Helm and Kubernetes before W&B reads it, and a Secret is not: its entries would become other ones."""
    own = next(iter(layers))
    if "valueFrom" in (entry_in(_global(layers[own], "env"))[1] or {}):
        return None
    for place, values in layers.items():
        for level in levels(values):
            text = str((level.entry or {}).get("value", ""))
            mark = next((each for each in _EXPANDED if each in text), None)
            if mark is not None:
                return Stalled(
                    Reason.VARIABLE_INVALID,
                    f"{VARIABLE} at {level.path} in {place} has {mark} in it, which {_EXPANDED[mark]} fills in. Write out what it stands "
                    "for (percent-encoded), then the entries can be kept.",
                )
    return None


def _names(env: Any) -> Iterator[str]:
    if isinstance(env, Mapping):
        yield from map(str, env)
    if isinstance(env, list):
        yield from (str(each.get("name")) for each in env if isinstance(each, Mapping))


def _values(body: Wire) -> Values:
    values = part(body, "spec", "values")
    return values if isinstance(values, Mapping) else {}


def _global(values: Values, key: str) -> Any:
    return part(values, "global", key)


def _rank(path: str) -> int:
    return Level(path=path, entry=None).rank
