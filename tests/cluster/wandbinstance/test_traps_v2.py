"""What W&B's own operator does with a variable in its objects of v2, and what both versions have in common: told before anything is written.

Each trap is shown twice, as in test_traps.py: we refuse, or write otherwise; and what would be written without that, by hand, really loses something.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld, address
from cluster.places import spec
from testbed import wandb
from testbed.processes import wait_for
from testbed.wandb import VARIABLE
from testbed.wandb_operator import NAME, Operated, Version
from wandb_byob.kube.client import ConflictError, PatchType, Resource
from wandb_byob.kube.once import Once

MARK = {"name": VARIABLE, "value": "gs://by-hand"}
OTHERS = [{"name": "FIRST", "value": "1"}, {"name": "SECOND", "value": "2"}]


@pytest.fixture(scope="module")
def stored_as(kind_v2: Version) -> Version:
    """The list of variables is v2's."""
    return kind_v2


def stand_in(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def overrides(**components: Any) -> dict[str, Any]:
    return {"wandb": {"legacyOverrides": {name: {"env": env} for name, env in components.items()}}}


def env(here: InstanceWorld, component: str) -> dict[str, Any]:
    """The variables of a component by name."""
    (found,) = [each for each in here.stand_in.deployments() if each["metadata"]["name"] == component]
    return {each["name"]: each for each in found["spec"]["template"]["spec"]["containers"][0]["env"]}


def listed(here: InstanceWorld) -> list[Any]:
    found: list[Any] = stand_in(here).body()["spec"]["wandb"]["legacyOverrides"]["global"]["env"]
    return found


def attach(here: InstanceWorld, name: str = "one") -> None:
    here.bucket(name)
    here.team(name)


def refused(here: InstanceWorld, reason: str, *words: str) -> None:
    """A verified bucket does not get in, with this reason and these words; the object and the Deployments stay."""
    before, revisions = stand_in(here).body()["spec"], here.stand_in.revisions()
    attach(here)
    told = here.settle("Configured", "False", reason=reason)
    assert not [word for word in words if word not in told["message"]], told
    here.look()
    assert stand_in(here).body()["spec"] == before
    assert here.stand_in.revisions() == revisions
    assert here.secrets() == {}
    assert here.condition("Stalled")["status"] == "True"


def test_what_a_component_has_for_itself_wins(operated: Callable[..., InstanceWorld]) -> None:
    """`app` would go on with its own list, while `api` has the buckets."""
    own = {"name": VARIABLE, "value": "gs://theirs"}
    here = operated({"wandb": {"legacyOverrides": {"app": {"env": [own]}, "global": {"env": OTHERS}}}})
    refused(here, "LevelWins", "spec.wandb.legacyOverrides.app.env", "wins over legacyOverrides.global.env")
    stand_in(here).edit({"wandb": {"legacyOverrides": {"global": {"env": [*OTHERS, MARK]}}}})
    wait_for(lambda: env(here, "api").get(VARIABLE) == MARK, timeout=20, what="api has what was written")
    assert env(here, "app")[VARIABLE] == own


def test_a_list_that_server_side_apply_would_replace(operated: Callable[..., InstanceWorld]) -> None:
    """The list has no keys for the API server: who applies one entry takes away all others. Ours comes to the others, in their order."""
    here = operated(spec("v2", *OTHERS))
    attach(here)
    here.settle("Configured")
    here.settle()
    assert [each["name"] for each in listed(here)] == ["FIRST", "SECOND", VARIABLE]
    metadata = {"name": NAME, "namespace": here.namespace}
    applied = {"apiVersion": "apps.wandb.com/v2", "kind": "WeightsAndBiases", "metadata": metadata, "spec": overrides(**{"global": [MARK]})}  # fmt: skip
    path = f"{stand_in(here).path}?fieldManager=by-hand&force=true"
    here.cluster.patch(path, applied, content_type="application/apply-patch+yaml")
    assert [each["name"] for each in listed(here)] == [VARIABLE]
    wait_for(lambda: "FIRST" not in env(here, "api"), timeout=20, what="the others' variables are gone")


def test_a_plain_value_in_the_list(operated: Callable[..., InstanceWorld]) -> None:
    """Told with who set it; taken over, its entry becomes a reference and nothing else, in its place."""
    here = operated(spec("v2", {"name": VARIABLE, "value": "gs://theirs"}, *OTHERS))
    refused(here, "LiteralPresent", "Level legacyOverrides.global.env", "set by kubectl", "takeOwnership")
    here.cluster.patch(here.path, {"spec": {"fileStores": {"takeOwnership": True}}})
    here.settle("Configured")
    here.settle()
    assert here.entries() == ["gs://theirs", address("one")]
    assert [each["name"] for each in listed(here)] == [VARIABLE, "FIRST", "SECOND"]
    assert set(listed(here)[0]) == {"name", "valueFrom"}
    both = [{**listed(here)[0], "value": "gs://theirs"}, *OTHERS, {"name": "LATER", "value": "x"}]
    stand_in(here).edit(overrides(**{"global": both}))
    stand_in(here).rounds_pass(5)
    assert "LATER" not in env(here, "api")


def test_a_text_that_kubernetes_fills_in(operated: Callable[..., InstanceWorld]) -> None:
    """In a Secret nobody would: W&B would lose the bucket that it has."""
    here = operated(spec("v2", {"name": VARIABLE, "value": "gs://$(HOST)"}), fileStores={"takeOwnership": True})
    assert here.entries() == ["gs://https://wandb.example.com"]
    refused(here, "VariableInvalid", "$(", "Write the values of those variables out")
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "by-hand"}, "stringData": {"list": "gs://$(HOST)"}})  # fmt: skip
    reference = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "by-hand", "key": "list"}}}
    stand_in(here).edit(overrides(**{"global": [reference]}))
    wait_for(lambda: here.stand_in.variable() == {"gs://$(HOST)"}, timeout=30, what="W&B's pods have the text itself")


