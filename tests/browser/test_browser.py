"""What a real browser lets W&B's page do with a bucket is what our checks said before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import CorsRule

from browser.page import Attempt, Request, visit
from browser.sites import ABOUT_BROWSERS, BEFORE, BODY, METHODS, STRIPPED, Visit, Visited, failing
from contract.azure import AzureSite
from contract.gcs import GCSSite
from contract.provisioning import S3Site
from contract.site import ORIGIN
from testbed.processes import TestbedError, free_port
from wandb_byob.decide.clouds.cors import rule
from wandb_byob.model.checks import CheckName

MOVED = "https://wandb-new.example.com"
MOTO, VERSITYGW, GOOGLE, AZURE = "S3-moto", "S3Compatible-versitygw", "GCS-fake-gcs-server", "Azure-Azurite"


def seen(attempts: Sequence[Attempt]) -> list[str]:
    """The methods whose answers the page got, with every other one blocked by CORS and by nothing else."""
    assert [attempt.method for attempt in attempts] == list(METHODS)
    assert all(attempt.blocked or attempt.worked for attempt in attempts)
    return [attempt.method for attempt in attempts if attempt.worked]


def etags(attempts: Sequence[Attempt]) -> set[str | None]:
    """What the page read as ETag of the answers that it got."""
    return {attempt.etag for attempt in attempts if attempt.worked}


def test_with_the_rule_that_the_operator_writes(visited: Visited, open_page: Visit) -> None:
    """The page can PUT, GET and HEAD with signed URLs and read the ETag of each answer; no check failed before."""
    said = visited.said()
    assert said.keys() >= {CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}
    assert failing(said) == set()
    attempts = open_page(visited)
    assert seen(attempts) == [*METHODS]
    assert attempts[1].text == BODY == visited.stored()
    assert etags(attempts) == {visited.kind.etag(visited.site)}


def test_without_it(visited: Visited, open_page: Visit) -> None:
    """Nothing works, and a PUT never gets to the store; the checks failed before and named the methods. A store that admits everybody is put behind a proxy that strips CORS."""
    with visited.site.behind() as (proxied, proxy):
        if visited.lets_everybody_in:
            proxy.add(STRIPPED)
            visited = visited.at(proxied)
        else:
            visited.site.take_away(CheckName.CORS)
        said = visited.said()
        assert failing(said) == set(ABOUT_BROWSERS)
        assert f"from {ORIGIN} cannot GET, HEAD, PUT:" in said[CheckName.PREFLIGHT].message
        assert seen(open_page(visited)) == []
    assert visited.stored() == BEFORE


@pytest.mark.parametrize(
    ("visited", "changes", "cannot"),
    [
        (VERSITYGW, {"AllowedMethods": ["GET", "HEAD"]}, "PUT"),
        (VERSITYGW, {"AllowedMethods": ["GET", "PUT"]}, "HEAD"),
        (VERSITYGW, {"AllowedMethods": ["HEAD", "PUT"]}, "GET"),
        (VERSITYGW, {"AllowedHeaders": ["content-type"]}, "PUT"),
        (MOTO, {"AllowedMethods": ["GET", "HEAD"]}, "PUT"),
        (MOTO, {"AllowedHeaders": ["content-type"]}, "PUT"),
    ],
    indirect=["visited"],
    ids=["no-PUT", "no-HEAD", "no-GET", "no-content-md5", "moto-no-PUT", "moto-no-content-md5"],
)
def test_a_rule_that_lacks_something(
    visited: Visited, changes: Mapping[str, Any], cannot: str, open_page: Visit
) -> None:
    """Just the method that Preflight names does not work."""
    assert isinstance(visited.site, S3Site)
    visited.site.client("put_bucket_cors", CORSConfiguration={"CORSRules": [{**rule([ORIGIN]), **changes}]})
    said = visited.said()
    assert CheckName.PREFLIGHT in failing(said)
    assert f"from {ORIGIN} cannot {cannot}:" in said[CheckName.PREFLIGHT].message
    assert seen(open_page(visited)) == [method for method in METHODS if method != cannot]


@pytest.mark.parametrize("visited", [MOTO], indirect=True, ids=["S3-moto"])
def test_etag_not_exposed(visited: Visited, open_page: Visit) -> None:
    """The page gets its answers and cannot read their ETag: ETagExposed had failed, Preflight not. (versitygw exposes it always.)"""
    assert isinstance(visited.site, S3Site)
    hidden = {**rule([ORIGIN]), "ExposeHeaders": ["x-amz-version-id"]}
    visited.site.client("put_bucket_cors", CORSConfiguration={"CORSRules": [hidden]})
    assert failing(visited.said()) == {CheckName.CORS, CheckName.ETAG_EXPOSED}
    attempts = open_page(visited)
    assert seen(attempts) == [*METHODS]
    assert etags(attempts) == {None}


@pytest.mark.parametrize(
    ("visited", "headers", "failed", "cannot"),
    [
        (GOOGLE, None, {CheckName.CORS, CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}, ["PUT"]),
        (GOOGLE, ["ETag"], {CheckName.CORS, CheckName.PREFLIGHT}, ["PUT"]),
        (GOOGLE, ["Content-Type", "Content-MD5"], {CheckName.CORS, CheckName.ETAG_EXPOSED}, []),
    ],
    indirect=["visited"],
    ids=["W&B's sample", "ETag alone", "no ETag"],
)
def test_googles_response_header(
    visited: Visited, headers: list[str] | None, failed: set[CheckName], cannot: list[str], open_page: Visit
) -> None:
    """What a page may send and what it may read both stand in responseHeader; the exposeHeaders of W&B's sample does nothing."""
    assert isinstance(visited.site, GCSSite)
    sample = {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "exposeHeaders": ["ETag"], "maxAgeSeconds": 3000}
    visited.site.buckets.update(visited.site.bucket, cors=[sample | ({"responseHeader": headers} if headers else {})])
    assert failing(visited.said()) == failed
    attempts = open_page(visited)
    assert seen(attempts) == [method for method in METHODS if method not in cannot]
    assert (etags(attempts) == {None}) is (CheckName.ETAG_EXPOSED in failed)


