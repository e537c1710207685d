"""`apps.wandb.com/v1`: our settings in the values of W&B's chart, at `spec.values.global`.

Each trap here was found in W&B's chart and operator: what is set at the wrong place is dropped, loses, or stops W&B's operator,
without a word in its status.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide import versions, wandb_values
from wandb_byob.decide.rollouts.variable import CHART_BUCKET, MARK, VARIABLE, EnvVar
from wandb_byob.decide.wandb_values import (
    GLOBAL_ENV,
    GLOBAL_EXTRA_ENV,
    PLAIN,
    Level,
    Values,
    entry_in,
    levels,
    part,
    replacing,
)
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

Wire = Mapping[str, Any]

BUCKET: Final = CHART_BUCKET
"""The setting of the instance's own bucket."""
_VARIABLES: Final = (VARIABLE, MARK)
_OLDEST_CHART: Final = "0.33.0"
_EXPANDED: Final = {"{{": "Helm", "$(": "Kubernetes", "$$": "Kubernetes"}
_VALUE_SOURCES: Final = ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")


def fields(setting: str) -> Sequence[str]:
    """Return where `managedFields` have a setting."""
    place = ("f:bucket",) if setting == CHART_BUCKET else ("f:env", f"f:{setting}")
    return ("f:spec", "f:values", "f:global", *place)


def container(body: Wire) -> Wire:
    """Return what stands for a container; its name is the level."""
    entries = [entry_in(_global(_values(body), "env"), variable)[1] for variable in _VARIABLES]
    return {"name": GLOBAL_ENV, "env": [entry for entry in entries if entry is not None]}


def inherited(body: Wire, user: Values, active: Values) -> str | None:
    """Return the text that components have from levels below, the System Console or W&B's deployer; None where there is none."""
    for values in (_values(body), user, active):
        for level in levels(values):
            if level.rank >= _rank(GLOBAL_ENV) and level.entry is not None and "value" in level.entry:
                return str(level.entry["value"])
    return None


def patch(body: Wire, envs: Mapping[str, EnvVar | None]) -> dict[str, Any]:
    """Return the change of `spec` by settings; the map of variables goes too where these were all that was in it."""
    given = {}
    variables = {name: env for name, env in envs.items() if name != CHART_BUCKET}
    if variables:
        present = _global(_values(body), "env") or {}
        gone = not any(variables.values()) and set(present) <= variables.keys()
        entries = {name: None if env is None else _value(env) for name, env in variables.items()}
        given["env"] = None if gone else entries
    if CHART_BUCKET in envs:
        given["bucket"] = replacing(bucket(body), envs[CHART_BUCKET])
    return {"values": {"global": given}}


def strike(spec: dict[str, Any]) -> None:
    """Take our settings out of a copy of `spec`."""
    for variable in _VARIABLES:
        wandb_values.strike(spec, "values", "global", "env", variable)
    wandb_values.strike(spec, "values", "global", "bucket")


def bucket(body: Wire) -> EnvVar | None:
    """Return what stands at `global.bucket` of the object, None where that is no map."""
    found = _global(_values(body), "bucket")
    return found if isinstance(found, Mapping) else None


def _value(env: EnvVar) -> Any:
    if env.get(PLAIN):
        return env["value"]
    given = {key: value for key, value in env.items() if key not in ("name", PLAIN)}
    if "valueFrom" not in given:
        return {**given, "valueFrom": None}
    others = {field: None for field in _VALUE_SOURCES if field not in given["valueFrom"]}
    # A value beside a valueFrom is what Kubernetes refuses.
    return {"value": None, "valueFrom": {**others, **given["valueFrom"]}}


def layers_of(body: Wire, *, user: Values, active: Values) -> Mapping[str, Values]:
    """Return the sets of values by what they are called, the one that wins first."""
    name = body["metadata"]["name"]
    return {
        f"spec.values of WeightsAndBiases {name}": _values(body),
        f"Secret {name}-spec-user (what the System Console has set)": user,
        f"Secret {name}-spec-active (what W&B's operator applies)": active,
    }


def refusal(layers: Mapping[str, Values], variable: str, *, chart: str | None) -> Stalled | None:
    """Return the first trap that setting a variable would run into; `chart` is the chart's version, None where it is not known."""
    found = (
        _too_old(chart),
        _clash(layers, variable),
        _loses(layers, variable),
        _drops(layers),
        _malformed(layers, variable),
        _expands(layers, variable),
    )
    return next((each for each in found if each is not None), None)


