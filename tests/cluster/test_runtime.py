"""The operator's process on a real control plane, with the chart's rights and reconcilers that only log: waking, leading, surviving, ending."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.cluster import Cluster
from testbed.operator import Operator
from testbed.processes import wait_for

pytestmark = pytest.mark.long

_PROGRAM = Path(__file__).with_name("recording_operator.py")
_CHART = Path(__file__).parents[1] / "chart" / "golden" / "default.yaml"
_API = "/apis/byob.wandb.com/v1alpha1/namespaces"
_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces"
_PLURALS = {"WandbInstance": "wandbinstances", "BucketStore": "bucketstores", "TeamStorage": "teamstorages"}


def grant(cluster: Cluster, namespace: str, *, to: str | None = None) -> Path:
    """Give a ServiceAccount (of the namespace `to`, by default this one) the rights of the chart here, and return its kubeconfig."""
    owner = to or namespace
    documents = yaml.safe_load_all(_CHART.read_text())
    rules = next(each["rules"] for each in documents if each and each["kind"] == "Role")
    if to is None:
        cluster.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "byob"}})
    cluster.post(f"{_RBAC}/{namespace}/roles", {"metadata": {"name": "byob"}, "rules": rules})
    binding = {
        "metadata": {"name": "byob"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "byob"},
        "subjects": [{"kind": "ServiceAccount", "name": "byob", "namespace": owner}],
    }
    cluster.post(f"{_RBAC}/{namespace}/rolebindings", binding)
    return cluster.kubeconfig_for(owner, "byob")


@pytest.fixture
def place(crds: Cluster) -> str:
    """A namespace for one test."""
    return crds.create_namespace(f"runtime-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def start(crds: Cluster, place: str, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """`start("pod-name", ...)` starts an operator for the namespace; all end with the test."""
    kubeconfig = grant(crds, place)
    with ExitStack() as running:

        def begin(pod: str = "operator-0", **options: Any) -> Operator:
            options = {"kubeconfig": kubeconfig, "release_namespace": place, "program": (_PROGRAM,)} | options
            return running.enter_context(Operator(tmp_path, pod=pod, **options))

        yield begin


def put(cluster: Cluster, namespace: str, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
    cluster.apply(
        {
            "apiVersion": "byob.wandb.com/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace} | metadata,
            "spec": spec,
        }
    )


def put_instance(cluster: Cluster, namespace: str, **metadata: Any) -> None:
    target = {"workloads": {"selector": {"matchLabels": {"app": "wandb"}}}}
    spec = {"deploymentType": "SelfManaged", "host": "https://wandb.example.com", "target": target}
    put(cluster, namespace, "WandbInstance", "wandb", spec, **metadata)


def put_store(cluster: Cluster, namespace: str, name: str = "data", **metadata: Any) -> None:
    credentials = {"source": "Secret", "secretRef": {"name": "keys"}}
    spec = {"provider": "S3", "s3": {"bucket": "some-bucket", "region": "us-east-1"}, "credentials": credentials}
    put(cluster, namespace, "BucketStore", name, spec, **metadata)


def put_team(cluster: Cluster, namespace: str) -> None:
    put(cluster, namespace, "TeamStorage", "team", {"bucketStoreRef": {"name": "data"}})


def put_secret(cluster: Cluster, namespace: str) -> None:
    metadata = {"name": "keys", "namespace": namespace, "labels": {"byob.wandb.com/watch": "true"}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"accessKeyID": uuid.uuid4().hex}}
    )


def annotate(cluster: Cluster, namespace: str, kind: str, name: str, **annotations: str) -> None:
    named = {f"testbed/{key}": value for key, value in annotations.items()}
    cluster.patch(f"{_API}/{namespace}/{_PLURALS[kind]}/{name}", {"metadata": {"annotations": named}})


def looks(operator: Operator) -> list[str]:
    """The objects that were looked at, as `Kind/name`, in order."""
    found = (record["object"].split("/") for record in operator.records() if record.get("look"))
    return [f"{kind}/{name}" for kind, _, name in found]


def wait_for_looks(operator: Operator, *expected: str, after: int = 0, timeout: float = 10) -> float:
    """Wait until all of these were looked at since `after` looks, and return the seconds that it took."""
    began = time.monotonic()
    wait_for(
        lambda: set(expected) <= set(looks(operator)[after:]),
        timeout=timeout,
        what=f"{expected} were looked at",
        detail=lambda: f"Looked at since: {looks(operator)[after:]}",
    )
    return time.monotonic() - began


def wait_until_quiet(operator: Operator) -> int:
    """Wait until nothing was looked at for half a second, and return how many looks there were."""
    state = (-1, 0.0)

    def quiet() -> bool:
        nonlocal state
        count = len(looks(operator))
        if count != state[0]:
            state = (count, time.monotonic())
        return time.monotonic() - state[1] > 0.5

    wait_for(quiet, timeout=20, what="nothing is looked at any more")
    return state[0]


def test_kinds_that_are_not_served_yet_are_watched_when_they_come(
    cluster: Cluster, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The operator may start before the CRDs are there: it is not ready, says which kinds it misses, and needs no restart."""
    namespace = cluster.create_namespace(f"runtime-{uuid.uuid4().hex[:8]}")
    options = {"kubeconfig": grant(cluster, namespace), "release_namespace": namespace, "program": (_PROGRAM,)}
    with Operator(tmp_path, **options) as operator:
        operator.wait_leading()
        answer = operator.probe("readyz")
        assert answer.status == 503
        assert f"{_API}/{namespace}/bucketstores" in answer.body.decode()
        assert operator.probe("healthz").status == 200
        request.getfixturevalue("crds")
        operator.wait_ready(timeout=60)
        put_store(cluster, namespace)
        wait_for_looks(operator, "BucketStore/data")


