"""The pods meet the `restricted` Pod Security Standard and say when they live and when they are ready."""

from typing import Any

import pytest

from chart.rendering import VALUE_SETS, of_kind, pod_specs, render

SETS = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
KINDS = pytest.mark.parametrize("kind", ["Deployment", "Job"])


@SETS
@KINDS
def test_pod_is_restricted(values: dict[str, Any], kind: str) -> None:
    """Each field that the restricted standard asks for, and those beyond it that we hold ourselves to."""
    pod = pod_specs(render(values))[kind]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(volume.keys() & {"emptyDir", "configMap"} for volume in pod["volumes"])
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


@KINDS
def test_pod_is_bounded(kind: str) -> None:
    """Memory is limited, what it needs is reserved, and no variable per Service of the namespace gets in."""
    pod = pod_specs(render({}))[kind]
    resources = pod["containers"][0]["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert "memory" in resources["limits"]
    assert pod["enableServiceLinks"] is False
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]


def test_probes_ask_the_port_that_the_operator_is_told() -> None:
    """The ports of probes and Service are those of the arguments."""
    objects = render({})
    (container,) = pod_specs(objects)["Deployment"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {f"--probe-port={ports['probes']}", f"--metrics-port={ports['metrics']}"} <= set(container["args"])
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "probes"}
    (service,) = of_kind(objects, "Service")
    assert service["spec"]["ports"][0]["targetPort"] == "metrics"


def test_time_to_finish() -> None:
    """A pod gets 30 s to end, more than the 25 s that the operator takes at most."""
    assert pod_specs(render({}))["Deployment"]["terminationGracePeriodSeconds"] == 30


def test_openshift_chooses_the_user() -> None:
    """With the IDs set to null the pod leaves user and groups to the platform and stays non-root."""
    values = {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}
    context = pod_specs(render(values))["Deployment"]["securityContext"]
    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_replicas_are_spread() -> None:
    """Two replicas go to different nodes where that is possible; one replica needs no rule."""
    assert "topologySpreadConstraints" not in pod_specs(render({}))["Deployment"]
    (constraint,) = pod_specs(render({"replicas": 2}))["Deployment"]["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"


def test_rollout_never_leaves_nobody() -> None:
    """An upgrade starts the new pod before it ends the old one: the standby takes the Lease over."""
    (deployment,) = of_kind(render({}), "Deployment")
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@KINDS
def test_token_is_mounted_only_where_it_is_used(kind: str) -> None:
    """The ServiceAccounts hand out no token to other pods; ours ask for it."""
    objects = render({})
    assert all(each["automountServiceAccountToken"] is False for each in of_kind(objects, "ServiceAccount"))
    assert pod_specs(objects)[kind]["automountServiceAccountToken"] is True


def test_hook_runs_before_an_uninstall_and_cleans_up() -> None:
    """The hook is one Job under the operator's own account; it goes when it succeeded, and a failed one stays to be looked at."""
    objects = render({})
    (hook,) = [each for each in objects if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    assert hook["kind"] == "Job"
    assert hook["metadata"]["annotations"] == {
        "helm.sh/hook": "pre-delete",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    specs = pod_specs(objects)
    assert specs["Job"]["serviceAccountName"] == specs["Deployment"]["serviceAccountName"]


def test_hook_can_be_left_out() -> None:
    """Without it an uninstall runs nothing."""
    assert not of_kind(render({"releaseOnUninstall": {"enabled": False}}), "Job")
