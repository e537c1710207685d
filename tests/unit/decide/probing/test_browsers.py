"""What a browser would do with a store's answers."""

from collections.abc import Mapping

import pytest

from wandb_byob.decide.probing import browsers
from wandb_byob.decide.probing.browsers import Answered
from wandb_byob.model.checks import CheckResult

ORIGIN = "https://wandb.example.com"
GOOD = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD, PUT",
    "Access-Control-Allow-Headers": "Content-MD5, Content-Type",
    "Access-Control-Expose-Headers": "ETag",
}


def without(name: str, value: str | None = None) -> Mapping[str, str]:
    """The good headers with one missing or changed."""
    kept = {key: given for key, given in GOOD.items() if key != name}
    return kept if value is None else {**kept, name: value}


@pytest.mark.parametrize("method", browsers.METHODS)
@pytest.mark.parametrize(
    "headers",
    [
        GOOD,
        {key.lower(): value for key, value in GOOD.items()},
        without("Access-Control-Allow-Origin", "*"),
        without("Access-Control-Allow-Methods", "*"),
        without("Access-Control-Allow-Headers", "*"),
        without("Access-Control-Allow-Headers", "x-amz-acl,content-type,content-md5"),
    ],
)
def test_sent(method: str, headers: Mapping[str, str]) -> None:
    """After these answers the browser sends the request."""
    assert browsers.preflight_problem(Answered(status=204, headers=headers), origin=ORIGIN, method=method) is None


@pytest.mark.parametrize(
    ("status", "headers", "method", "words"),
    [
        (403, GOOD, "GET", "status 403"),
        (301, GOOD, "PUT", "status 301"),
        (200, without("Access-Control-Allow-Origin"), "GET", "Allow-Origin is missing"),
        (200, without("Access-Control-Allow-Origin", "https://other.example.com"), "HEAD", "another origin"),
        (200, without("Access-Control-Allow-Origin", "null"), "HEAD", "another origin"),
        (200, without("Access-Control-Allow-Methods"), "PUT", "PUT is not in"),
        (200, without("Access-Control-Allow-Methods", "GET, HEAD"), "PUT", "PUT is not in"),
        (200, without("Access-Control-Allow-Headers"), "PUT", "content-md5 and content-type not in"),
        (200, without("Access-Control-Allow-Headers", "content-type"), "PUT", "content-md5 not in"),
    ],
)
def test_not_sent(status: int, headers: Mapping[str, str], method: str, words: str) -> None:
    """After these it does not, and the reason is said."""
    problem = browsers.preflight_problem(Answered(status=status, headers=headers), origin=ORIGIN, method=method)
    assert problem is not None
    assert words in problem


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_simple_methods_need_not_be_listed(method: str) -> None:
    """Browsers send GET and HEAD though Access-Control-Allow-Methods leaves them out."""
    reply = Answered(status=200, headers=without("Access-Control-Allow-Methods", "PUT"))
    assert browsers.preflight_problem(reply, origin=ORIGIN, method=method) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [("ETag", False), ("x-amz-id-2, etag", False), ("*", False), ("Content-Length", True), ("", True), ("xetag", True)],
)
def test_etag(value: str, *, problem: bool) -> None:
    """The page reads the ETag where it is exposed by name or by the wildcard."""
    reply = Answered(status=200, headers=without("Access-Control-Expose-Headers", value))
    assert (browsers.exposure_problem(reply, origin=ORIGIN) is not None) is problem


def test_patterns_become_real_origins() -> None:
    """Browsers never send a pattern: a page that it covers is taken, and each origin once."""
    assert browsers.sample_origins(("*", "https://*.example.com", ORIGIN, ORIGIN)) == (
        "https://wandb-byob.example.com",
        ORIGIN,
    )


def test_sums() -> None:
    """One check for all preflights and one for all replies, which name the first origin that is not served."""
    refused = browsers.preflight_check(
        [("https://a", "PUT", "no"), ("https://a", "GET", "no"), ("https://b", "PUT", "x")]
    )
    assert refused.result is CheckResult.FAILED
    assert "from https://a cannot PUT, GET: no" in refused.message
    assert browsers.preflight_check([]).result is CheckResult.PASSED
    assert browsers.etag_check([("https://a", "no")], seen=True).result is CheckResult.FAILED
    assert browsers.etag_check([], seen=True).result is CheckResult.PASSED
    assert browsers.etag_check([], seen=False).result is CheckResult.SKIPPED