def test_changes_wake_whom_they_concern_within_a_second(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """An object, what it refers to and what refers to it; a Secret; a workload. And nobody else, and no Kopf state on any object."""
    operator = start().wait_leading().wait_ready()
    put_instance(crds, place)
    put_store(crds, place)
    put_team(crds, place)
    wait_for_looks(operator, "WandbInstance/wandb", "BucketStore/data", "TeamStorage/team")

    seen = wait_until_quiet(operator)
    put_secret(crds, place)
    assert wait_for_looks(operator, "BucketStore/data", after=seen) < 1
    seen = wait_until_quiet(operator)
    put_secret(crds, place)
    assert wait_for_looks(operator, "BucketStore/data", after=seen) < 1
    assert wait_until_quiet(operator) == seen + 1

    annotate(crds, place, "BucketStore", "data", edited="yes")
    assert wait_for_looks(operator, "WandbInstance/wandb", "BucketStore/data", "TeamStorage/team", after=seen + 1) < 1

    seen = wait_until_quiet(operator)
    pod = {"metadata": {"labels": {"app": "wandb"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "wandb"}}, "template": pod}
    crds.post(
        f"/apis/apps/v1/namespaces/{place}/deployments",
        {"metadata": {"name": "api", "labels": {"app": "wandb"}}, "spec": spec},
    )
    assert wait_for_looks(operator, "WandbInstance/wandb", after=seen) < 1
    assert set(looks(operator)[seen:]) == {"WandbInstance/wandb"}

    seen = wait_until_quiet(operator)
    crds.delete(f"{_API}/{place}/teamstorages/team")
    assert wait_for_looks(operator, "TeamStorage/team", "BucketStore/data", after=seen) < 1

    for kind, name in (("BucketStore", "data"), ("WandbInstance", "wandb")):
        metadata = crds.get(f"{_API}/{place}/{_PLURALS[kind]}/{name}")["metadata"]
        assert "finalizers" not in metadata
        assert not [each for each in metadata.get("annotations", {}) if "kopf" in each]


def test_results_ask_for_the_next_look_and_other_secrets_are_not_watched(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    operator = start().wait_leading().wait_ready()
    put_store(crds, place, annotations={"testbed/after": "0.5"})
    wait_for(lambda: len(looks(operator)) >= 4, timeout=10, what="four looks")
    annotate(crds, place, "BucketStore", "data", after="1000")
    seen = wait_until_quiet(operator)
    crds.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys", "namespace": place},
            "stringData": {"a": "b"},
        }
    )
    assert wait_until_quiet(operator) == seen


