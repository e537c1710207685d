"""Every place that sets the variable: who reads it there, and what hides it."""

import base64
from collections.abc import Mapping
from typing import Any

from wandb_byob.decide import precedence
from wandb_byob.decide.precedence import Reader
from wandb_byob.decide.rollouts.variable import VARIABLE

SECRET = {"valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}
FOUND: Mapping[Any, Any] = {
    ("Secret", "stores"): {"kind": "Secret", "data": {"list": base64.b64encode(b"gs://stored").decode()}},
    ("Secret", "bag"): {"kind": "Secret", "data": {VARIABLE: base64.b64encode(b"gs://in-the-bag").decode()}},
    ("Secret", "empty"): {"kind": "Secret", "data": {}},
    ("ConfigMap", "map"): {"kind": "ConfigMap", "data": {"FILE_STORES": "gs://map"}},
}


def shown(*readers: Reader) -> list[tuple[str, str, str, str | None]]:
    """Place, source, readers and value of each."""
    assert precedence.sources(readers) <= FOUND.keys()
    return [(each.place, each.source, each.read_by, each.value) for each in precedence.survey(readers, FOUND)]


def container(**rest: Any) -> Reader:
    (reader,) = precedence.of_containers("Deployment", "app", [{"name": "c", **rest}])
    return reader


def test_env_hides_what_env_from_brings() -> None:
    """Of several sources of envFrom the last one that has it counts; one that has it not is no place at all."""
    bags = [{"secretRef": {"name": "bag"}}, {"prefix": "GORILLA_SUPPORTED_", "configMapRef": {"name": "map"}}, {"secretRef": {"name": "empty"}}]  # fmt: skip
    where = "Deployment app, container c"
    assert shown(container(env=[{"name": VARIABLE, **SECRET}], envFrom=bags)) == [
        (f"env of {where}", "Secret stores, key list", "the container", "gs://stored"),
        (f"envFrom of {where}", "ConfigMap map", f"nobody: env of {where} wins", "gs://map"),
        (f"envFrom of {where}", "Secret bag", f"nobody: env of {where} wins", "gs://in-the-bag"),
    ]
    assert [each[2] for each in shown(container(envFrom=bags))] == ["the container", f"nobody: envFrom of {where} wins"]


def test_a_field_of_the_pod_has_no_value_here() -> None:
    entry = {"name": VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert shown(container(env=[entry]))[0][1:] == ("a field of the pod", "the container", None)


def test_the_levels_of_the_chart() -> None:
    """Each component's own levels in their order, then those for all; the object wins over the System Console."""
    own = {
        "global": {"env": {VARIABLE: SECRET}, "extraEnv": {VARIABLE: "gs://extra"}},
        "app": {"env": {VARIABLE: "gs://app"}, "extraEnv": {VARIABLE: "gs://app-extra"}},
        "api": {"sizing": {"small": {"env": {VARIABLE: "gs://small"}}}},
    }
    user = {"global": {"env": {VARIABLE: "gs://console"}}, "glue": {"env": {VARIABLE: {"value": "gs://glue"}}}}
    active = {"parquet": {"env": {VARIABLE: "gs://deployer"}}, "app": {"env": {VARIABLE: "gs://app"}}}
    found = {place.partition(" in ")[::2]: (by, value) for place, _, by, value in shown(*precedence.of_values("w", own=own, user=user, active=active))}  # fmt: skip
    values, console = "spec.values of WeightsAndBiases w", "Secret w-spec-user (the System Console)"
    assert found == {
        ("api.sizing.small.env", values): ("api", "gs://small"),
        ("global.env", values): ("every other component", "gs://stored"),
        ("global.env", console): (f"nobody: global.env in {values} wins", "gs://console"),
        ("global.extraEnv", values): ("nobody: the chart drops global.extraEnv, since global.env holds something", "gs://extra"),
        ("app.env", values): ("app", "gs://app"),
        ("app.extraEnv", values): (f"nobody: app.env in {values} wins", "gs://app-extra"),
        ("glue.env", console): ("glue", "gs://glue"),
        ("parquet.env", "Secret w-spec-active (W&B's deployer, or the chart's defaults)"): ("parquet", "gs://deployer"),
    }  # fmt: skip


def test_the_extra_env_of_a_chart_without_any_env_is_read() -> None:
    own = {"global": {"extraEnv": {VARIABLE: "gs://extra"}}}
    ((place, source, by, value),) = shown(*precedence.of_values("w", own=own, user={}, active=own))
    assert (source, by, value) == ("plain value", "every component", "gs://extra")
    assert place == "global.extraEnv in spec.values of WeightsAndBiases w"


def test_an_entry_that_is_none_is_shown() -> None:
    own = {"global": {"env": {VARIABLE: 7}}}
    assert shown(*precedence.of_values("w", own=own, user={}, active={}))[0][1] == "something that is no entry"


def test_the_overrides_of_a_component_win() -> None:
    """v2: lists of variables; a place without the variable is none."""
    overrides = {
        "global": {"env": [{"name": VARIABLE, **SECRET}]},
        "app": {"env": [{"name": VARIABLE, "value": "gs://app"}]},
        "console": {"env": [{"name": "X", "value": "1"}]},
    }
    assert [each[::2] for each in shown(*precedence.of_overrides("w", overrides))] == [
        ("legacyOverrides.app.env of WeightsAndBiases w", "app"),
        ("legacyOverrides.global.env of WeightsAndBiases w", "every other component"),
    ]
    assert shown(*precedence.of_overrides("w", {})) == []
