"""`apps.wandb.com/v2`: the variable in the list `spec.wandb.legacyOverrides.global.env`.

The list is atomic for the API server, so that server-side apply would replace other people's variables: it is read, changed in
one place and written as a whole, with the resourceVersion that was read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide.variable import VARIABLE, EnvVar
from wandb_byob.decide.wandb_values import part
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

Wire = Mapping[str, Any]

PLACE: Final = "legacyOverrides.global.env"
FIELDS: Final = ("f:spec", "f:wandb", "f:legacyOverrides", "f:global", "f:env")


def container(body: Wire) -> Wire:
    """Return what stands for a container; its name is the place."""
    return {"name": PLACE, "env": [dict(each) for each in _list(body) if each.get("name") == VARIABLE][-1:]}


def patch(body: Wire, env: EnvVar | None) -> dict[str, Any]:
    """Return the change of `spec`: the others' variables in their order, ours where it was, else at the end."""
    made: list[Any] = []
    for each in _list(body):
        if each.get("name") != VARIABLE:
            made.append(each)
        elif env is not None and env not in made:
            made.append(dict(env))
    if env is not None and env not in made:
        made.append(dict(env))
    return {"wandb": {"legacyOverrides": {"global": {"env": made or None}}}}


def strike(spec: dict[str, Any]) -> None:
    """Take the variable out of a copy of `spec`."""
    env = part(spec, "wandb", "legacyOverrides", "global", "env")
    if isinstance(env, list):
        env[:] = [each for each in env if each.get("name") != VARIABLE]
        if not env:
            del spec["wandb"]["legacyOverrides"]["global"]["env"]


def refusal(body: Wire) -> Stalled | None:
    """Return the level of a component that would win over ours."""
    overrides = part(body, "spec", "wandb", "legacyOverrides")
    for component, given in sorted(overrides.items()) if isinstance(overrides, Mapping) else ():
        env = part(given, "env") if isinstance(given, Mapping) else None
        if component != "global" and isinstance(env, list) and any(each.get("name") == VARIABLE for each in env):
            return Stalled(
                Reason.LEVEL_WINS,
                f"{VARIABLE} is also set at spec.wandb.legacyOverrides.{component}.env of WeightsAndBiases {body['metadata']['name']}, and "
                f"what stands there wins over {PLACE}: the component would never get the buckets. Take it out there.",
            )
    return None


def _list(body: Wire) -> Sequence[Wire]:
    env = part(body, "spec", "wandb", "legacyOverrides", "global", "env")
    return env if isinstance(env, list) else []