@pytest.mark.parametrize(
    ("visited", "changes", "failed", "cannot"),
    [
        (AZURE, {"allowed_headers": ["content-type", "content-md5"]}, {CheckName.CORS, CheckName.PREFLIGHT}, ["PUT"]),
        (AZURE, {"allowed_methods": ["GET", "HEAD"]}, {CheckName.CORS, CheckName.PREFLIGHT}, ["PUT"]),
        (AZURE, {"exposed_headers": ["x-ms-version"]}, {CheckName.CORS, CheckName.ETAG_EXPOSED}, []),
    ],
    indirect=["visited"],
    ids=["no x-ms-blob-type", "no PUT", "no ETag"],
)
def test_azures_rules(
    visited: Visited, changes: dict[str, Any], failed: set[CheckName], cannot: list[str], open_page: Visit
) -> None:
    """Azure takes no file without x-ms-blob-type, which the browser therefore asks for, too."""
    assert isinstance(visited.site, AzureSite)
    known = {"allowed_origins": [ORIGIN], "allowed_methods": ["GET", "HEAD", "PUT"], "allowed_headers": ["*"]}
    rule_given = CorsRule(**{**known, "exposed_headers": ["*"], "max_age_in_seconds": 3000, **changes})
    visited.site.service.set_service_properties(cors=[rule_given])
    assert failing(visited.said()) == failed
    attempts = open_page(visited)
    assert seen(attempts) == [method for method in METHODS if method not in cannot]
    assert (etags(attempts) == {None}) is (CheckName.ETAG_EXPOSED in failed)


def test_at_another_address(visited: Visited, open_page: Visit) -> None:
    """W&B's page at an address that the rule does not name can do nothing, as the checks for that address said; where everybody is let in it can do all."""
    said = visited.said(MOVED)
    attempts = open_page(visited, MOVED)
    if visited.lets_everybody_in:
        assert failing(said) == set()
        assert seen(attempts) == [*METHODS]
    else:
        assert failing(said) == set(ABOUT_BROWSERS)
        assert all(MOVED in said[name].message for name in ABOUT_BROWSERS)
        assert seen(attempts) == []
    assert visited.stored() == (BODY if visited.lets_everybody_in else BEFORE)


def test_the_browser_asks_as_our_probe_does(visited: Visited, open_page: Visit) -> None:
    """The preflight that a real browser sends before its PUT is one of those that our probe sends, header by header."""
    with visited.site.behind() as (proxied, proxy):
        visited = visited.at(proxied)
        visited.said()
        ours = [cors_headers(request.headers) for request in proxy.requests(method="OPTIONS")]
        proxy.forget()
        open_page(visited)
        (asked,) = proxy.requests(method="OPTIONS")
    assert cors_headers(asked.headers) in ours


def cors_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request that CORS is about."""
    found = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in found.items() if name == "origin" or name.startswith("access-control-")}


def test_only_cors_counts(tmp_path: Path) -> None:
    """A request that fails for another reason, here for want of a server, is an error of the test and not taken for a refusal."""
    with pytest.raises(TestbedError, match="CORS is what blocked each request"):
        visit(ORIGIN, [Request(method="GET", url=f"http://127.0.0.1:{free_port()}/key")], folder=tmp_path)
