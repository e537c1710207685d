"""`apps.wandb.com/v2`: variables in the list `spec.wandb.legacyOverrides.global.env`, the bucket in `spec.objectStore.default`.

The list is atomic for the API server, so that server-side apply would replace other people's variables: it is read, changed in
one place and written as a whole, with the resourceVersion that was read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide import wandb_values
from wandb_byob.decide.bucket_forms import from_selected
from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.decide.rollouts.variable import BUCKET as BUCKET_VARIABLE
from wandb_byob.decide.rollouts.variable import MARK, OBJECT_STORE, SAME_AS_BUCKET, VARIABLE, EnvVar
from wandb_byob.decide.storage import Present, Unreadable
from wandb_byob.decide.wandb_values import part, replacing
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks.environment import Source

Wire = Mapping[str, Any]

PLACE: Final = "legacyOverrides.global.env"
BUCKET: Final = OBJECT_STORE
"""The setting of the instance's own bucket."""
_VARIABLES: Final = (VARIABLE, MARK)
_MANAGED: Final = "managedObjectStore"
_NO_BUCKET: Final = f"it is no bucket of your own; copy its files to one, and name that in {OBJECT_STORE}"
_NOT_NAMED: Final = f"see that the Secret and the key that {OBJECT_STORE}.bucket selects are there"


def fields(setting: str) -> Sequence[str]:
    """Return where `managedFields` have a setting."""
    if setting == OBJECT_STORE:
        return ("f:spec", "f:objectStore", "f:default", f"f:{OBJECT_STORE}")
    return ("f:spec", "f:wandb", "f:legacyOverrides", "f:global", "f:env")


def container(body: Wire) -> Wire:
    """Return what stands for a container; its name is the place."""
    entries = [[dict(each) for each in _list(body) if each.get("name") == name][-1:] for name in _VARIABLES]
    return {"name": PLACE, "env": [entry for found in entries for entry in found]}


def patch(body: Wire, envs: Mapping[str, EnvVar | None]) -> dict[str, Any]:
    """Return the change of `spec` by settings: the others' variables in their order, ours where they were, else at the end."""
    given: dict[str, Any] = {}
    variables = {name: env for name, env in envs.items() if name != OBJECT_STORE}
    if variables:
        given["wandb"] = {"legacyOverrides": {"global": {"env": _with(_list(body), variables) or None}}}
    if OBJECT_STORE in envs:
        given["objectStore"] = _with_bucket(body, envs[OBJECT_STORE])
    return given


def _with(env: Sequence[Any], variables: Mapping[str, EnvVar | None]) -> list[Any]:
    made: list[Any] = []
    for each in env:
        wanted = variables.get(each.get("name"), each)
        if wanted is not None and (each.get("name") not in variables or wanted not in made):
            made.append(dict(wanted))
    return made + [dict(wanted) for wanted in variables.values() if wanted is not None and wanted not in made]


def _with_bucket(body: Wire, wanted: EnvVar | None) -> Any:
    """Return the change of `objectStore`; maps that were there for it alone go with it."""
    if wanted is not None:
        return {"default": {OBJECT_STORE: replacing(bucket(body), wanted)}}
    stores = part(body, "spec", "objectStore") or {}
    if set(stores.get("default") or {}) <= {OBJECT_STORE}:
        return None if set(stores) <= {"default"} else {"default": None}
    return {"default": {OBJECT_STORE: None}}


def strike(spec: dict[str, Any]) -> None:
    """Take our settings out of a copy of `spec`."""
    env = part(spec, "wandb", "legacyOverrides", "global", "env")
    if isinstance(env, list):
        env[:] = [each for each in env if each.get("name") not in _VARIABLES]
        if not env:
            wandb_values.strike(spec, "wandb", "legacyOverrides", "global", "env")
    wandb_values.strike(spec, "objectStore", "default", OBJECT_STORE)


def bucket(body: Wire) -> EnvVar | None:
    """Return what stands at `externalObjectStore`, None where that is no map."""
    found = part(body, "spec", "objectStore", "default", OBJECT_STORE)
    return found if isinstance(found, Mapping) else None


def sources(body: Wire) -> frozenset[Source]:
    """Return the Secrets that the bucket's fields are selected from."""
    return frozenset(
        ("Secret", each["name"])
        for each in (bucket(body) or {}).values()
        if isinstance(each, Mapping) and isinstance(each.get("name"), str)
    )


def present(body: Wire, found: Mapping[Source, Wire | None]) -> Present | None:
    """Return the bucket that W&B has, None for none; `found` has the Secrets of `sources`."""
    given = bucket(body)
    if not given:
        managed = part(body, "spec", "objectStore", "default", _MANAGED)
        return Unreadable("an object store that W&B's operator runs", _NO_BUCKET) if managed else None
    values = {
        key: value
        for key, selector in given.items()
        if isinstance(selector, Mapping) and (value := _selected(selector, found)) is not None
    }
    return from_selected(values) or Unreadable("a bucket whose Secret does not name it", _NOT_NAMED)


def _selected(selector: Wire, found: Mapping[Source, Wire | None]) -> str | None:
    secret = found.get(("Secret", str(selector.get("name", "")))) or {}
    data = (secret.get("data") or {}).get(str(selector.get("key")))
    try:
        return decoded(data) if data is not None else None
    except ValueError:
        return None


def refusal(body: Wire, variable: str) -> Stalled | None:
    """Return the level of a component that would win over ours."""
    overrides = part(body, "spec", "wandb", "legacyOverrides")
    for component, given in sorted(overrides.items()) if isinstance(overrides, Mapping) else ():
        env = part(given, "env") if isinstance(given, Mapping) else None
        if component != "global" and isinstance(env, list) and any(each.get("name") == variable for each in env):
            return Stalled(
                Reason.LEVEL_WINS,
                f"{variable} is also set at spec.wandb.legacyOverrides.{component}.env of WeightsAndBiases {body['metadata']['name']}, and "
                f"what stands there wins over {PLACE}: the component would never get the buckets. Take it out there.",
            )
    return None


def bucket_refusal(body: Wire) -> Stalled | None:
    """Return what would be in the way of setting the bucket."""
    name = body["metadata"]["name"]
    if part(body, "spec", "objectStore", "default", _MANAGED):
        return Stalled(
            Reason.VALUES_CLASH,
            f"spec.objectStore.default.{_MANAGED} of WeightsAndBiases {name} has W&B's operator run an object store of its own, and it takes "
            "either that or a bucket. Take it out there, once its files are copied.",
        )
    overrides = part(body, "spec", "wandb", "legacyOverrides")
    for component, given in sorted(overrides.items()) if isinstance(overrides, Mapping) else ():
        env = part(given, "env") if isinstance(given, Mapping) else None
        set_there = {each.get("name") for each in env} if isinstance(env, list) else set()
        for variable in sorted(set_there & {BUCKET_VARIABLE, *SAME_AS_BUCKET}):
            return Stalled(
                Reason.LEVEL_WINS,
                f"{variable} is set at spec.wandb.legacyOverrides.{component}.env of WeightsAndBiases {name}, and W&B's pods could have that "
                f"bucket instead of {OBJECT_STORE}. Take it out there.",
            )
    return None


def _list(body: Wire) -> Sequence[Wire]:
    env = part(body, "spec", "wandb", "legacyOverrides", "global", "env")
    return env if isinstance(env, list) else []
