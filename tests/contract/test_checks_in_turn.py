"""Each check fails when, and only when, its own fact is broken, at every site that can break it; with what to do, and nothing left behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.provisioning import new_name
from contract.results import Alone, Behaviour
from contract.site import OTHER_UID, PATH, Need, Place, Site, Wire, calls_of
from contract.sites import at
from testbed.certificates import Authority
from testbed.faults import Fault
from testbed.proxy import FaultyProxy
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled

pytestmark = pytest.mark.behaviour(Behaviour.CHECKS)
OBSERVE = {"management_policy": "Observe"}
BOMB = (
    b"<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a0 'aaaaaaaaaaaaaaaa'>%s]><ListBucketResult>&a9;</ListBucketResult>"
    % b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 16) for n in range(1, 10))
)
AWKWARD = r"^[^?]*(%C3%A9|%c3%a9)|[?&]name=[^&]*%C3%A9"
"""A key that must be encoded: in the path of a request, or as the name of an upload."""


def test_no_bucket(site: Site, alone: Alone) -> None:
    """Where there is no bucket, BucketExists fails alone, for the look and for the probe."""
    alone(site.look(spec=OBSERVE).found.checks, CheckName.BUCKET_EXISTS)
    alone(site.probe(), CheckName.BUCKET_EXISTS)


def test_another_bucketstores(site: Site, alone: Alone) -> None:
    """A bucket that carries another BucketStore's mark is a warning where nothing would be changed."""
    site.look(uid=OTHER_UID)
    alone(site.later(admin=None).found.checks, CheckName.OWNER)


def test_nothing_listens(site: Site, alone: Alone) -> None:
    """EndpointReachable fails with the address, once, for however many paths."""
    checks = site.through("http://127.0.0.1:1").probe(paths=("a", "b"), allowed_endpoints=("127.0.0.1",))
    assert "127.0.0.1:1" in alone(checks, CheckName.ENDPOINT_REACHABLE).message


