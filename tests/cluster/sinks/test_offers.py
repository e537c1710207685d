"""Pods that are older than the configuration, in every place of W&B's configuration: they may not offer a new team its cloud."""

from collections.abc import Callable

from cluster.instance_world import InstanceWorld


def test_pods_of_a_paused_deployment(at: Callable[..., InstanceWorld]) -> None:
    """Nobody waits for them; what they lack is told for as long as they run."""
    here = at()
    (name,) = (name for name in here.stand_in.revisions() if name.endswith("api"))
    path = f"/apis/apps/v1/namespaces/{here.namespace}/deployments/{name}"
    here.cluster.patch(path, {"spec": {"paused": True}})
    here.bucket("one")
    here.team("one")
    message = here.settle("RolledOut")["message"]
    assert 'W&B may not offer AWS (BucketStore one) on its page "Create a new team"' in message
    assert f"container api of pods of Deployment {name} (not set)" in message
    assert "resume what is paused" in message
    assert here.status()["notOffered"] == ["AWS"]
    here.look()
    assert here.condition("RolledOut")["status"] == "True"
    here.cluster.patch(path, {"spec": {"paused": False}})
    here.stand_in.wait_available()
    assert "not offer" not in here.settle("RolledOut")["message"]
    assert "notOffered" not in here.status()
