"""Servers that fail in the middle: what is told, that it is looked at again, and that the end is the same as without the fault."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.results import Behaviour
from contract.site import UID, Need, Place, Site, Wire
from contract.sites import at
from testbed.faults import Fault
from wandb_byob.model.checks import CheckResult
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context, Provisioned

pytestmark = pytest.mark.behaviour(Behaviour.TIMEOUT)
throttling = pytest.mark.behaviour(Behaviour.THROTTLED)
CANARY = b"<html>canary-in-the-body</html>"
Meant = Callable[[Wire], Fault]


def configuring(**fault: object) -> Meant:
    """The fault in a request that configures a bucket."""
    return lambda wire: replace(wire.configure, **fault)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(
            lambda wire: replace(wire.throttled, method=wire.configure.method, target=wire.configure.target),
            Reason.THROTTLED,
            marks=throttling,
            id="throttled",
        ),
        pytest.param(configuring(status=429), Reason.THROTTLED, marks=throttling, id="429"),
        pytest.param(configuring(status=500), Reason.PROVIDER_ERROR, id="500"),
        pytest.param(configuring(status=502, body=CANARY), Reason.PROVIDER_ERROR, id="a gateway's page"),
        pytest.param(configuring(reset=True), Reason.UNREACHABLE, id="reset"),
    ],
)
def test_a_server_that_fails_is_looked_at_again(site: Site, place: Place, fault: Meant, reason: Reason) -> None:
    """A passing fault waits, says one sentence without the body, and afterwards the bucket is as it would have been."""
    with site.behind() as (proxied, proxy):
        with proxy.fault(fault(place.wire)), pytest.raises(Waiting) as waiting:
            proxied.look()
        found = proxied.look()
    assert waiting.value.reason is reason
    assert "canary" not in waiting.value.message
    assert found.found.facts is not None
    assert found.found.facts.created is True
    assert found.results(CheckResult.FAILED, CheckResult.WARNING) == set()
    assert site.later().calls.writes == []


@pytest.mark.parametrize("step", ["create", "configure"])
def test_a_write_whose_outcome_is_unknown(site: Site, place: Place, step: str) -> None:
    """The server does what it is asked, but its answer never comes: nothing is doubled, and the bucket is known as ours."""
    meant = place.wire.create if step == "create" else place.wire.configure
    with site.behind() as (proxied, proxy):
        for _ in range(20):
            with proxy.fault(replace(meant, times=3, reset=True, forward_first=True)):
                try:
                    found = proxied.look()
                except Waiting:
                    continue
            break
    assert found.found.facts is not None
    assert (found.found.facts.created, found.found.facts.adopted) == (True, False)
    assert site.mark() == UID
    assert site.later().calls.writes == []


def test_a_server_that_is_down(site: Site) -> None:
    """Nothing listens: that is waited for, and the message names the address."""
    with pytest.raises(Waiting) as waiting:
        site.through("http://127.0.0.1:1").look(allowed_endpoints=("127.0.0.1",))
    assert waiting.value.reason is Reason.UNREACHABLE
    assert "127.0.0.1:1" in waiting.value.message


@pytest.mark.behaviour(Behaviour.CREATE)
def test_what_is_counted_is_what_is_sent(site: Site) -> None:
    """The calls that the metrics count are the requests that the server gets."""
    with site.behind() as (proxied, proxy):
        first, second = proxied.look(), proxied.later()
        assert len(proxy.requests()) == len(first.calls.operations) + len(second.calls.operations)


REPLIES = {
    "a web page": Fault(status=200, body=b"<html><body>Welcome to the console</body></html>"),
    "another format": Fault(status=200, body=b"[1, {}, null]"),
    "bytes": Fault(status=200, body=b"\x00\xff\xfe"),
    "2 MiB": Fault(status=200, body=b"<a>" * 700_000),
    "nothing": Fault(status=200),
    "cut off": Fault(truncate_after=7),
    "without end": Fault(endless=True),
}


@pytest.mark.behaviour(Behaviour.HOSTILE)
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_replies_that_are_none(site: Site, reply: Fault) -> None:
    """Whatever a server answers to reading, each look ends with checks or an error of the domain, and nothing is written to the bucket's configuration."""
    site.look()
    before = site.configuration()
    with site.behind() as (proxied, proxy), proxy.fault(replace(reply, method="GET|HEAD")):
        context = proxied.context(intended=False, recorded="Created")
        for call in (proxied.provider.exists, proxied.provider.provision, proxied.provider.probe):
            assert len(told(call, context)) < 2000
    assert site.configuration() == before


def told(call: Callable[[Context], object], context: Context) -> str:
    """The words of the error that it ends with, or the longest of the checks'."""
    try:
        found = call(context)
    except DomainError as error:
        return error.message
    checks = found.checks if isinstance(found, Provisioned) else found if isinstance(found, tuple) else ()
    return max((check.message for check in checks), key=len, default="")


@pytest.mark.behaviour(Behaviour.KEYS)
@at(Need.SIGNATURES)
def test_keys_that_nobody_knows(site: Site) -> None:
    """Wrong provisioning keys end the look, by the field that holds them, and are not shown."""
    wrong = site.stranger()
    context = site.context(data=wrong, admin=wrong)
    with pytest.raises(Stalled) as refused:
        site.provider.exists(context)
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert "spec.provisioning" in refused.value.message
    assert not any(secret in refused.value.message for secret in wrong.secrets())  # type: ignore[union-attr]


@pytest.mark.behaviour(Behaviour.KEYS)
def test_keys_that_have_expired(site: Site, place: Place) -> None:
    """A key that is no longer valid ends the look with what to renew; with a new one all is as before."""
    site.look()
    with site.behind() as (proxied, proxy), proxy.fault(place.wire.expired), pytest.raises(Stalled) as refused:
        proxied.later()
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert "spec.provisioning" in refused.value.message
    assert "canary" not in refused.value.message
    assert site.later().calls.writes == []
