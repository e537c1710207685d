"""What of W&B's workloads and Secrets is looked at for a bucket on CoreWeave."""

import base64
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_instance, as_store, bucket_store, wandb_instance
from unit.scripted import Stage
from wandb_byob.decide.requirements import KEYLESS_KEYS, KEYLESS_SECRET
from wandb_byob.model.errors import Stalled
from wandb_byob.reconcile import wandb_side

COREWEAVE = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}}
KEYLESS = {**COREWEAVE, "credentials": {"source": "Ambient"}}
BY_NAME = [{"name": key, "valueFrom": {"secretKeyRef": {"name": KEYLESS_SECRET, "key": key}}} for key in KEYLESS_KEYS]


def app(*, tag: str = "0.85.0", chart: str = "operator-wandb-0.43.8", **container: Any) -> dict[str, Any]:
    """W&B's only workload."""
    containers = [{"name": "app", "image": f"wandb/local:{tag}", **container}]
    metadata = {"name": "app", "namespace": "team-a", "labels": {"helm.sh/chart": chart}}
    spec = {"template": {"spec": {"containers": containers}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def keys(**values: str) -> dict[str, Any]:
    """The Secret of W&B's own; both keys unless said otherwise."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": KEYLESS_SECRET, "namespace": "team-a"},
        "data": data,
    }


BOTH = keys(**dict.fromkeys(KEYLESS_KEYS, "CANARY"))


def results(*bodies: dict[str, Any], spec: dict[str, Any], **instance: Any) -> dict[str, str]:
    """Each check with its result, and no word of what a Secret holds."""
    stage = Stage(kube=MemoryKube(*bodies))
    given = as_instance(wandb_instance(spec=instance))
    found = wandb_side.checks(stage.world, as_store(bucket_store(spec=spec)), given)
    assert "CANARY" not in str(found)
    return {check.name.value: check.result.value for check in found}


@pytest.mark.parametrize(
    ("bodies", "spec", "expected"),
    [
        ([app()], {}, {}),
        ([app()], COREWEAVE, {"WandbVersion": "Passed"}),
        ([app(), BOTH], KEYLESS, {"WandbVersion": "Passed", "KeylessSecret": "Warning"}),
        ([app(env=BY_NAME), BOTH], KEYLESS, {"WandbVersion": "Passed", "KeylessSecret": "Passed"}),
        (
            [app(envFrom=[{"secretRef": {"name": KEYLESS_SECRET}}]), BOTH],
            KEYLESS,
            {"WandbVersion": "Passed", "KeylessSecret": "Passed"},
        ),
        ([app(env=BY_NAME)], KEYLESS, {"WandbVersion": "Passed", "KeylessSecret": "Failed"}),
        (
            [app(env=BY_NAME), keys(**{KEYLESS_KEYS[0]: "CANARY", KEYLESS_KEYS[1]: " \n"})],
            KEYLESS,
            {"WandbVersion": "Passed", "KeylessSecret": "Failed"},
        ),
        ([], KEYLESS, {"WandbVersion": "Warning", "KeylessSecret": "Skipped"}),
        ([app(chart="app-0.1.0")], COREWEAVE, {"WandbVersion": "Warning"}),
    ],
    ids=["not on CoreWeave", "with keys", "W&B's pods lack them", "variable by variable", "all at once", "no Secret", "an empty key",
         "W&B is not here", "only a part's chart"],
)  # fmt: skip
def test_what_is_looked_at(bodies: list[dict[str, Any]], spec: dict[str, Any], expected: dict[str, str]) -> None:
    """The version always, W&B's own keys only where W&B signs with them."""
    assert results(*bodies, spec=spec) == expected


@pytest.mark.parametrize(
    ("body", "instance", "refused"),
    [
        (app(tag="0.72.0"), {}, True),
        (app(chart="operator-wandb-0.33.13"), {}, True),
        (app(tag="0.72.0"), {"version": "0.85.0"}, False),
        (app(chart="operator-wandb-0.33.13"), {"chartVersion": "0.43.8"}, False),
        (app(), {"chartVersion": "0.33.0"}, True),
    ],
    ids=["image tag", "chart label", "spec.version", "spec.chartVersion", "spec.chartVersion wins"],
)
def test_the_version_is_what_the_owner_says_else_what_is_there(
    body: dict[str, Any], instance: dict[str, Any], refused: bool
) -> None:
    """From the image tag and the label helm.sh/chart, or from the specification, which wins."""
    if not refused:
        assert results(body, spec=COREWEAVE, **instance) == {"WandbVersion": "Passed"}
        return
    with pytest.raises(Stalled, match="or newer"):
        results(body, spec=COREWEAVE, **instance)


def test_on_w_and_bs_own_clouds_nothing_of_w_and_b_is_here() -> None:
    """The server's version counts where it is told; W&B's own keys are W&B's affair."""
    cloud = {"deploymentType": "DedicatedCloud", "target": None, "version": "0.85.0"}
    assert results(spec=KEYLESS | {"credentials": {"source": "WandbAccount"}}, **cloud) == {"WandbVersion": "Passed"}
