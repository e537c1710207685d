"""`byob release` on a real API server, under the rights that the chart gives it and with the arguments of the chart's Job."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.rendering import of_kind, pod_specs, template
from testbed.cluster import Cluster
from testbed.processes import child_environment

FINALIZER = "byob.wandb.com/finalizer"
OTHER = "example.com/other"


class Release:
    """One rendered release of the chart whose Roles are applied; its Job's command is run as a process."""

    def __init__(self, cluster: Cluster, namespace: str, watched: list[str]) -> None:
        self.cluster = cluster
        self.namespace = namespace
        values: dict[str, Any] = {"watchNamespaces": watched, "crds": {"install": False}}
        done = template(values, release="byob", namespace=namespace)
        assert done.returncode == 0, done.stderr
        objects = [each for each in yaml.safe_load_all(done.stdout) if each]
        self.arguments = pod_specs(objects)["Job"]["containers"][0]["args"]
        cluster.apply(of_kind(objects, "ServiceAccount", "Role", "RoleBinding"))

    def run(self, *extra: str, without: str = "") -> subprocess.CompletedProcess[str]:
        kubeconfig = self.cluster.kubeconfig_for(self.namespace, "byob-wandb-byob")
        given = [argument for argument in self.arguments if argument != without]
        return subprocess.run(
            [sys.executable, "-m", "wandb_byob", *given, *extra],
            env=child_environment({"KUBECONFIG": str(kubeconfig)}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def watched(crds: Cluster) -> Iterator[list[str]]:
    """Two namespaces beside the release's own."""
    names = [crds.create_namespace(f"test-{uuid.uuid4().hex[:8]}") for _ in range(2)]
    yield names
    for name in names:
        crds.delete(f"/api/v1/namespaces/{name}")


def team(namespace: str, *finalizers: str) -> dict[str, Any]:
    return {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": "TeamStorage",
        "metadata": {"name": "vision", "namespace": namespace, "finalizers": list(finalizers)},
        "spec": {"bucketStoreRef": {"name": "vision"}},
    }


def path(namespace: str) -> str:
    return f"/apis/byob.wandb.com/v1alpha1/namespaces/{namespace}/teamstorages/vision"


def test_lets_go_of_all_watched_namespaces(crds: Cluster, namespace: str, watched: list[str]) -> None:
    """Our finalizers go, others stay; a deleted object that only we held goes."""
    release = Release(crds, namespace, watched)
    crds.apply([team(watched[0], FINALIZER, OTHER), team(watched[1], FINALIZER)])
    crds.delete(path(watched[1]))
    done = release.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"TeamStorage/{watched[0]}/vision is let go." in done.stdout
    assert crds.get(path(watched[0]))["metadata"]["finalizers"] == [OTHER]
    assert crds.get(path(watched[1])) is None
    crds.patch(path(watched[0]), {"metadata": {"finalizers": None}})


def test_takes_the_lease_from_a_running_operator(crds: Cluster, namespace: str, watched: list[str]) -> None:
    """The Lease of an operator that renews it changes hands before anything is let go."""
    release = Release(crds, namespace, watched)
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    spec = {"holderIdentity": "operator-0", "leaseDurationSeconds": 15}
    crds.post(leases, {"metadata": {"name": "byob-wandb-byob-leader"}, "spec": spec})
    crds.apply(team(watched[0], FINALIZER))
    position = crds.audit_position()
    done = release.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "operator-0" in done.stdout
    assert crds.get(f"{leases}/byob-wandb-byob-leader")["spec"]["holderIdentity"].startswith("byob-release_")
    ours = [each.resource for each in crds.audit(position) if each.user.endswith(":byob-wandb-byob")]
    lease, renewed, let_go, held_on = (each.partition(".")[0] for each in ours)
    assert (lease, renewed, let_go, held_on) == ("leases", "leases", "teamstorages", "leases")


def test_a_watched_namespace_that_is_gone_holds_nothing_up(crds: Cluster, namespace: str, watched: list[str]) -> None:
    """Its Role went with it, so it can't be read: the Job passes it over; a person is told."""
    release = Release(crds, namespace, watched)
    crds.apply(team(watched[0], FINALIZER))
    crds.delete(f"/api/v1/namespaces/{watched[1]}")
    crds.wait(f"/api/v1/namespaces/{watched[1]}", lambda found: found is None, what="the namespace is gone")
    told = release.run(without="--skip-forbidden")
    assert told.returncode == 1
    assert f"Namespace {watched[1]} could not be let go" in told.stdout
    assert crds.get(path(watched[0]))["metadata"].get("finalizers") is None
    assert release.run().returncode == 0


def test_an_administrator_lets_go_of_a_namespace_that_stays_terminating(
    crds: Cluster, namespace: str, watched: list[str]
) -> None:
    """No operator ran when it was deleted: its Role is gone, which nobody can make anew there, and only an administrator is left."""
    release = Release(crds, namespace, watched)
    here = watched[0]
    crds.apply(team(here, FINALIZER))
    crds.delete(f"/api/v1/namespaces/{here}")
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{here}/roles"
    crds.wait(roles, lambda found: not (found or {}).get("items"), what="the Role is gone", timeout=30)
    assert release.run("--namespaces", here, without="--skip-forbidden").returncode == 1, (
        "the operator's rights are gone"
    )
    done = subprocess.run(
        [sys.executable, "-m", "wandb_byob", "release", f"--namespaces={here}", f"--release-namespace={namespace}"],
        env=child_environment({"KUBECONFIG": str(crds.kubeconfig)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"TeamStorage/{here}/vision is let go." in done.stdout
    crds.wait(f"/api/v1/namespaces/{here}", lambda found: found is None, what="the namespace is gone", timeout=60)


def test_without_a_cluster_it_says_what_to_set(tmp_path: Path) -> None:
    """No kubeconfig is a sentence and exit status 2, not a traceback."""
    missing = tmp_path / "kubeconfig"
    done = subprocess.run(
        [sys.executable, "-m", "wandb_byob", "release"],
        env=child_environment({"KUBECONFIG": str(missing)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "byob release:" in done.stderr
    assert "Traceback" not in done.stderr
    assert str(missing) in done.stderr
