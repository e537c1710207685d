"""How many calls a bucket costs, counted where the store sees them, against the budget."""

import time
from collections.abc import Callable

import pytest

from cluster.scenario import Scenario
from testbed.object_store import Store
from testbed.processes import wait_for
from testbed.proxy import FaultyProxy, Recorded

_CREATE, _VERIFY = 14, 8


@pytest.mark.parametrize("server", ["moto", "versitygw", "minio"])
def test_cloud_calls_to_create_and_to_verify(
    server: str,
    scenario: Scenario,
    faulty: Callable[[Store], FaultyProxy],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """Creating and configuring takes at most 14 calls, looking at an unchanged bucket at most 8, and none lists the account."""
    store: Store = request.getfixturevalue(server)
    proxy = faulty(store)
    scenario.apply(
        scenario.keys(f"{server}-keys", store.keys),
        scenario.bucket_store(
            "data", store, endpoint=proxy.endpoint, probePath="probe", verification={"interval": "30s"}
        ),
    )
    scenario.wait_ready("BucketStore", "data")
    created = _configuration(proxy)
    probe = [request for request in proxy.requests() if request not in created]
    proxy.forget()
    wait_for(lambda: bool(_configuration(proxy)), timeout=60, what="the bucket is looked at again")
    verified = _until_quiet(proxy)

    record_property(f"{server}: calls to create, to verify, of the probe", (len(created), len(verified), len(probe)))
    print(
        f"{server}: {len(created)} calls to create and configure, {len(verified)} to verify, {len(probe)} of the probe"
    )
    assert len(created) <= _CREATE, _told(created)
    assert len(verified) <= _VERIFY, _told(verified)
    assert not [each for each in (*created, *verified) if each.path == "/"], "the account was listed"


def _configuration(proxy: FaultyProxy) -> list[Recorded]:
    """The calls that are about the bucket itself and not about the probe's objects."""
    return [each for each in proxy.requests() if _about_bucket(each)]


def _about_bucket(request: Recorded) -> bool:
    listing = "list-type" in request.query or "prefix" in request.query
    return request.path.strip("/").count("/") == 0 and request.method != "OPTIONS" and not listing


def _until_quiet(proxy: FaultyProxy) -> list[Recorded]:
    """The calls of one look: those until the store has not been asked for two seconds."""
    seen, since = -1, time.monotonic()

    def quiet() -> bool:
        nonlocal seen, since
        if len(proxy.requests()) != seen:
            seen, since = len(proxy.requests()), time.monotonic()
        return time.monotonic() - since > 2

    wait_for(quiet, timeout=30, what="the look is over")
    return _configuration(proxy)


def _told(requests: list[Recorded]) -> list[str]:
    return [f"{request.method} {request.path}?{request.query} {request.status}" for request in requests]
