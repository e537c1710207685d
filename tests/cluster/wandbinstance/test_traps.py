"""What W&B's own operator does with a variable at the wrong place: told before anything is written.

Each trap is shown twice: our operator refuses with the level and the remedy and leaves all as it is; and what it would have
written, written by hand, really loses or stops something in the stand-in.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld, address
from testbed.processes import wait_for
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated, Version

MARK = "gs://by-hand"


@pytest.fixture(scope="module")
def stored_as(kind_v1: Version) -> Version:
    """Only v1 has values of a chart."""
    return kind_v1


def stand_in(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def refused(here: InstanceWorld, reason: str, *words: str) -> None:
    """A verified bucket does not get in, with this reason and these words; the object and the Deployments stay."""
    before, revisions = stand_in(here).body()["spec"], here.stand_in.revisions()
    here.bucket("one")
    here.team("one")
    told = here.settle("Configured", "False", reason=reason)
    for word in words:
        assert word in told["message"]
    here.look()
    assert stand_in(here).body()["spec"] == before
    assert here.stand_in.revisions() == revisions
    assert here.secrets() == {}
    assert here.condition("Stalled")["status"] == "True"


def write_anyway(here: InstanceWorld, entry: Any = None) -> None:
    """What would be written without the check, by hand."""
    value = entry if entry is not None else {"value": MARK}
    stand_in(here).edit({"values": {"global": {"env": {VARIABLE: value}}}}, manager="by-hand")


def heeded(here: InstanceWorld, component: str) -> Any:
    """What a component has for the variable, once W&B's operator has dealt with the object."""
    return here.env(component)


def test_a_component_that_sets_it_itself_wins(operated: Callable[..., InstanceWorld]) -> None:
    """`app` would go on with its own list, while `api` has the buckets."""
    here = operated({"values": {"app": {"env": {VARIABLE: "gs://theirs"}}}})
    refused(here, "LevelWins", "app.env in spec.values", "wins over global.env")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert heeded(here, "app")["value"] == "gs://theirs"


@pytest.mark.parametrize(
    "values",
    [
        {"app": {"extraEnv": {VARIABLE: "gs://theirs"}}},
        {"app": {"sizing": {"small": {"env": {VARIABLE: "gs://theirs"}}}}},
        {"app": {"containers": {"app": {"env": {VARIABLE: "gs://theirs"}}}}},
    ],
    ids=["extraEnv", "sizing", "containers"],
)
def test_every_level_above_is_seen(operated: Callable[..., InstanceWorld], values: dict[str, Any]) -> None:
    here = operated({"values": values})
    refused(here, "LevelWins", "app.")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert heeded(here, "app")["value"] == "gs://theirs"


def test_a_level_of_the_system_console_is_seen(operated: Callable[..., InstanceWorld]) -> None:
    """What was saved there is in no manifest, and wins all the same."""
    here = operated()
    stand_in(here).console({"app": {"env": {VARIABLE: "gs://console"}}})
    wait_for(
        lambda: (heeded(here, "app") or {}).get("value") == "gs://console", timeout=20, what="the console's value is in"
    )
    here.stand_in.wait_available()
    refused(here, "LevelWins", "Secret wandb-spec-user (what the System Console has set)")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert heeded(here, "app")["value"] == "gs://console"


def test_the_list_that_the_chart_would_drop(operated: Callable[..., InstanceWorld]) -> None:
    """W&B's Terraform writes global.extraEnv; with anything in global.env all of it would be gone."""
    here = operated({"values": {"global": {"extraEnv": {"LICENSE": "free", "PROXY": "none"}}}})
    refused(here, "WouldDropValues", "LICENSE, PROXY", "Move these variables to global.env")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    env = here.deployment("api")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert not {"LICENSE", "PROXY"} & {each["name"] for each in env}


def test_a_text_that_would_meet_a_map(operated: Callable[..., InstanceWorld]) -> None:
    """All of W&B's reconciliation would stop, and its status still say Completed."""
    here = operated()
    stand_in(here).console({"global": {"env": {VARIABLE: "gs://console"}}})
    wait_for(
        lambda: (heeded(here, "app") or {}).get("value") == "gs://console", timeout=20, what="the console's value is in"
    )
    here.stand_in.wait_available()
    refused(here, "ValuesClash", "Secret wandb-spec-user", "status would still say Completed")
    write_anyway(here)
    stand_in(here).edit({"values": {"global": {"env": {"LATER": "x"}}}})
    assert never(here, lambda: any(each["name"] == "LATER" for each in env_of(here, "api")))
    assert stand_in(here).body()["status"]["phase"] == "Completed"


