"""Whatever a store says is one line of plain text when a user reads it."""

from collections.abc import Callable

import pytest

from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.model.texts import LONGEST, clean
from wandb_byob.providers.base import BucketFacts, Change

HOSTILE = "v1\x1b[2J\r\nReady\u202e\u2028\x00\x7f\x9b31m\ud800"


@pytest.mark.parametrize("text", ["", "Größe 3 MiB", "バケット\u3000名", "a\u00a0b", "x" * LONGEST])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_control_characters_are_shown_as_such() -> None:
    assert clean("v1\x1b[2J\r\nReady") == "v1\ufffd[2J\ufffd\ufffdReady"


def test_a_text_without_end_is_cut() -> None:
    """And cutting it comes first, so that its length costs nothing."""
    shown = clean("\n" * 10_000_000)
    assert len(shown) == LONGEST
    assert shown.endswith("…")


@pytest.mark.parametrize(
    "carry",
    [
        lambda text: Check(name=CheckName.CLEAN_UP, result=CheckResult.WARNING, message=text).message,
        lambda text: Check(name=CheckName.CLEAN_UP, result=CheckResult.WARNING, message="", remedy=text).remedy,
        lambda text: str(Stalled(Reason.ACCESS_DENIED, text)),
        lambda text: Waiting(Reason.UNREACHABLE, text).message,
        lambda text: Change(name="CORS", message=text).message,
        lambda text: _facts(owner=text).owner,
        lambda text: _facts(region=text).region,
    ],
    ids=["check", "remedy", "stalled", "waiting", "plan", "owner", "region"],
)
def test_whatever_carries_words_of_a_store_cleans_them(carry: Callable[[str], str]) -> None:
    """Every provider's results and errors go through these, to the status, to Events and to the terminal."""
    shown = carry(HOSTILE)
    assert shown.startswith("v1\ufffd[2J")
    assert not any(each in shown for each in "\x1b\r\n\u202e\u2028\x00\x7f\x9b\ud800")
    assert len(carry("x" * 10_000)) == LONGEST


def _facts(*, owner: str = "", region: str = "") -> BucketFacts:
    return BucketFacts(created=True, adopted=False, owner=owner, region=region, url="", identity="s3://a/b")
