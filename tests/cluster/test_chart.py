"""The chart on a real API server, by the real Helm: what it installs, upgrades, keeps, and lets the operator do."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed import programs, sources
from testbed.cluster import Cluster
from testbed.processes import child_environment, wait_for

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMES = ("wandbinstances.byob.wandb.com", "bucketstores.byob.wandb.com", "teamstorages.byob.wandb.com")
NO_CRDS = {"crds": {"install": False}}
NO_HOOK = {"releaseOnUninstall": {"enabled": False}}
TEAM = {
    "apiVersion": "byob.wandb.com/v1alpha1",
    "kind": "TeamStorage",
    "metadata": {"name": "vision"},
    "spec": {"bucketStoreRef": {"name": "vision"}},
}
CHART = Path(__file__).parents[2] / "charts" / "wandb-byob"


class Helm:
    """Helm as administrator of the cluster. The chart's pods are made and stay pending: here it is about the objects, not the operator."""

    def __init__(self, cluster: Cluster, folder: Path, *, chart: Path = CHART) -> None:
        self._cluster = cluster
        self._folder = folder
        self._chart = chart

    def install(
        self, namespace: str, values: Mapping[str, Any], *, verb: str = "install"
    ) -> subprocess.CompletedProcess[str]:
        """`helm install` (or upgrade) of the release `byob`; the test looks at how it ended."""
        nowhere = {"nodeSelector": {"kubernetes.io/hostname": "none"}}
        given = json.dumps(nowhere | dict(values))
        return self.run(verb, "byob", str(self._chart), f"--namespace={namespace}", "--values=-", stdin=given)

    def uninstall(self, namespace: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`helm uninstall` of the release `byob`."""
        return self.run("uninstall", "byob", f"--namespace={namespace}", *options)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run Helm with folders of its own in place of the user's."""
        folders = {f"HELM_{name}_HOME": str(self._folder) for name in ("CACHE", "CONFIG", "DATA")}
        argv = [str(programs.path("helm")), f"--kubeconfig={self._cluster.kubeconfig}", *arguments]
        return subprocess.run(
            argv, input=stdin, env=child_environment(folders), capture_output=True, text=True, check=False, timeout=120
        )


def ok(done: subprocess.CompletedProcess[str]) -> str:
    """What Helm said; fails with it where Helm failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def helm(cluster: Cluster, tmp_path: Path) -> Helm:
    return Helm(cluster, tmp_path / "helm")


@pytest.fixture
def other(cluster: Cluster) -> Iterator[str]:
    """A second namespace for this test."""
    name = cluster.create_namespace(f"test-{uuid.uuid4().hex[:8]}")
    yield name
    cluster.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of our own that has never seen our CRDs: nobody's objects go with them."""
    cluster = sources.start(tmp_path_factory.mktemp("bare"))
    yield cluster
    cluster.stop()


@pytest.fixture
def on_bare(bare: Cluster, tmp_path: Path) -> Iterator[Helm]:
    """Helm on the bare cluster, which is bare again afterwards."""
    yield Helm(bare, tmp_path / "helm")
    for name in NAMES:
        # A definition that is deleted before its kind was ever served is never gone: the API server cannot list what is in it.
        plural, _, group = name.partition(".")
        wait_for(
            lambda path=f"/apis/{group}/v1alpha1/{plural}": bare.request("GET", path).status in (200, 404),  # type: ignore[misc]
            timeout=60,
            what=f"{plural} can be listed",
        )
        bare.delete(f"{CRDS}/{name}")
    for name in NAMES:
        bare.wait(f"{CRDS}/{name}", lambda found: found is None, timeout=90, what=f"{name} is gone")


def established(crd: Any) -> bool:
    conditions = (crd or {}).get("status", {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def can(cluster: Cluster, namespace: str, account: str, verb: str, resource: str, where: str) -> bool:
    """Whether the API server would let a ServiceAccount do this; `where` is "" for the whole cluster."""
    group, _, plural = resource.rpartition("/")
    plural, _, subresource = plural.partition(":")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": plural,
                "subresource": subresource,
                "namespace": where,
            },
        },
    }
    answer = cluster.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def test_upgrade_upgrades_the_crds_and_uninstall_keeps_them(bare: Cluster, on_bare: Helm, tmp_path: Path) -> None:
    """A chart with a newer CRD brings it at `helm upgrade`; after `helm uninstall` the CRDs and an object are still there, and an install goes on with them."""
    namespace = bare.create_namespace("upgraded")
    ok(on_bare.install(namespace, NO_HOOK))
    for name in NAMES:
        bare.wait(f"{CRDS}/{name}", established, what=f"{name} is served")
    newer = Helm(bare, tmp_path / "helm", chart=_chart_with_another_column(tmp_path))
    ok(newer.install(namespace, NO_HOOK, verb="upgrade"))
    columns = bare.get(f"{CRDS}/{NAMES[2]}")["spec"]["versions"][0]["additionalPrinterColumns"]
    assert "Brand New" in {column["name"] for column in columns}
    bare.apply(TEAM, namespace=namespace)
    said = ok(on_bare.uninstall(namespace))
    assert "kept due to the resource policy" in said
    assert all(bare.get(f"{CRDS}/{name}") for name in NAMES)
    assert bare.get(f"/apis/byob.wandb.com/v1alpha1/namespaces/{namespace}/teamstorages/vision")
    ok(on_bare.install(namespace, NO_HOOK))


