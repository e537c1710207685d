"""CORS rules of an account: an origin is let in for a container, recorded with it, and taken out when no container needs it."""

from collections.abc import Sequence
from typing import Any

import pytest

from wandb_byob.decide.clouds import azure_origins
from wandb_byob.decide.clouds.azure_origins import (
    MOST_RULES,
    Record,
    cors_problems,
    merged,
    recorded,
    rule,
    with_record,
)

ORIGIN, OTHER = "https://wandb.example.com", "https://wandb.other.example.com"
OLD = "https://old.example.com"


def foreign(**changes: Any) -> dict[str, Any]:
    """A rule of somebody else."""
    return {
        "AllowedOrigins": ["https://app.example.com"],
        "AllowedMethods": ["GET"],
        "AllowedHeaders": ["x-ms-meta-*"],
        "ExposeHeaders": ["x-ms-meta-a"],
        "MaxAgeSeconds": 60,
        **changes,
    }


FULL = tuple(foreign(MaxAgeSeconds=number) for number in range(MOST_RULES))


def test_a_rule_of_others_stays_after_ours() -> None:
    """Azure takes the first rule that matches, so ours stands first."""
    found = merged([foreign()], [ORIGIN])
    assert found == (rule([ORIGIN]), foreign())
    assert cors_problems(found, [ORIGIN]) == ()


def test_one_rule_serves_all_wandbs_of_an_account() -> None:
    """A second W&B adds its origin to the rule that is there, and the first keeps its own."""
    first = merged([foreign()], [ORIGIN])
    second = merged(first, [OTHER])
    assert second == (rule([ORIGIN, OTHER]), foreign())
    assert cors_problems(second, [ORIGIN, OTHER]) == ()
    assert merged(second, [ORIGIN]) == second


@pytest.mark.parametrize(
    ("changes", "enough"),
    [
        ({"AllowedOrigins": ["*"]}, True),
        ({"AllowedOrigins": ["https://*.example.com"]}, True),
        ({"ExposeHeaders": ["ETag"]}, True),
        ({"AllowedHeaders": ["content-*", "x-ms-*"]}, True),
        ({"AllowedHeaders": ["content-md5", "content-type"]}, False),
        ({"AllowedMethods": ["GET", "HEAD"]}, False),
        ({"ExposeHeaders": []}, False),
        ({"AllowedOrigins": [OTHER]}, False),
    ],
)
def test_what_is_enough(changes: dict[str, Any], enough: bool) -> None:
    """A browser's PUT also announces x-ms-blob-type, without which Azure takes no file."""
    rules = [{**rule([ORIGIN]), **changes}]
    assert (cors_problems(rules, [ORIGIN]) == ()) is enough
    assert (merged(rules, [ORIGIN]) == tuple(rules)) is enough


def test_a_rule_that_hides_ours_is_put_behind_it() -> None:
    """Another rule for the same origin that exposes nothing would count, since it comes first."""
    hiding = foreign(AllowedOrigins=[ORIGIN], AllowedMethods=["GET", "HEAD", "PUT"], AllowedHeaders=["*"])
    assert merged([hiding, rule([ORIGIN])], [ORIGIN]) == (rule([ORIGIN]), hiding)


Rules = Sequence[dict[str, Any]]