def test_one_of_two_leads_and_after_sigterm_the_other_does_within_seconds(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """The standby is ready, has watched all along and looks at everything when it takes over."""
    one = start("operator-0").wait_leading().wait_ready()
    two = start("operator-1").wait_ready()
    put_store(crds, place)
    wait_for_looks(one, "BucketStore/data")
    assert not two.leading()
    assert looks(two) == []
    status, seconds = one.stop()
    assert status == 0
    assert seconds < 5
    began = time.monotonic()
    two.wait_leading(timeout=10)
    assert time.monotonic() - began < 5
    wait_for_looks(two, "BucketStore/data")
    holder = crds.get(f"{_LEASES}/{place}/leases/wandb-byob-leader")["spec"]["holderIdentity"]
    assert holder.startswith("operator-1_")


def test_after_kill_9_the_other_leads_when_the_lease_has_run_out(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    one = start("operator-0").wait_leading()
    two = start("operator-1").wait_ready()
    one.kill()
    began = time.monotonic()
    two.wait_leading(timeout=30)
    assert 8 < time.monotonic() - began < 22


def test_a_leader_that_was_frozen_ends_and_writes_nothing_more(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """SIGSTOP until the other leads, with a write due at waking: the API server must see no write of the frozen one after."""
    one = start("operator-0").wait_leading().wait_ready()
    two = start("operator-1").wait_ready()
    put_store(crds, place, annotations={"testbed/write": "yes", "testbed/after": "3"})
    path = f"{_API}/{place}/bucketstores/data"
    crds.wait(path, lambda found: found["metadata"]["annotations"].get("testbed/written-by") == "operator-0")
    # Between two looks: a request that is on its way already can't be called back, which is why all writes are idempotent.
    wait_until_quiet(one)
    one.process.pause()
    two.wait_leading(timeout=40)
    crds.wait(path, lambda found: found["metadata"]["annotations"].get("testbed/written-by") == "operator-1")
    # The leader writes the same each time, so the version would change only by a write of the other.
    version = crds.get(path)["metadata"]["resourceVersion"]
    one.process.resume()
    wait_for(lambda: not one.process.running, timeout=15, what="the frozen leader ended", detail=one.process.tail)
    assert one.process.popen is not None
    assert one.process.popen.wait() == 1
    assert crds.get(path)["metadata"]["resourceVersion"] == version
    assert "Somebody else holds the Lease (operator-1_" in one.log.read_text()


def test_the_process_survives_ten_seconds_without_api_server(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """The same process goes on as leader, and sees what changes afterwards."""
    operator = start().wait_leading().wait_ready()
    put_store(crds, place)
    wait_for_looks(operator, "BucketStore/data")
    with crds.apiserver_down():
        time.sleep(10)
        assert operator.probe("healthz").status == 200
    seen = wait_until_quiet(operator)
    put_store(crds, place, name="another")
    wait_for_looks(operator, "BucketStore/another", after=seen, timeout=40)
    assert operator.process.running
    assert operator.leading()
    assert "Traceback" not in operator.log.read_text()


def test_the_process_survives_a_revoked_token_and_takes_up_a_new_one(
    crds: Cluster, place: str, start: Callable[..., Operator], tmp_path: Path
) -> None:
    """The ServiceAccount is made anew, so its old token is refused; the kubelet writes a new one into the file."""
    config = yaml.safe_load(crds.kubeconfig_for(place, "byob").read_text())
    token = tmp_path / "token"
    token.write_text(config["users"][0]["user"].pop("token"))
    config["users"][0]["user"]["tokenFile"] = str(token)
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    operator = start(kubeconfig=tmp_path / "config").wait_leading().wait_ready()
    crds.delete(f"/api/v1/namespaces/{place}/serviceaccounts/byob")
    crds.post(f"/api/v1/namespaces/{place}/serviceaccounts", {"metadata": {"name": "byob"}})
    wait_for(lambda: "Unauthorized" in operator.log.read_text(), timeout=30, what="the old token is refused")
    fresh = yaml.safe_load(crds.kubeconfig_for(place, "byob").read_text())
    token.write_text(fresh["users"][0]["user"]["token"])
    put_store(crds, place)
    wait_for_looks(operator, "BucketStore/data", timeout=60)
    assert operator.process.running


def test_sigterm_lets_work_end_and_never_takes_longer_than_25_seconds(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """A look that takes too long does not hold the process up; then the Lease is not released, so that nobody else begins before it has expired."""
    operator = start().wait_leading().wait_ready()
    put_store(crds, place, annotations={"testbed/takes": "60"})
    wait_for(lambda: operator.metrics().get("byob_workqueue_running") == 1, timeout=10, what="the look has begun")
    status, seconds = operator.stop(timeout=25)
    assert status == 0
    assert seconds < 25
    assert crds.get(f"{_LEASES}/{place}/leases/wandb-byob-leader")["spec"].get("holderIdentity")


def test_sigterm_ends_the_process_although_the_api_server_does_not_answer(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """It holds its connections and says nothing, which is worse than being away."""
    operator = start().wait_leading().wait_ready()
    with crds.apiserver_paused():
        status, seconds = operator.stop(timeout=25)
    assert status == 0
    assert seconds < 25


def test_two_releases_do_not_work_in_one_namespace(crds: Cluster, place: str, start: Callable[..., Operator]) -> None:
    """The second leads its own release and leaves the namespace alone, until the first is gone."""
    home = crds.create_namespace(f"runtime-{uuid.uuid4().hex[:8]}")
    kubeconfig = grant(crds, home)
    first = start("first").wait_leading().wait_ready()
    put_store(crds, place)
    wait_for_looks(first, "BucketStore/data")
    grant_second = {
        "metadata": {"name": "second"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "byob"},
        "subjects": [{"kind": "ServiceAccount", "name": "byob", "namespace": home}],
    }
    crds.post(f"{_RBAC}/{place}/rolebindings", grant_second)
    second = (
        start("second", kubeconfig=kubeconfig, release_namespace=home, namespaces=[place]).wait_leading().wait_ready()
    )
    wait_for(
        lambda: second.metrics().get('byob_reconciles_total{kind="BucketStore",result="not-ours"}', 0) >= 1,
        timeout=10,
        what="the second release has declined",
    )
    assert looks(second) == []
    assert f"the release {place}/wandb-byob works there" in second.log.read_text()
    first.stop()
    wait_for_looks(second, "BucketStore/data", timeout=20)


def test_all_namespaces_are_watched_where_that_is_asked_for(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    operator = start(kubeconfig=crds.kubeconfig, namespaces=[]).wait_leading().wait_ready()
    put_store(crds, place)
    wait_for_looks(operator, "BucketStore/data")
    assert crds.get(f"{_LEASES}/{place}/leases/wandb-byob")["spec"]["holderIdentity"] == f"{place}/wandb-byob"


def test_a_watched_namespace_that_is_gone_keeps_the_others_going(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    """The pod is Ready, /readyz names the namespace, the log says once what to do, and changes elsewhere are seen."""
    gone = f"gone-{uuid.uuid4().hex[:8]}"
    operator = start(namespaces=[place, gone]).wait_leading().wait_ready(timeout=60)
    assert f"namespaces that may not be read, or are gone: {gone}" in operator.probe("readyz").body.decode()

    def told() -> list[str]:
        return [record["msg"] for record in operator.records() if gone in record["msg"]]

    wait_for(
        lambda: any("byob release" in message for message in told()),
        timeout=20,
        what="the log says what to do",
        detail=lambda: str(told()),
    )
    put_store(crds, place)
    wait_for_looks(operator, "BucketStore/data")
    for number in range(3):
        put_store(crds, place, name=f"later-{number}")
        wait_for_looks(operator, f"BucketStore/later-{number}")
    assert len([message for message in told() if "byob release" in message]) == 1
    assert [message for message in told() if "Request attempt" in message] == []


def test_without_api_server_it_is_healthy_and_not_ready(
    place: str, start: Callable[..., Operator], tmp_path: Path
) -> None:
    """A restart would not bring the API server back; traffic there is none."""
    kubeconfig = tmp_path / "nowhere"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "canary-token-value"}}],
            }
        )
    )
    operator = start(kubeconfig=kubeconfig)
    operator.process.wait_until(lambda: _status(operator, "healthz") == 200, what="healthz answers")
    assert _status(operator, "readyz") == 503
    assert not operator.leading()
    assert operator.stop()[0] == 0
    assert "canary-token-value" not in operator.log.read_text()


def test_at_rest_nothing_is_written_but_leases_and_memory_is_small(
    crds: Cluster, place: str, start: Callable[..., Operator]
) -> None:
    operator = start().wait_leading().wait_ready()
    for number in range(20):
        put_store(crds, place, name=f"store-{number}")
    wait_for_looks(operator, *(f"BucketStore/store-{number}" for number in range(20)))
    seen = wait_until_quiet(operator)
    position = crds.audit_position()
    time.sleep(5)
    mine = [event for event in crds.audit(position) if event.user == f"system:serviceaccount:{place}:byob"]
    assert {event.resource for event in mine} <= {"leases.coordination.k8s.io"}
    assert len(looks(operator)) == seen
    assert operator.resident_bytes() < 110 * 2**20


def _status(operator: Operator, probe: str) -> int:
    try:
        return operator.probe(probe).status
    except OSError:
        return 0