def _too_old(chart: str | None) -> Stalled | None:
    if chart is None or not versions.older(chart, _OLDEST_CHART):
        return None
    return Stalled(
        Reason.CHART_TOO_OLD,
        f"W&B is installed with chart operator-wandb-{chart}. Before {_OLDEST_CHART} it does not hand global.env to every component, so "
        "that some would lack the buckets. Upgrade W&B, or correct spec.chartVersion if it says so wrongly.",
    )


def _clash(layers: Mapping[str, Values], variable: str) -> Stalled | None:
    """A text that meets a map under one key stops all of W&B's operator; a value that meets a valueFrom makes a broken pod."""
    for place, values in layers.items():
        if _global(values, "env") is not None and not isinstance(_global(values, "env"), Mapping):
            return Stalled(
                Reason.VALUES_CLASH,
                f"{GLOBAL_ENV} in {place} is no map of variables, and W&B's operator would stop where it meets one. Make it a map.",
            )
    own, console, active = layers
    known, _ = entry_in(_global(layers[own], "env"), variable)
    applied, entry = entry_in(_global(layers[active], "env"), variable)
    # What neither has and is applied all the same comes from W&B's deployer, or from the chart.
    elsewhere = applied and not known and "valueFrom" not in (entry or {})
    where = console if entry_in(_global(layers[console], "env"), variable)[0] else active if elsewhere else ""
    if where:
        return Stalled(
            Reason.VALUES_CLASH,
            f"{variable} is set at {GLOBAL_ENV} in {where}. Together with a reference to a Secret it would become an entry that stops "
            "W&B's operator, whose status would still say Completed. Take it out there; its entries can be put into "
            f"{GLOBAL_ENV} of {own}, where they are kept.",
        )
    return None


def _loses(layers: Mapping[str, Values], variable: str) -> Stalled | None:
    for place, values in layers.items():
        level = next((each for each in levels(values, variable) if each.rank < _rank(GLOBAL_ENV)), None)
        if level is not None:
            return Stalled(
                Reason.LEVEL_WINS,
                f"{variable} is also set at {level.path} in {place}, and what stands there wins over {GLOBAL_ENV}: the component would "
                f"never get the buckets. Take it out there, or move it to {GLOBAL_ENV}.",
            )
    return None


def _drops(layers: Mapping[str, Values]) -> Stalled | None:
    """With anything in global.env the chart leaves global.extraEnv out altogether."""
    if any(_global(values, "env") for values in layers.values()):
        return None
    for place, values in layers.items():
        lost = sorted(set(_names(_global(values, "extraEnv"))) - set(_VARIABLES))
        if lost:
            return Stalled(
                Reason.WOULD_DROP_VALUES,
                f"{GLOBAL_EXTRA_ENV} in {place} sets {', '.join(lost)}, and W&B's chart drops all of it as soon as {GLOBAL_ENV} holds "
                f"anything. Move these variables to {GLOBAL_ENV}.",
            )
    return None


def _malformed(layers: Mapping[str, Values], variable: str) -> Stalled | None:
    """What cannot be read is not known, and so cannot be kept: W&B may still run with what stood there before."""
    for place, values in layers.items():
        level = next((each for each in levels(values, variable) if each.entry is None), None)
        # null takes away what a level below has.
        if level is not None and part(values, *level.path.split("."), variable) is not None:
            return Stalled(
                Reason.VARIABLE_INVALID,
                f"{variable} at {level.path} in {place} is no entry of a container: it needs a text, a value, or a valueFrom whose reference "
                "has a name and a key. Correct it, or take it out.",
            )
    return None


def _expands(layers: Mapping[str, Values], variable: str) -> Stalled | None:
    """A text is filled in by Helm and Kubernetes before W&B reads it, and a Secret is not: its entries would become other ones."""
    own = next(iter(layers))
    if "valueFrom" in (entry_in(_global(layers[own], "env"), variable)[1] or {}):
        return None
    for place, values in layers.items():
        for level in levels(values, variable):
            text = str((level.entry or {}).get("value", ""))
            mark = next((each for each in _EXPANDED if each in text), None)
            if mark is not None:
                return Stalled(
                    Reason.VARIABLE_INVALID,
                    f"{variable} at {level.path} in {place} has {mark} in it, which {_EXPANDED[mark]} fills in. Write out what it stands "
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