def test_what_is_written_as_v1_is_ignored(operated: Callable[..., InstanceWorld]) -> None:
    """v2 is stored while v1 is served too, with what its operator has applied: only v2 is heeded, and only v2 is written."""
    here = operated(spec("v2", *OTHERS))
    stand_in(here).deployer = {"global": {"env": {"OLD": "1"}}}
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{NAME}-spec-active"}, "stringData": {"values": "{}"}})  # fmt: skip
    as_v1 = stand_in(here).path.replace("/v2/", "/v1/")
    patch = {"spec": {"values": {"global": {"env": {VARIABLE: MARK["value"]}}}}}
    assert here.cluster.request("PATCH", f"{as_v1}?dryRun=All", patch, content_type="application/merge-patch+json").status == 200  # fmt: skip
    since = here.cluster.audit_position()
    attach(here)
    here.settle("Configured")
    here.settle()
    assert here.entries() == [address("one")]
    written = [each.uri for each in here.cluster.audit(since) if "weightsandbiases/wandb" in each.uri and each.user_agent.startswith("wandb-byob")]  # fmt: skip
    assert written
    assert all(uri.startswith("/apis/apps.wandb.com/v2/") for uri in written)
    here.cluster.patch(as_v1, patch)
    stand_in(here).rounds_pass(5)
    assert MARK["value"] not in str(here.stand_in.deployments())


def test_workloads_that_wandbs_operator_makes_are_not_written_to(operated: Callable[..., InstanceWorld]) -> None:
    """It sets them back, for ever: its object is the place to write to, and the message names it."""
    here = operated(spec("v2", *OTHERS))
    selector = {"matchLabels": {"app.kubernetes.io/instance": here.namespace}}
    here.cluster.patch(here.path, {"spec": {"target": {"weightsAndBiases": None, "workloads": {"selector": selector}}}})
    refused(here, "TargetManaged", "Deployment a", "WeightsAndBiases wandb", "spec.target.weightsAndBiases")
    path = f"/apis/apps/v1/namespaces/{here.namespace}/deployments/api"
    by_hand = {"spec": {"template": {"spec": {"containers": [{"name": "api", "env": [MARK]}]}}}}
    here.cluster.patch(path, by_hand, content_type="application/strategic-merge-patch+json")
    wait_for(lambda: VARIABLE not in env(here, "api"), timeout=20, what="what was written by hand is set back")


class Meddling(Once):
    """A client before whose first patch of W&B's object somebody else adds a variable."""

    def __init__(self, here: InstanceWorld) -> None:
        super().__init__(here.world.kube)
        self._here, self._meddled = here, False

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any], *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:  # fmt: skip
        if resource.plural == "weightsandbiases" and not self._meddled:
            self._meddled = True
            stand_in(self._here).edit(overrides(**{"global": [*OTHERS, {"name": "MEANWHILE", "value": "x"}]}))
        return super().patch(resource, namespace, name, body, patch_type=patch_type, subresource=subresource)


def test_a_list_that_somebody_changes_meanwhile_loses_nothing(operated: Callable[..., InstanceWorld]) -> None:
    """The whole list is written, with the version that was read: the look ends in a conflict, and the next one starts anew."""
    here = operated(spec("v2", *OTHERS))
    attach(here)
    with pytest.raises(ConflictError):
        here.look(kube=Meddling(here))
    assert [each["name"] for each in listed(here)] == ["FIRST", "SECOND", "MEANWHILE"]
    here.settle("Configured")
    here.settle()
    assert [each["name"] for each in listed(here)] == ["FIRST", "SECOND", "MEANWHILE", VARIABLE]


def test_components_are_known_by_their_labels(operated: Callable[..., InstanceWorld]) -> None:
    """The console gets the variable too and reads no files: that its pods do not start says nothing about the buckets.

    Names say nothing: v2's have no prefix, and a Deployment of somebody else's that is called api is none of W&B's.
    """
    here = operated(spec("v2", *OTHERS), given={"components": ("app", "api", "console")})
    stranger = wandb.workload("parquet")
    stranger["metadata"]["labels"] = {"app": "parquet"}
    here.apply(stranger)
    crash = {"spec": {"template": {"metadata": {"annotations": {"testbed.byob.wandb.com/crash": "true"}}}}}
    here.cluster.patch(f"/apis/apps/v1/namespaces/{here.namespace}/deployments/console", crash)
    attach(here)
    here.settle("Configured")
    here.settle("Ready")
    assert VARIABLE in env(here, "console")
    found = here.cluster.get(f"/apis/apps/v1/namespaces/{here.namespace}/deployments/wandb-parquet")
    assert VARIABLE not in str(found["spec"])
