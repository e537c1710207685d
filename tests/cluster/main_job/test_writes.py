"""What the operator writes: two writes for a new object, none at rest, none after a restart."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cluster.scenario import Scenario, wait_rest
from testbed.object_store import Store
from testbed.processes import wait_for
from testbed.proxy import FaultyProxy, Recorded

pytestmark = pytest.mark.long

_REST = 120.0
"""Seconds; with an interval of 30 s every bucket is looked at several times meanwhile."""
_READS = ("GET", "HEAD", "OPTIONS")


def test_two_writes_for_a_new_object_and_none_at_rest_or_after_a_restart(
    scenario: Scenario, versitygw: Store, faulty: Callable[[Store], FaultyProxy]
) -> None:
    """Counted in the API server's audit log and in what reaches the store, the probe's own objects apart."""
    since = scenario.cluster.audit_position()
    proxy = faulty(versitygw)
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, endpoint=proxy.endpoint, verification={"interval": "30s"}),
        scenario.team("ml", "data", path="teams/ml"),
    )
    scenario.wait_ready("TeamStorage", "ml")
    wait_rest(scenario)

    made = Counter(f"{event.resource}/{event.name}" for event in scenario.writes(since))
    assert made["bucketstores.byob.wandb.com/data"] == 2, _told(scenario, since)
    assert made["teamstorages.byob.wandb.com/ml"] == 2, _told(scenario, since)

    since = scenario.cluster.audit_position()
    proxy.forget()
    rested = time.monotonic() + _REST
    wait_for(lambda: time.monotonic() > rested, timeout=_REST + 5, what="two minutes pass")
    assert proxy.requests(), "nobody looked at the bucket in two minutes"
    assert _foreign_writes(proxy) == []
    assert _told(scenario, since) == []

    proxy.forget()
    scenario.installation.kill()
    scenario.installation.wait_leading()
    wait_for(lambda: _looks(proxy) >= 1, timeout=60, what="the bucket is looked at after the restart")
    wait_rest(scenario)
    assert _told(scenario, since) == []
    assert _foreign_writes(proxy) == []


def _told(scenario: Scenario, since: int) -> list[Any]:
    """All writes, Events included: they are for transitions, and at rest there is none."""
    return [(event.verb, event.resource, event.subresource, event.name) for event in scenario.writes(since)]


def _foreign_writes(proxy: FaultyProxy) -> list[Recorded]:
    """Requests that change something in the store which is not one of the probe's objects."""
    written = (request for request in proxy.requests() if request.method not in _READS)
    return [request for request in written if "/.wandb-byob-probe" not in request.path]


def _looks(proxy: FaultyProxy) -> int:
    return len(proxy.requests(method="GET", target="cors"))
