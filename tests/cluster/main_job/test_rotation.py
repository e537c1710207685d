"""A key is rotated: the Secret changes, the bucket is proved with the new key, and W&B gets it in the old one's place."""

from cluster.scenario import Scenario, address, wait_rest
from testbed.object_store import Keys
from testbed.processes import wait_for
from testbed.stores import VersityGW


def test_a_rotated_key_takes_the_old_ones_place_in_one_rollout(scenario: Scenario, versitygw: VersityGW) -> None:
    """The order of the entries stays, a wrong new key restarts nothing, and the old configuration's Secret is not W&B's any more."""
    user = f"{scenario.namespace}-user"
    old = versitygw.create_user(user)
    names = ("first", "second", "third")
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.keys("rotated", old),
        *(scenario.bucket_store(name, versitygw) for name in ("first", "third")),
        scenario.bucket_store("second", versitygw, credentials={"secretRef": {"name": "rotated"}}),
    )
    scenario.wait_condition("BucketStore", "second", "Configured", "True")
    versitygw.give_bucket(f"{scenario.namespace}-second", user)
    scenario.apply(*(scenario.team(name) for name in names))
    scenario.wait_ready("TeamStorage", *names)
    wait_rest(scenario)
    before, revisions, since = scenario.entries(), scenario.wandb.revisions(), scenario.cluster.audit_position()
    mine = address(versitygw, f"{scenario.namespace}-second", old)
    place = before.index(mine)

    scenario.apply(scenario.keys("rotated", Keys(user, "not-the-new-key-either")))
    told = scenario.wait_condition("BucketStore", "second", "Ready", "False")
    assert "secret key" in told["message"]
    wait_rest(scenario)
    assert (scenario.entries(), scenario.wandb.revisions()) == (before, revisions)

    versitygw.delete_user(user)
    new = versitygw.create_user(user)
    scenario.apply(scenario.keys("rotated", new))
    scenario.wait_condition("BucketStore", "second", "Ready", "True")
    expected = [*before[:place], address(versitygw, f"{scenario.namespace}-second", new), *before[place + 1 :]]
    wait_for(
        lambda: scenario.wandb.variable() == {",".join(expected)}, timeout=60, what="W&B's pods run with the new key"
    )
    wait_rest(scenario)
    assert scenario.entries() == expected
    assert scenario.wandb.revisions() == {name: revision + 1 for name, revision in revisions.items()}
    scenario.wait_ready("TeamStorage", *names)
    scenario.wait_ready("WandbInstance", "wandb")
    others = [event for event in scenario.writes(since) if event.name in ("first", "third")]
    assert others == [], "the rollout for another bucket is nothing to write to a team that is Ready"
    versitygw.delete_user(user)