def _chart_with_another_column(folder: Path) -> Path:
    chart = shutil.copytree(CHART, folder / "chart")
    (file,) = (chart / "files" / "crds").glob("*teamstorages*")
    crd = yaml.safe_load(file.read_text())
    column = {"name": "Brand New", "type": "string", "jsonPath": ".metadata.name"}
    crd["spec"]["versions"][0]["additionalPrinterColumns"].append(column)
    file.write_text(yaml.safe_dump(crd))
    return chart


def test_a_second_release_leaves_the_crds_to_the_first(bare: Cluster, on_bare: Helm) -> None:
    """Two releases live in one cluster; the second, told to install the CRDs too, is refused by Helm and works without."""
    first, second = (bare.create_namespace(name) for name in ("first", "second"))
    ok(on_bare.install(first, NO_HOOK))
    refused = on_bare.install(second, NO_HOOK)
    assert refused.returncode != 0
    assert "cannot be imported into the current release" in refused.stderr
    ok(on_bare.install(second, NO_HOOK | NO_CRDS))
    ok(on_bare.uninstall(second))
    assert "STATUS: deployed" in ok(on_bare.run("status", "byob", f"--namespace={first}"))


def test_the_operator_reaches_its_namespaces_and_no_other(
    cluster: Cluster, helm: Helm, namespace: str, other: str
) -> None:
    """By the API server's own judgement: what the code does is allowed where it is asked for, and nothing anywhere else."""
    ok(helm.install(namespace, NO_CRDS | NO_HOOK | {"watchNamespaces": [other]}))
    account = "byob-wandb-byob"
    for verb, resource in [
        ("patch", "byob.wandb.com/bucketstores"),
        ("patch", "byob.wandb.com/bucketstores:status"),
        ("watch", "/secrets"),
        ("create", "/secrets"),
        ("delete", "/secrets"),
        ("patch", "apps/deployments"),
        ("get", "/namespaces"),
        ("list", "batch/cronjobs"),
        ("create", "events.k8s.io/events"),
    ]:
        assert can(cluster, namespace, account, verb, resource, other), f"{verb} {resource}"
        assert not can(cluster, namespace, account, verb, resource, "kube-system"), f"{verb} {resource} in kube-system"
        assert not can(cluster, namespace, account, verb, resource, ""), f"{verb} {resource} everywhere"
    assert can(cluster, namespace, account, "create", "coordination.k8s.io/leases", namespace)
    for verb, resource in [
        ("get", "/secrets"),
        ("list", "byob.wandb.com/bucketstores"),
        ("patch", "apps/deployments"),
    ]:
        assert not can(cluster, namespace, account, verb, resource, namespace), f"{verb} {resource}, unwatched"
    for verb, resource in [
        ("patch", "/secrets"),
        ("create", "/pods:exec"),
        ("create", "apps/deployments"),
        ("delete", "apps/deployments"),
        ("delete", "byob.wandb.com/bucketstores"),
        ("create", "/serviceaccounts:token"),
        ("create", "rbac.authorization.k8s.io/rolebindings"),
    ]:
        assert not can(cluster, namespace, account, verb, resource, other), f"{verb} {resource}"