def test_global_env_that_is_no_map(operated: Callable[..., InstanceWorld]) -> None:
    here = operated()
    stand_in(here).console({"global": {"env": "LICENSE=x"}})
    refused(here, "ValuesClash", "global.env in Secret wandb-spec-user", "no map")
    write_anyway(here)
    assert never(here, lambda: heeded(here, "api") is not None)


def test_a_chart_that_does_not_hand_it_to_every_component(operated: Callable[..., InstanceWorld]) -> None:
    """Before 0.33.0 `app` reads only the extraEnv."""
    here = operated(given={"chart": "operator-wandb-0.32.9"})
    refused(here, "ChartTooOld", "operator-wandb-0.32.9", "0.33.0")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert heeded(here, "app") is None


def test_a_plain_value_beside_a_reference(operated: Callable[..., InstanceWorld]) -> None:
    """Refused unless it may be taken over; then its entries are kept, and the value is gone in the same write."""
    here = operated({"values": {"global": {"env": {VARIABLE: {"value": "gs://theirs"}, "OTHER": "1"}}}})
    refused(here, "LiteralPresent", "Level global.env of WeightsAndBiases wandb", "takeOwnership")
    here.cluster.patch(here.path, {"spec": {"fileStores": {"takeOwnership": True}}})
    here.settle()
    assert here.entries() == ["gs://theirs", address("one")]
    entry = stand_in(here).body()["spec"]["values"]["global"]["env"]
    assert "value" not in entry[VARIABLE]
    assert entry["OTHER"] == "1"

    (secret,) = here.secrets()
    reference = {"secretKeyRef": {"name": secret, "key": VARIABLE}}
    write_anyway(here, {"value": "gs://theirs", "valueFrom": reference})
    stand_in(here).edit({"values": {"global": {"env": {"LATER": "x"}}}})
    assert never(here, lambda: any(each["name"] == "LATER" for each in env_of(here, "api")))


def test_a_bare_text_is_taken_over_and_put_back_as_it_was(operated: Callable[..., InstanceWorld]) -> None:
    """In the values it is a text, not a map: a rollback makes it one again."""
    values: Mapping[str, Any] = {"global": {"env": {VARIABLE: "gs://theirs"}}}
    here = operated({"values": values}, fileStores={"takeOwnership": True})
    here.bucket("one")
    here.team("one")
    stand_in(here).stopped = True
    here.settle("RolledOut", "Unknown", reason="RolloutInProgress")
    here.ahead += timedelta(minutes=16)
    here.settle("Configured", "False", reason="RolledBack")
    assert stand_in(here).body()["spec"]["values"] == values


def test_an_entry_in_the_dropped_list_is_kept(operated: Callable[..., InstanceWorld]) -> None:
    """The variable alone in global.extraEnv: what it holds goes on in global.env."""
    here = operated({"values": {"global": {"extraEnv": {VARIABLE: "gs://theirs"}}}})
    here.bucket("one")
    here.team("one")
    here.settle("Configured")
    here.settle()
    assert here.entries() == ["gs://theirs", address("one")]


def test_a_level_of_the_deployer_is_seen(operated: Callable[..., InstanceWorld]) -> None:
    """What W&B's deployer gives is in no object of the cluster but the record of what is applied."""
    here = operated(given={"deployer": {"app": {"env": {VARIABLE: "gs://deployer"}}}})
    refused(here, "LevelWins", "app.env in Secret wandb-spec-active")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert heeded(here, "app")["value"] == "gs://deployer"


def test_a_text_of_the_deployer_that_would_meet_a_map(operated: Callable[..., InstanceWorld]) -> None:
    here = operated(given={"deployer": {"global": {"env": {VARIABLE: "gs://deployer"}}}})
    refused(here, "ValuesClash", "Secret wandb-spec-active", "status would still say Completed")
    write_anyway(here)
    stand_in(here).edit({"values": {"global": {"env": {"LATER": "x"}}}})
    assert never(here, lambda: any(each["name"] == "LATER" for each in env_of(here, "api")))


