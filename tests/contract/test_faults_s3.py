"""Faults in the words of the S3 API: what they mean, and stores that do not keep or read what others do."""

from collections.abc import Callable

import pytest

from contract.provisioning import S3Site, error
from contract.results import Behaviour
from contract.site import calls_of
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import Store, VersityGW
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context

pytestmark = pytest.mark.behaviour(Behaviour.TIMEOUT)
throttled = pytest.mark.behaviour(Behaviour.THROTTLED)
hostile = pytest.mark.behaviour(Behaviour.HOSTILE)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param({"status": 503, "body": error("SlowDown")}, Reason.THROTTLED, id="SlowDown"),
        pytest.param({"status": 429, "body": b""}, Reason.THROTTLED, id="429"),
        pytest.param({"status": 500, "body": error("InternalError")}, Reason.PROVIDER_ERROR, id="500"),
        pytest.param(
            {"status": 502, "body": b"<html>canary-in-the-body</html>"}, Reason.PROVIDER_ERROR, id="a gateway's page"
        ),
        pytest.param({"reset": True}, Reason.UNREACHABLE, id="reset"),
        pytest.param(
            {"status": 400, "body": b"<Error><Code>canary key = AKIA</Code></Error>"},
            Reason.PROVIDER_ERROR,
            id="no code",
        ),
        pytest.param({"status": 403, "body": error("RequestTimeTooSkewed")}, Reason.PROVIDER_ERROR, id="clock"),
        pytest.param({"status": 400, "body": error("BadDigest")}, Reason.PROVIDER_ERROR, id="a proxy strips headers"),
        pytest.param({"status": 409, "body": error("OperationAborted")}, Reason.THROTTLED, id="another change is on"),
    ],
)
def test_a_store_that_fails_is_looked_at_again(
    versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy], fault: dict[str, object], reason: Reason
) -> None:
    """A passing fault in any write waits, says one sentence without the body, and afterwards the bucket is as it would have been."""
    proxy = faulty(versitygw)
    site = S3Site(kind="S3Compatible", store=versitygw, endpoint=proxy.endpoint)
    with proxy.fault(Fault(method="PUT", target=r"\?versioning", **fault)), pytest.raises(Waiting) as waiting:  # type: ignore[arg-type]
        site.look()
    assert waiting.value.reason is reason
    assert "canary" not in waiting.value.message
    found = site.look()
    assert found.found.facts is not None
    assert found.found.facts.created is True
    assert found.results(CheckResult.FAILED, CheckResult.WARNING) == set()
    assert site.later().calls.writes == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html><body>Welcome to the console</body></html>", id="a web page"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(b"\x00\xff\xfe", id="bytes"),
        pytest.param(b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><CORSConfiguration>&b;</CORSConfiguration>', id="entities"),
        pytest.param(b"<CORSConfiguration><CORSRule>" + b"x" * (2 * 1024 * 1024), id="2 MiB"),
    ],
)  # fmt: skip
def test_answers_that_are_none_of_s3s(
    versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy], body: bytes
) -> None:
    """An answer of status 200 that is something else is never taken for a configuration to be merged and written back."""
    proxy = faulty(versitygw)
    site = S3Site(kind="S3Compatible", store=versitygw, endpoint=proxy.endpoint)
    site.look()
    before = site.configuration()
    context = site.context(intended=False, recorded="Created")
    with proxy.fault(Fault(method="GET", target=r"\?cors", status=200, body=body)):
        result = outcome(site, context)
    assert result in (CheckResult.SKIPPED, Reason.PROVIDER_ERROR, Reason.UNREACHABLE)
    assert calls_of(context).writes == []
    assert site.configuration() == before


def outcome(site: S3Site, context: Context) -> CheckResult | Reason:
    """What became of the check of CORS, or why the look is to be repeated."""
    try:
        found = site.provider.provision(context)
    except Waiting as waiting:
        return waiting.reason
    (check,) = [check for check in found.checks if check.name is CheckName.CORS]
    return check.result


@pytest.fixture
def tagless(versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy]) -> S3Site:
    """A store that keeps no bucket tags. None of the testbed's is such: the proxy answers in its place."""
    proxy = faulty(versitygw)
    proxy.add(Fault(target=r"\?tagging", status=501, body=error("NotImplemented")))
    return S3Site(kind="S3Compatible", store=versitygw, endpoint=proxy.endpoint)


def test_a_store_without_tags(tagless: S3Site) -> None:
    """Where no mark of ownership can be kept, what was recorded counts, the rest works as ever, and nothing is deleted."""
    first = tagless.look()
    assert first.found.facts is not None
    assert first.found.facts.created is True
    owner = first.check(CheckName.OWNER)
    assert owner.result is CheckResult.SKIPPED
    assert "NotImplemented" in owner.message
    second = tagless.later(recorded="Created")
    assert second.calls.writes == []
    assert second.found.facts == first.found.facts
    with pytest.raises(Stalled) as kept:
        tagless.provider.delete(tagless.context(intended=False, recorded="Created"))
    assert kept.value.reason is Reason.DELETION_BLOCKED
    assert "NotImplemented" in kept.value.message


def test_a_store_without_tags_and_a_bucket_that_was_there(tagless: S3Site) -> None:
    """There too a bucket that existed before needs adoptionPolicy: Adopt, once; what is recorded keeps it afterwards."""
    tagless.client("create_bucket")
    with pytest.raises(Stalled) as refused:
        tagless.look(intended=False)
    assert refused.value.reason is Reason.BUCKET_EXISTS
    adopted = tagless.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert adopted.found.facts is not None
    assert adopted.found.facts.adopted is True
    again = tagless.later(recorded="Adopted")
    assert again.found.facts == adopted.found.facts
    assert again.calls.writes == []


def test_a_store_that_reads_what_it_cannot_set(versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A store may answer the reading of versioning and refuse its setting (versitygw without a folder for versions): it is asked once, not at every look."""
    proxy = faulty(versitygw)
    proxy.add(Fault(method="PUT", target=r"\?versioning", status=501, body=error("VersioningNotConfigured")))
    site = S3Site(kind="S3Compatible", store=versitygw, endpoint=proxy.endpoint)
    first = site.look()
    assert first.check(CheckName.VERSIONING).result is CheckResult.SKIPPED
    assert "VersioningNotConfigured" in first.check(CheckName.VERSIONING).message
    second = site.later()
    assert second.calls.writes == []
    assert second.check(CheckName.VERSIONING) == first.check(CheckName.VERSIONING)
