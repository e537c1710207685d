"""CORS rules: what a browser needs, and merging with the rules of others."""

from typing import Any

import pytest

from wandb_byob.decide.clouds import cors

ORIGIN = "https://wandb.example.com"


def rule(**changes: Any) -> dict[str, Any]:
    whole = {
        "AllowedHeaders": ["*"],
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedOrigins": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3000,
    }
    return {**whole, **changes}


ENOUGH = {
    "W&B's own sample": [rule()],
    "our own rule": [cors.rule([ORIGIN])],
    "more than needed": [
        rule(AllowedMethods=["GET", "HEAD", "PUT", "POST", "DELETE"], ExposeHeaders=["x-amz-id", "etag"])
    ],
    "every header that a browser sends, by name": [rule(AllowedHeaders=["Content-Type", "Content-MD5", "X-Other"])],
    "headers by a pattern": [rule(AllowedHeaders=["content-*"])],
    "the origin by a pattern": [rule(AllowedOrigins=["https://*.example.com"])],
    "one rule for reading, one for writing": [
        rule(AllowedMethods=["GET", "HEAD"], AllowedHeaders=[]),
        rule(AllowedMethods=["PUT"]),
    ],
    "somebody else's origin first": [rule(AllowedOrigins=["https://other.example.com"], ExposeHeaders=[]), rule()],
    "a rule that does not match a PUT's headers, before one that does": [
        rule(AllowedMethods=["PUT"], AllowedHeaders=[], ExposeHeaders=[]),
        rule(),
    ],
}

LACKING = {
    "nothing at all": ([], "no rule allows the origin"),
    "another origin": ([rule(AllowedOrigins=["https://other.example.com"])], "no rule allows the origin"),
    "the origin over http": ([rule(AllowedOrigins=["http://wandb.example.com"])], "no rule allows the origin"),
    "a pattern that ends elsewhere": ([rule(AllowedOrigins=["https://*.example.org"])], "no rule allows the origin"),
    "a pattern longer than the origin": (
        [rule(AllowedOrigins=["https://wandb.ex*wandb.example.com"])],
        "no rule allows the origin",
    ),
    "no PUT": ([rule(AllowedMethods=["GET", "HEAD"])], "no rule allows PUT"),
    "no HEAD": ([rule(AllowedMethods=["GET", "PUT"])], "no rule allows HEAD"),
    "only one header": ([rule(AllowedHeaders=["content-type"])], "no rule allows the headers"),
    "no ETag": ([rule(ExposeHeaders=["x-amz-request-id"])], "does not expose ETag"),
    "no exposed headers": (
        [{key: value for key, value in rule().items() if key != "ExposeHeaders"}],
        "does not expose ETag",
    ),
    "ETag only in a later rule, which S3 never gets to": ([rule(ExposeHeaders=[]), rule()], "does not expose ETag"),
}


@pytest.mark.parametrize("rules", ENOUGH.values(), ids=ENOUGH.keys())
def test_rules_that_are_enough_stay_untouched(rules: list[dict[str, Any]]) -> None:
    assert cors.problems(rules, [ORIGIN]) == ()
    assert cors.merged(rules, [ORIGIN]) == tuple(rules)


@pytest.mark.parametrize(("rules", "said"), LACKING.values(), ids=LACKING.keys())
def test_what_lacks_is_said_and_added_before_the_rules_of_others(rules: list[dict[str, Any]], said: str) -> None:
    assert any(said in problem for problem in cors.problems(rules, [ORIGIN]))
    merged = cors.merged(rules, [ORIGIN])
    assert cors.problems(merged, [ORIGIN]) == ()
    assert list(merged[1:]) == rules


def test_what_lacks_for_all_methods_is_said_once() -> None:
    assert cors.problems([], [ORIGIN]) == (f"no rule allows the origin {ORIGIN}",)


def test_each_origin_counts() -> None:
    rules = [rule(AllowedOrigins=[ORIGIN])]
    second = "https://wandb.internal.example.com"
    assert all(second in problem for problem in cors.problems(rules, [ORIGIN, second]))
    assert cors.problems(cors.merged(rules, [ORIGIN, second]), [ORIGIN, second]) == ()


def test_our_rule_names_the_given_origins_only() -> None:
    assert cors.rule([ORIGIN])["AllowedOrigins"] == [ORIGIN]


def test_our_rule_is_renewed_in_place_of_the_old_one_when_the_host_changes() -> None:
    foreign = rule(AllowedOrigins=["https://other.example.com"])
    before = cors.merged([foreign], [ORIGIN])
    after = cors.merged(before, ["https://new.example.com"])
    assert after == (cors.rule(["https://new.example.com"]), foreign)


@pytest.mark.parametrize("pattern", ["*", "https://*.example.com"])
def test_an_origin_may_be_a_pattern_itself(pattern: str) -> None:
    assert cors.problems([rule(AllowedOrigins=[ORIGIN])], [pattern])
    assert cors.problems([cors.rule([pattern])], [pattern]) == ()