@pytest.mark.parametrize("whose", ["console", "deployer"])
def test_a_list_of_others_that_the_chart_would_drop(operated: Callable[..., InstanceWorld], whose: str) -> None:
    """It is dropped wherever it was set."""
    values = {"global": {"extraEnv": {"LICENSE": "free"}}}
    here = operated(given={"deployer": values if whose == "deployer" else {}})
    if whose == "console":
        stand_in(here).console(values)
    wait_for(lambda: "LICENSE" in names_of(here, "api"), timeout=20, what="the variable is in")
    here.stand_in.wait_available()
    refused(here, "WouldDropValues", "LICENSE", f"Secret wandb-spec-{'user' if whose == 'console' else 'active'}")
    write_anyway(here)
    wait_for(lambda: (heeded(here, "api") or {}).get("value") == MARK, timeout=20, what="api has what was written")
    assert "LICENSE" not in names_of(here, "api")


def test_an_entry_of_the_deployer_in_the_dropped_list_is_kept(operated: Callable[..., InstanceWorld]) -> None:
    here = operated(given={"deployer": {"global": {"extraEnv": {VARIABLE: "gs://deployer"}}}})
    here.bucket("one")
    here.team("one")
    here.settle("Configured")
    here.settle()
    assert here.entries() == ["gs://deployer", address("one")]


@pytest.mark.parametrize(
    ("text", "mark", "read"),
    [
        ("gs://{{ .Values.global.bucketName }}", "{{", "gs://acme"),
        ("gs://$(HOST)", "$(", "gs://https://wandb.example.com"),
        ("gs://$$acme", "$$", "gs://$acme"),
    ],
    ids=["Helm", "Kubernetes", "escaped"],
)
@pytest.mark.parametrize("level", ["env", "extraEnv"])
def test_a_text_that_is_filled_in(
    operated: Callable[..., InstanceWorld], text: str, mark: str, read: str, level: str
) -> None:
    """Nobody fills in what is in a Secret: W&B would read the text itself, and lose the bucket that it has now."""
    values = {"global": {"bucketName": "acme", level: {VARIABLE: text}}}
    here = operated({"values": values}, fileStores={"takeOwnership": True})
    assert here.entries() == [read]
    refused(here, "VariableInvalid", f"global.{level} in spec.values", mark, "Write out")
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "by-hand"}, "stringData": {"list": text}})
    write_anyway(here, {"value": None, "valueFrom": {"secretKeyRef": {"name": "by-hand", "key": "list"}}})
    wait_for(lambda: here.stand_in.variable() == {text}, timeout=30, what="W&B's pods have what was written by hand")
    assert here.entries() != [read]


def test_a_stray_mark_of_a_template(operated: Callable[..., InstanceWorld]) -> None:
    """A plain value is no place for keys: one character of theirs can stop everything. A reference to a Secret holds none."""
    here = operated({"values": {"global": {"env": {"OTHER": "1"}}}})
    here.bucket("odd", secret="a{{b$(OTHER)c")
    here.team("odd")
    here.settle("Configured")
    here.settle()
    (entry,) = here.entries()
    assert "a%7B%7Bb%24%28OTHER%29c" in entry
    stand_in(here).edit({"values": {"global": {"env": {"KEY": "a{{b", "LATER": "x"}}}})
    assert never(here, lambda: "LATER" in names_of(here, "api"))
    assert stand_in(here).body()["status"]["phase"] == "Completed"


def test_a_trap_that_comes_later_is_told(operated: Callable[..., InstanceWorld]) -> None:
    """The buckets are in, and then somebody sets the variable where it wins."""
    here = operated()
    here.bucket("one")
    here.team("one")
    here.settle()
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: "gs://theirs"}}}})
    told = here.settle("Configured", "False", reason="LevelWins")
    assert "app.env" in told["message"]


def env_of(here: InstanceWorld, component: str) -> Any:
    return here.deployment(component)["spec"]["template"]["spec"]["containers"][0]["env"]


def names_of(here: InstanceWorld, component: str) -> set[str]:
    return {each["name"] for each in env_of(here, component)}


def never(here: InstanceWorld, condition: Callable[[], bool]) -> bool:
    """Whether the condition does not hold after W&B's operator has had the object before it a few times."""
    stand_in(here).rounds_pass(5)
    return not condition()
