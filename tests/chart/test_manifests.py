"""Every rendered object is one that the API server knows, in the right namespace, with the usual labels."""

from typing import Any

import kubernetes_validate
import pytest

from chart.rendering import VALUE_SETS, of_kind, render

# The oldest version that Chart.yaml allows, and the newest that is known here.
VERSIONS = ("1.31", kubernetes_validate.latest_version())
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
SETS = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())


@SETS
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_meet_the_kubernetes_schemas(values: dict[str, Any], version: str) -> None:
    """No unknown field and no wrong type, in the oldest and the newest Kubernetes; a ServiceMonitor is not Kubernetes' own."""
    for each in render(values):
        if each["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(each, version, strict=True)


def test_service_monitor_selects_the_metrics_service() -> None:
    """The ServiceMonitor finds the Service's labels and port."""
    objects = render(VALUE_SETS["everything"])
    (monitor,) = of_kind(objects, "ServiceMonitor")
    (service,) = of_kind(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


@SETS
def test_selectors_find_the_operators_pods_and_not_the_hooks(values: dict[str, Any]) -> None:
    """Deployment, Service and PodDisruptionBudget mean the operator's pods alone; the NetworkPolicy also the hook's."""
    objects = render(values)
    pods = {
        each["kind"]: each["spec"]["template"]["metadata"]["labels"] for each in of_kind(objects, "Deployment", "Job")
    }
    for each in of_kind(objects, "Deployment", "Service", "PodDisruptionBudget"):
        selector = each["spec"]["selector"]
        labels = selector.get("matchLabels", selector)
        assert labels.items() <= pods["Deployment"].items()
        assert not labels.items() <= pods["Job"].items()
    for each in of_kind(objects, "NetworkPolicy"):
        labels = each["spec"]["podSelector"]["matchLabels"]
        assert all(labels.items() <= found.items() for found in pods.values())


@SETS
def test_metadata(values: dict[str, Any]) -> None:
    """Each object says its namespace (but for cluster-scoped ones), the usual labels, and the administrator's own."""
    for each in render(values):
        metadata = each["metadata"]
        assert ("namespace" in metadata) == (each["kind"] not in CLUSTER_SCOPED)
        assert {"app.kubernetes.io/name", "app.kubernetes.io/instance", "helm.sh/chart"} <= metadata["labels"].keys()
        assert values.get("commonLabels", {}).items() <= metadata["labels"].items()


def test_long_release_names_stay_legal() -> None:
    """The longest release name that Helm takes gives names and labels of at most 63 characters."""
    objects = render({"allNamespaces": True, "rbac": {"aggregateToDefaultRoles": True}}, release="r" * 53)
    names = [each["metadata"]["name"] for each in objects if each["kind"] not in CLUSTER_SCOPED]
    assert max(map(len, names)) <= 63
    assert max(len(value) for each in objects for value in each["metadata"]["labels"].values()) <= 63


def test_disruption_budget_only_with_replicas() -> None:
    """One replica alone is never held up by a PodDisruptionBudget when its node is drained."""
    assert not of_kind(render({}), "PodDisruptionBudget")
    (budget,) = of_kind(render({"replicas": 2}), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert not of_kind(render({"replicas": 2, "podDisruptionBudget": {"enabled": False}}), "PodDisruptionBudget")


def test_network_policy_is_opt_in_and_denies_by_default() -> None:
    """Without peers nothing comes in, and only DNS, the API server's ports and 443 go out, never to link-local addresses."""
    assert not of_kind(render({}), "NetworkPolicy")
    (policy,) = of_kind(render({"networkPolicy": {"enabled": True}}), "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == []
    assert [{port["port"] for port in rule["ports"]} for rule in policy["spec"]["egress"]] == [{53}, {443, 6443}, {443}]
    for rule in policy["spec"]["egress"][1:]:
        assert [peer["ipBlock"]["except"] for peer in rule["to"]] == [
            ["169.254.0.0/16"],
            ["fe80::/10", "fd00:ec2::/32"],
        ]


def test_image() -> None:
    """The image is repository:appVersion, repository:tag, or repository@digest, which wins."""
    digest = "sha256:" + "a" * 64
    cases = [
        ({}, "wandb-byob:0.1.0"),
        ({"tag": "dev"}, "wandb-byob:dev"),
        ({"tag": "dev", "digest": digest}, f"wandb-byob@{digest}"),
    ]
    for image, expected in cases:
        for each in of_kind(render({"image": image}), "Deployment", "Job"):
            assert each["spec"]["template"]["spec"]["containers"][0]["image"] == expected