def test_an_authority_that_nobody_trusts(site: Site, alone: Alone, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A certificate that does not hold fails TLS alone."""
    pair = Authority(tmp_path_factory.mktemp("nobody")).issue("server", "cwobject.localhost", "*.cwobject.localhost")
    with FaultyProxy(1, certificate=pair.certificate, key=pair.key) as proxy:
        host = "cwobject.localhost" if site.spec().provider == "CoreWeave" else "127.0.0.1"
        checks = site.through(f"https://{host}:{proxy.port}").probe()
    alone(checks, CheckName.TLS)


@pytest.mark.parametrize("days", [1, -1])
def test_clock(site: Site, alone: Alone, days: int) -> None:
    """A clock that is a day off fails ClockSkew alone."""
    site.look()

    def wrong() -> datetime:
        return datetime.now(UTC) + timedelta(days=days)

    alone((*site.later(now=wrong).found.checks, *site.probe(now=wrong)), CheckName.CLOCK_SKEW)
    assert site.contents() == []


@at(Need.SIGNATURES)
def test_wrong_keys(site: Site, alone: Alone) -> None:
    """Keys that the server does not know fail Credentials alone, whatever that breaks, and are not shown."""
    site.look()
    wrong = site.stranger()
    checks = site.probe(data=wrong)
    assert "spec.credentials" in alone(checks, CheckName.CREDENTIALS).remedy
    assert not any(secret in f"{checks}" for secret in wrong.secrets())  # type: ignore[union-attr]


@at(Need.CORS, Need.PREFLIGHT)
def test_no_rules_for_browsers(site: Site) -> None:
    """Without CORS rules the look and the probe say so, by W&B's origin."""
    site.look()
    site.take_away(CheckName.CORS)
    checks = (*site.later(spec=OBSERVE).found.checks, *site.probe())
    failed = {check.name: check for check in checks if check.result is CheckResult.FAILED}
    assert failed.keys() == {CheckName.CORS, CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}
    assert all("https://wandb.example.com" in check.message and "CORS" in check.remedy for check in failed.values())


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize("without", [CheckName.PUT_OBJECT, CheckName.GET_OBJECT, CheckName.LIST_OBJECTS])
@at(Need.USERS)
def test_one_right_missing(site: Site, without: CheckName, alone: Alone) -> None:
    """A right that W&B lacks fails the check of that right alone, under the path, and who provisions the bucket cleans up."""
    _lacks(site, without, alone)


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
@at(Need.USERS, Need.OVERWRITING)
def test_no_right_to_delete(site: Site, alone: Alone) -> None:
    """The same where overwriting is not a kind of deleting."""
    _lacks(site, CheckName.DELETE_OBJECT, alone)


def _lacks(site: Site, without: CheckName, alone: Alone) -> None:
    site.look()
    with site.limited(without) as data:
        found = alone(site.probe(data=data), without)
    assert "Grant" in found.remedy
    assert found.path == PATH
    assert site.contents() == []


Make = Callable[[Wire], Fault]


def _signed(method: str, **fault: object) -> Make:
    return lambda wire: Fault(method=method, target=wire.signed, **fault)  # type: ignore[arg-type]


def _refused(method: str) -> Make:
    return lambda wire: replace(wire.denied, method=method, target=wire.signed)


def _listing(**fault: object) -> Make:
    return lambda wire: Fault(method="GET", target=wire.listing, **fault)  # type: ignore[arg-type]


FAULTS: dict[str, tuple[CheckName, Make]] = {
    "no signed PUT": (CheckName.SIGNED_PUT, _refused("PUT")),
    "no signed GET": (CheckName.SIGNED_GET, _refused("GET")),
    "a signed GET that leads elsewhere": (
        CheckName.SIGNED_GET,
        _signed("GET", status=302, headers={"Location": "/elsewhere"}),
    ),
    "a signed GET that is cut off": (CheckName.SIGNED_GET, _signed("GET", truncate_after=3)),
    "a signed GET that is reset": (CheckName.SIGNED_GET, _signed("GET", reset=True)),
    "a signed GET without end": (CheckName.SIGNED_GET, _signed("GET", endless=True)),
    "no HEAD": (CheckName.GET_OBJECT, lambda _: Fault(method="HEAD", status=405)),
    "a listing that bursts": (CheckName.LIST_OBJECTS, _listing(status=200, body=BOMB)),
    "a listing that is a page": (CheckName.LIST_OBJECTS, _listing(status=200, body=b"<html>not a store")),
    "a listing without end": (CheckName.LIST_OBJECTS, _listing(endless=True)),
    "no deletion": (
        CheckName.DELETE_OBJECT,
        lambda wire: replace(wire.throttled, method="DELETE", target=".*", times=6),
    ),
    "no writing": (CheckName.PUT_OBJECT, lambda wire: replace(wire.throttled, method=wire.write.method, target=wire.write.target)),
    "writing is cut off": (CheckName.ENDPOINT_REACHABLE, lambda wire: replace(wire.write, reset=True)),
    "a gateway at the preflight": (CheckName.PREFLIGHT, lambda _: Fault(method="OPTIONS", status=502)),
    "a preflight that is cut off": (CheckName.PREFLIGHT, lambda _: Fault(method="OPTIONS", reset=True)),
    "a proxy that hides the ETag": (
        CheckName.ETAG_EXPOSED,
        _signed("GET", without="access-control-expose-headers"),
    ),
    "a proxy that hides the answer to HEAD from pages": (
        CheckName.ETAG_EXPOSED,
        _signed("HEAD", without="access-control-.*"),
    ),
    "a proxy that breaks keys": (CheckName.KEY_ENCODING, lambda wire: replace(wire.denied, method="PUT|POST", target=AWKWARD)),
}  # fmt: skip


@pytest.mark.parametrize(("failed", "fault"), FAULTS.values(), ids=FAULTS)
def test_one_fault(site: Site, place: Place, failed: CheckName, fault: Make, alone: Alone) -> None:
    """A server, or a proxy before it, that breaks one thing fails one check, and nothing is left behind."""
    site.look()
    with site.behind() as (proxied, proxy), proxy.fault(fault(place.wire)):
        checks = proxied.probe()
    alone(checks, failed)
    assert site.contents() == []


def test_a_name_that_breaks_the_rules(site: Site, alone: Alone) -> None:
    """The provider's rules for names are checked without a call; the messages of the rest are of no account here."""
    broken = replace(site, bucket=f"-{new_name()}-")
    found = [check for check in broken.provider.validate(broken.context()) if check.name is CheckName.BUCKET_NAME]
    assert "spec." in alone(found, CheckName.BUCKET_NAME).remedy


of_an_endpoint = at(
    only="S3Compatible-versitygw", because="only this provider is told in a BucketStore where its server is"
)


@pytest.mark.parametrize(
    ("endpoint", "wrong"),
    [
        ("https://10.0.0.1", CheckName.ENDPOINT_ALLOWED),
        ("https://169.254.169.254", CheckName.ENDPOINT_ALLOWED),
        ("https://s3.eu-central-1.amazonaws.com", CheckName.PROVIDER_CHOICE),
        ("https://cwobject.com", CheckName.PROVIDER_CHOICE),
        ("https://cwlota.com", CheckName.PROVIDER_CHOICE),
        ("http://127.0.0.1", CheckName.TRUST),
    ],
)
@of_an_endpoint
def test_an_endpoint_that_should_not_be(site: Site, endpoint: str, wrong: CheckName, alone: Alone) -> None:
    """Where it may not lead, or leads to a cloud that has a provider of its own, or has no TLS: seen without a call."""
    context = site.context(spec={"s3_compatible": {"endpoint": endpoint}})
    alone(site.provider.validate(context), wrong)
    assert calls_of(context).made == []


@of_an_endpoint
def test_an_authority_that_wandbs_pods_may_not_have(site: Site, alone: Alone) -> None:
    """What was checked with an authority of one's own proves nothing for W&B's pods: a warning."""
    spec = {"s3_compatible": {"endpoint": "https://store.example.com"}}
    found = alone(site.provider.validate(site.context(spec=spec, ca_bundle="PEM")), CheckName.TRUST)
    assert found.result is CheckResult.WARNING


@pytest.mark.behaviour(Behaviour.REGION)
@at(Need.REGION)
def test_another_region(site: Site, alone: Alone) -> None:
    """A bucket that lies elsewhere than the specification says fails Region alone."""
    site.look()
    alone(_looked(site, site.elsewhere()), CheckName.REGION)


def _looked(site: Site, spec: dict[str, Any]) -> tuple[Check, ...]:
    """The look's checks, or where a server takes no signature for another region the probe's."""
    try:
        return site.later(spec={**spec, **OBSERVE}).found.checks
    except Stalled:
        return site.probe(spec=spec)