def test_a_role_lets_its_own_namespace_be_read(cluster: Cluster, helm: Helm, namespace: str) -> None:
    """`get namespaces` in a Role answers for that namespace alone: what grants by label need, without a ClusterRole."""
    ok(helm.install(namespace, NO_CRDS | NO_HOOK))
    kubeconfig = cluster.kubeconfig_for(namespace, "byob-wandb-byob")
    assert namespace in cluster.kubectl("get", "namespace", namespace, kubeconfig=kubeconfig)
    assert "forbidden" in cluster.kubectl("get", "namespace", "default", kubeconfig=kubeconfig, check=False)


def test_all_namespaces_reach_everywhere(cluster: Cluster, helm: Helm, namespace: str) -> None:
    """The opt-in gives the same verbs in every namespace, and leaves no ClusterRole behind at uninstall."""
    ok(helm.install(namespace, NO_CRDS | NO_HOOK | {"allNamespaces": True}))
    assert can(cluster, namespace, "byob-wandb-byob", "watch", "/secrets", "")
    ok(helm.uninstall(namespace))
    assert not can(cluster, namespace, "byob-wandb-byob", "watch", "/secrets", "")
    assert cluster.get(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}-byob-wandb-byob") is None


def test_pods_are_admitted_where_restricted_is_enforced(cluster: Cluster, helm: Helm) -> None:
    """Pod Security admission at its strictest lets the operator's pods and the hook's in."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = cluster.create_namespace(f"test-{uuid.uuid4().hex[:8]}", label)
    ok(helm.install(namespace, NO_CRDS | {"replicas": 2}))
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/byob-wandb-byob"
    cluster.wait(path, lambda found: found["status"].get("replicas") == 2, what="both pods are made")
    failed = helm.uninstall(namespace, "--timeout=1s")
    assert failed.returncode != 0, "the hook's Job can't run here"
    pods = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/component=release"
    cluster.wait(pods, lambda found: found["items"], what="the hook's pod is made")
    assert cluster.get(path), "a hook that failed leaves everything as it was"
    ok(helm.uninstall(namespace, "--no-hooks"))
    assert cluster.get(path) is None
    cluster.delete(f"/api/v1/namespaces/{namespace}")


def test_aggregated_roles_reach_users(cluster: Cluster, helm: Helm, namespace: str) -> None:
    """A user who has the built-in `view` role in a namespace may read our kinds there, but not change them; `edit` may."""
    ok(helm.install(namespace, NO_CRDS | NO_HOOK | {"rbac": {"aggregateToDefaultRoles": True}}))
    for role in ("view", "edit"):
        cluster.kubectl("create", "serviceaccount", role, f"--namespace={namespace}")
        cluster.kubectl(
            "create",
            "rolebinding",
            role,
            f"--clusterrole={role}",
            f"--serviceaccount={namespace}:{role}",
            f"--namespace={namespace}",
        )
    cluster.wait(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/edit",
        lambda found: any(
            "byob.wandb.com" in rule["apiGroups"] and "create" in rule["verbs"] for rule in found["rules"]
        ),
        what="the built-in role has taken up our rules",
    )
    assert can(cluster, namespace, "view", "list", "byob.wandb.com/bucketstores", namespace)
    assert not can(cluster, namespace, "view", "create", "byob.wandb.com/bucketstores", namespace)
    assert can(cluster, namespace, "edit", "create", "byob.wandb.com/bucketstores", namespace)
    assert not can(cluster, namespace, "edit", "patch", "byob.wandb.com/bucketstores:status", namespace)
    ok(helm.uninstall(namespace))
