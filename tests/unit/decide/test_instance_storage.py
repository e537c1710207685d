"""The bucket for the instance: when it is set, left, or refused; and that it goes with the list of file stores, in both directions."""

from dataclasses import replace

import pytest

from unit.decide.target import BEGIN, Container, Target, bucket
from wandb_byob.decide import instance_storage, storage
from wandb_byob.decide.addresses import Address
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.instance_storage import Asked, Storage
from wandb_byob.decide.rollouts.variable import STORAGE, VARIABLE
from wandb_byob.decide.storage import Bucket
from wandb_byob.model.reasons import Reason

WANTED = Bucket(address=Address(scheme="s3", user="ak", password="sk", bucket="acme", prefix="w"), region="eu-1")
ASKED = Asked(bucket=WANTED, store="uid-storage", since=BEGIN)
TAKES = frozenset(STORAGE)


def with_bucket(text: str | None, *, takes: frozenset[str] = frozenset()) -> Target:
    """A W&B whose workloads have this bucket as a plain value."""
    more = {} if text is None else {"BUCKET": {"name": "BUCKET", "value": text}}
    target = Target(workloads={f"Deployment/{name}": Container(more=dict(more)) for name in ("api", "app")})
    target.policy = replace(target.policy, takes=takes)
    target.storage = dict(storage.to_variables(WANTED))
    return target


def decided(target: Target, asked: Asked = ASKED) -> Storage:
    return instance_storage.decide(target.situation(), asked)


@pytest.mark.parametrize(
    ("there", "takes", "confirmed", "reason"),
    [
        (None, False, "", None),
        ("s3://ak:sk@acme/w", False, "", Reason.CONFIGURED),
        ("s3://ak:sk@acme/w", True, "", Reason.CONFIGURED),
        ("s3://ak:old@acme/w", False, "", Reason.LITERAL_PRESENT),
        ("s3://ak:old@acme/w", True, "", None),
        ("s3://ak:sk@acme/other", True, "", Reason.STORAGE_WOULD_CHANGE),
        ("s3://ak:sk@acme/w/deeper", True, "acme", Reason.STORAGE_WOULD_CHANGE),
        ("gs://old", True, "gs://old", Reason.STORAGE_WOULD_CHANGE),
        ("gs://old", True, "acme/w", None),
        ("gs://old", False, "acme/w", Reason.LITERAL_PRESENT),
        ("file:///vol", True, "", Reason.STORAGE_WOULD_CHANGE),
        ("file:///vol", True, "acme/w", None),
    ],
    ids=["nothing there", "the same", "the same, to be taken", "another key", "another key, to be taken", "another path", "the annotation lacks the path",
         "the annotation names the old one", "confirmed", "confirmed, but a plain value", "not understood", "not understood, confirmed"],
)  # fmt: skip
def test_what_becomes_of_it(there: str | None, takes: bool, confirmed: str, reason: Reason | None) -> None:
    """None: it is set. A refusal leaves W&B with what it has, and quotes no key."""
    target = with_bucket(there, takes=TAKES if takes else frozenset())
    found = decided(target, replace(ASKED, confirmed=confirmed))
    assert (found.verdict.reason if found.verdict is not None else None) == reason
    if found.verdict is None:
        assert found.settings["BUCKET"] == "s3://ak:sk@acme/w"
        assert [each.since for each in found.pending] == [BEGIN]
    else:
        assert (found.settings, found.pending) == ({}, ())
        assert (found.progress is Progress.STALLED) is (reason is not Reason.CONFIGURED)
        assert ":old@" not in found.verdict.message


def test_the_refusal_says_what_is_there_and_what_to_do() -> None:
    found = decided(with_bucket("s3://AK:secret@old:9000/b?tls=true"), replace(ASKED, confirmed="b"))
    assert found.verdict is not None
    assert found.verdict.message == (
        "W&B keeps the instance's files in s3://***:***@old:9000/b?tls=true, and would not find them any more in acme/w: nothing is "
        'copied. The annotation byob.wandb.com/change-storage holds "b", which is another bucket, and so means nothing here. Correct '
        'spec.storage; or, once the files are copied or may be hidden, set the annotation byob.wandb.com/change-storage: "acme/w".'
    )


def rolled_out(target: Target) -> Target:
    target.looks()
    target.come_up().looks()
    return target


def test_it_and_the_list_are_one_configuration_and_go_back_together() -> None:
    """A failed rollout restores each setting from where it was, and takes away what was not there."""
    target = with_bucket("gs://old", takes=TAKES)
    target.buckets = [bucket("one")]
    target.looks()
    assert target.values_of("BUCKET") == {"s3://ak:sk@acme/w"}
    assert target.values_of("AWS_REGION") == {"eu-1"}
    assert len(target.stored) == 1
    target.fail("Deployment/app").looks()
    assert target.values_of("BUCKET") == {"gs://old"}
    assert target.values_of("AWS_REGION") == {None}
    assert target.values() == {None}


def test_a_bucket_that_is_set_already_is_no_part_of_a_teams_rollout() -> None:
    """What somebody else has set, and means the same, stays a plain value of his."""
    target = with_bucket("s3://ak:sk@acme/w")
    target.storage = dict(decided(target).settings)
    target.buckets = [bucket("one")]
    rolled_out(target)
    (made,) = target.stored.values()
    assert set(made.configuration.values) == {VARIABLE}


def test_a_storage_alone_leaves_the_list_alone() -> None:
    target = with_bucket(None)
    rolled_out(target)
    (made,) = target.stored.values()
    assert VARIABLE not in made.configuration.values
    assert made.configuration.storage == "uid-storage"
    assert target.values() == {None}


def test_a_workload_that_comes_later_gets_it() -> None:
    target = rolled_out(with_bucket(None))
    target.workloads["Deployment/late"] = Container()
    rolled_out(target)
    assert target.values_of("BUCKET") == {"s3://ak:sk@acme/w"}
    assert len(target.stored) == 1


def test_of_another_provider_what_was_ours_goes() -> None:
    """A region of AWS means nothing to Cloud Storage: ours is taken away, so that the old Secret can go."""
    target = rolled_out(with_bucket(None))
    other = replace(ASKED, bucket=Bucket(address=Address(scheme="gs", bucket="new")), confirmed="new")
    found = decided(target, other)
    assert found.settings["BUCKET"] == "gs://new"
    assert found.settings["AWS_REGION"] is None
    target.storage = dict(found.settings)
    rolled_out(target)
    assert target.values_of("AWS_REGION") == {None}
    assert target.secrets() == {""}
    assert target.plan().writes == ()


def test_without_a_word_about_it_our_bucket_stays() -> None:
    target = rolled_out(with_bucket(None))
    kept = instance_storage.unchanged(target.situation())
    assert kept.settings["BUCKET"] == "s3://ak:sk@acme/w"
    assert (kept.store, kept.verdict) == ("uid-storage", None)