@pytest.mark.parametrize(
    ("rules", "record", "others", "after", "first", "last"),
    [
        ([], Record(), None, [rule([ORIGIN])], Record(ours=(ORIGIN,)), None),
        ([foreign()], Record(), None, [rule([ORIGIN]), foreign()], Record(ours=(ORIGIN,)), None),
        ([rule([ORIGIN])], Record(), Record(), None, Record(before=(ORIGIN,)), None),
        ([rule(["*"])], Record(), Record(), None, Record(before=(ORIGIN,)), None),
        ([rule([ORIGIN])], Record(), Record(ours=(ORIGIN,)), None, Record(ours=(ORIGIN,)), None),
        ([rule([ORIGIN])], Record(), Record(before=(ORIGIN,)), None, Record(before=(ORIGIN,)), None),
        ([rule([ORIGIN])], Record(), None, None, Record(before=(ORIGIN,)), None),
        ([rule([ORIGIN])], Record(ours=(ORIGIN,)), None, None, Record(ours=(ORIGIN,)), None),
        ([], Record(before=(ORIGIN,)), None, [rule([ORIGIN])], Record(ours=(ORIGIN,)), None),
        ([rule([OLD])], Record(ours=(OLD,)), Record(), [rule([ORIGIN])], Record(ours=(OLD, ORIGIN)), Record(ours=(ORIGIN,))),
        ([rule([OLD, ORIGIN])], Record(ours=(OLD, ORIGIN)), Record(), [rule([ORIGIN])], Record(ours=(OLD, ORIGIN)), Record(ours=(ORIGIN,))),
        ([rule([OLD, ORIGIN])], Record(ours=(OLD, ORIGIN)), Record(ours=(OLD,)), None, Record(ours=(OLD, ORIGIN)), None),
        ([rule([OLD, ORIGIN])], Record(ours=(OLD, ORIGIN)), Record(before=(OLD,)), None, Record(ours=(OLD, ORIGIN)), None),
        ([rule([OLD, ORIGIN])], Record(ours=(OLD, ORIGIN)), None, None, Record(ours=(OLD, ORIGIN)), None),
        ([rule([OLD, ORIGIN])], Record(ours=(ORIGIN,), before=(OLD,)), None, None, Record(ours=(ORIGIN,)), None),
        (FULL, Record(), None, None, Record(), None),
        (FULL, Record(ours=(OLD,)), Record(), None, Record(ours=(OLD,)), Record()),
    ],
    ids=["let in", "before those of others", "let in by somebody before", "everybody is let in", "let in for another container", "somebody's, as another container has noted",
         "others cannot be seen", "let in already", "somebody has taken it out", "another host", "another host that was let in", "another container needs the old one",
         "another container found it there", "another host, others cannot be seen", "another host, the old one is somebody's", "no room", "no room, and the old one is gone"],
)  # fmt: skip
def test_what_becomes_of_the_rules(
    rules: Rules, record: Record, others: Record | None, after: Rules | None, first: Record, last: Record | None
) -> None:
    """None: they stay, and so does the record after they are written. What was there before us is never taken out."""
    found = azure_origins.letting(rules, record, origins=[ORIGIN], lets_in=[ORIGIN], others=others)
    assert found.rules == tuple(rules if after is None else after)
    assert found.first == first
    assert found.last == (first if last is None else last)


@pytest.mark.parametrize(
    ("rules", "record", "asks"),
    [
        ([], Record(), False),
        ([rule([ORIGIN])], Record(ours=(ORIGIN,)), False),
        ([rule([ORIGIN])], Record(before=(ORIGIN,)), False),
        ([rule([ORIGIN])], Record(), True),
        ([rule([OLD])], Record(ours=(OLD,)), True),
        ([rule([ORIGIN])], Record(before=("*",)), False),
    ],
    ids=["nothing is let in", "recorded", "recorded as somebody's", "let in and not recorded", "it needs another one", "too many to record"],
)  # fmt: skip
def test_others_are_asked_only_where_they_matter(rules: Rules, record: Record, *, asks: bool) -> None:
    """Each look would cost a list of all containers otherwise."""
    assert azure_origins.needs_others(rules, record, origins=[ORIGIN], lets_in=[ORIGIN]) is asks


def test_the_last_origin_takes_the_rule_with_it() -> None:
    """Nothing is wanted any more; the rules of others are what they were."""
    rules = [rule([ORIGIN]), foreign()]
    found = azure_origins.letting(rules, Record(ours=(ORIGIN,)), origins=[], lets_in=[], others=Record())
    assert found.rules == (foreign(),)
    assert found.last == Record()


@pytest.mark.parametrize(
    "record",
    [Record(), Record(ours=(ORIGIN, OTHER)), Record(before=(ORIGIN,)), Record(ours=(ORIGIN,), before=(OTHER, OLD))],
    ids=["none", "ours", "others'", "both"],
)  # fmt: skip
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    """Beside what others have in the metadata; where there is nothing to record, nothing stays."""
    written = with_record({"team": "ml", "WandbByobOrigins": "https://before.example"}, record)
    assert written["team"] == "ml"
    assert recorded(written) == record
    assert len(written) == (2 if record.origins else 1)


def test_what_is_too_long_to_record_is_never_taken_out() -> None:
    """Azure takes 8 KiB of metadata. It is as if it had been let in before."""
    many = tuple(f"https://{number}.{'x' * 200}.example.com" for number in range(64))
    written = with_record({}, Record(ours=many))
    assert sum(map(len, written.values())) < 100
    assert not azure_origins.needs_others([rule(many)], recorded(written), origins=many, lets_in=many)
    again = azure_origins.letting([rule(many)], recorded(written), origins=many, lets_in=many)
    assert with_record({}, again.first) == written
