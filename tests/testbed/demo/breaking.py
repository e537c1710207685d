"""The parts of the story in which something is broken on purpose, its owner is told, and it is repaired."""

from typing import Final

from testbed.demo import examples
from testbed.demo.stage import Stage

_OF_VISION: Final = ("BucketStore vision", "TeamStorage vision", "WandbInstance wandb")


def break_cors(stage: Stage) -> None:
    """One bucket is managed and repaired by itself, the other only observed: its owner is told what is missing."""
    screen, before = stage.screen, stage.wandb.revisions()
    managed, observed = stage.versitygw.client(), stage.moto.client()

    def rules() -> str:
        speech, legacy = examples.cors_rules(managed, "speech"), examples.cors_rules(observed, "acme-legacy")
        return f"{'CORS rules':14}{speech} in bucket speech, {legacy} in bucket acme-legacy"

    def draw() -> dict[str, str]:
        return stage.table("BucketStore speech", "BucketStore legacy") | {"rules": rules()}

    def noticed() -> bool:
        told = "CORS" in {check["name"] for check in stage.row("BucketStore legacy").failed}
        return told and examples.cors_rules(managed, "speech") > 0 and stage.ready("BucketStore speech")

    managed.delete_bucket_cors(Bucket="speech")
    observed.delete_bucket_cors(Bucket="acme-legacy")
    screen.show(rules())
    screen.say(
        "No browser can use the two any more. The operator looks every 5 minutes; the annotation lets it look now:"
    )
    stage.look_now("speech", "legacy", request="1")
    screen.follow(draw, noticed, what="The lost CORS rules were noticed")
    screen.labelled("speech", "is managed: the operator has put the rule back by itself.", colour="green")
    screen.labelled("legacy", "is only observed: nothing is changed, and its owner is told:", colour="yellow")
    _show_failed(stage, "BucketStore legacy")
    screen.say("Its owner puts the rule back:")
    examples.allow_browsers(observed, "acme-legacy")
    stage.look_now("legacy", request="2")
    screen.follow(draw, lambda: stage.ready("BucketStore legacy"), what="BucketStore legacy is Ready again")
    stage.say_undisturbed(before)


def break_key(stage: Stage) -> None:
    """The owner of the bucket and the team are told; W&B keeps the configuration that it has."""
    screen, before = stage.screen, stage.wandb.revisions()

    def draw() -> dict[str, str]:
        return stage.table(*_OF_VISION)

    screen.say("The Secret has the label byob.wandb.com/watch, so the operator sees it at once:")
    stage.kubectl("""patch secret vision-keys --patch '{"stringData": {"secretAccessKey": "wrong-key"}}'""")
    screen.follow(draw, lambda: not stage.ready("BucketStore vision"), what="The wrong key was noticed")
    screen.show(stage.kubectl("get bucketstores"))
    _show_failed(stage, "BucketStore vision")
    stage.say_undisturbed(before)
    screen.say("The right key again:")
    stage.apply("s3-compatible.yaml")
    screen.follow(draw, lambda: stage.ready(*_OF_VISION), what="All is Ready again")


def _show_failed(stage: Stage, key: str) -> None:
    """Show what the condition Ready says: the first check that failed, with its remedy, or the store's refusal."""
    found = stage.row(key)
    stage.screen.labelled(found.reason, found.message, colour="red", indent=15)
