"""What was in the variable before us stays, byte for byte, whatever happens to our own records."""

from collections.abc import Callable

from cluster.scenario import Scenario, address, wait_rest
from testbed.stores import VersityGW
from testbed.wandb import VARIABLE

_FOREIGN = [
    "s3://AKIAOLD:se%2Fcret@minio.legacy.example.com:9000/old?region=r?tls=true",
    "weird:entry",
    "gs://kept-bucket",
]
_GCS_SIZED = 1790
"""Characters of a Cloud Storage entry: the e-mail, and a percent-encoded 2048-bit key."""


def test_foreign_entries_survive_and_nothing_doubles_when_all_statuses_are_lost(
    scenario_in: Callable[..., Scenario], versitygw: VersityGW
) -> None:
    """After a team was added, a restore from a backup without statuses changes neither the variable nor W&B's pods."""
    scenario = scenario_in(env=lambda made: made.reference_to(",".join(_FOREIGN)))
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys), scenario.bucket_store("data", versitygw), scenario.team("data")
    )
    scenario.wait_ready("TeamStorage", "data")
    expected = [*_FOREIGN, address(versitygw, f"{scenario.namespace}-data")]
    assert scenario.entries() == expected

    revisions = scenario.wandb.revisions()
    with scenario.installation.kubelet.not_restarting():
        scenario.installation.kill()
        for kind, name in (("TeamStorage", "data"), ("BucketStore", "data"), ("WandbInstance", "wandb")):
            scenario.cluster.patch(f"{scenario.path(kind, name)}/status", {"status": None})
    scenario.installation.wait_leading()
    scenario.wait_ready("TeamStorage", "data")
    wait_rest(scenario)

    assert scenario.entries() == expected
    assert scenario.wandb.revisions() == revisions


def test_a_literal_is_taken_only_where_that_is_allowed(
    scenario_in: Callable[..., Scenario], versitygw: VersityGW
) -> None:
    """A literal of the same name blocks with a remedy; with takeOwnership it is replaced and its entries are kept."""
    scenario = scenario_in(env=lambda _: {"name": VARIABLE, "value": _FOREIGN[0]})
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys), scenario.bucket_store("data", versitygw), scenario.team("data")
    )
    told = scenario.wait_condition("WandbInstance", "wandb", "Configured", "False", reason="LiteralPresent")
    assert "takeOwnership" in told["message"]
    assert "se%2Fcret" not in str(scenario.get("WandbInstance", "wandb"))
    assert scenario.entries() == [_FOREIGN[0]]

    scenario.cluster.patch(scenario.path("WandbInstance", "wandb"), {"spec": {"fileStores": {"takeOwnership": True}}})
    scenario.wait_ready("TeamStorage", "data")
    scenario.wandb.wait_available()
    assert scenario.entries() == [_FOREIGN[0], address(versitygw, f"{scenario.namespace}-data")]


def test_a_variable_that_would_be_too_large_is_refused_before_any_write(
    scenario_in: Callable[..., Scenario], versitygw: VersityGW
) -> None:
    """With seventy entries of a Cloud Storage address's size, the one more is refused in words that a user can act on."""
    entries = [_gcs_sized(number) for number in range(70)]
    scenario = scenario_in(env=lambda made: made.reference_to(",".join(entries)))
    before = scenario.wandb.revisions()
    since = scenario.cluster.audit_position()

    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys), scenario.bucket_store("data", versitygw), scenario.team("data")
    )
    told = scenario.wait_condition("WandbInstance", "wandb", "Configured", "False", reason="VariableTooLarge")
    wait_rest(scenario)

    assert "70 entries" in told["message"], told
    assert "128 KiB" in told["message"], told
    assert scenario.wandb.revisions() == before
    assert scenario.entries() == entries
    touched = {event.resource for event in scenario.writes(since)}
    assert not touched & {"secrets", "deployments.apps", "statefulsets.apps"}, touched
    team = scenario.wait_condition("TeamStorage", "data", "Ready", "False")
    assert "128 KiB" in team["message"] or "WandbInstance" in team["message"], team


def _gcs_sized(number: int) -> str:
    head, tail = f"gs://robot-{number:02}%40project.iam.gserviceaccount.com:", f"@bucket-{number:02}"
    return head + "K" * (_GCS_SIZED - len(head) - len(tail)) + tail
