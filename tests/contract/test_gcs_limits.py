"""Google's limits, kept by design: bucket creations of a project, updates of a bucket, and grants that are not known at once."""

from collections.abc import Iterator

import pytest

from contract.gcs import WIRE, GCSSite, provider_at
from contract.provisioning import new_name
from contract.results import Behaviour
from contract.site import calls_of
from testbed.gcs import OF_A_BUCKET, OF_A_PROJECT, GoogleCloud
from testbed.proxy import Fault, FaultyProxy
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context
from wandb_byob.providers.gcs.recent import Recent

pytestmark = pytest.mark.at("GCS-fake-gcs-server")


class Time:
    """Seconds that pass when somebody sleeps, or when a test says so; for the operator and for Google alike."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds


@pytest.fixture
def time(gcs: GoogleCloud) -> Iterator[Time]:
    """Google's limits are enforced: who comes too soon gets a 429."""
    clock = Time()
    with gcs.front.limited(clock):
        yield clock


def site(gcs: GoogleCloud, time: Time, endpoint: str = "") -> GCSSite:
    """A site whose operator goes by that time."""
    provider = provider_at(gcs, endpoint, recent=Recent(clock=time, sleep=time.sleep))
    return GCSSite(place=gcs, provider=provider, bucket=new_name(), endpoint=endpoint)


def waited(place: GCSSite, context: Context) -> float:
    """Create the bucket, or say how many seconds it has to wait for that."""
    try:
        found = place.provider.provision(context)
    except Waiting as waiting:
        return waiting.after.total_seconds() if waiting.reason is Reason.PROGRESSING else -1
    assert {check.result for check in found.checks} == {CheckResult.PASSED}
    return 0


@pytest.mark.behaviour(Behaviour.THROTTLED)
def test_twenty_buckets_of_one_project_at_once(gcs: GoogleCloud, time: Time) -> None:
    """One after the other, two seconds apart, and Google never has to say so; whoever waits holds nothing up."""
    first = site(gcs, time)
    due = [(time.now, first.other()) for _ in range(20)]
    began, results = time.now, list[str]()
    while due:
        (at, place), *due = sorted(due, key=lambda each: each[0])
        time.now = max(time.now, at)
        context = place.context()
        wait = waited(place, context)
        due += [(time.now + wait, place)] if wait else []
        results += [result for _, result in calls_of(context).made]
    assert "rateLimitExceeded" not in results
    assert results.count("notFound") <= 3 * 20, "a look that only waits costs one call"
    assert time.now - began <= 20 * (OF_A_PROJECT + 0.5)


def test_who_has_no_right_in_a_project_makes_nobody_wait_there(gcs: GoogleCloud, time: Time) -> None:
    """Anybody may name a project in a BucketStore, as often as he likes, with a key that opens nothing there."""
    first = site(gcs, time)
    stranger = first.lacking("storage.buckets.create")
    for _ in range(5):
        with pytest.raises((Stalled, Waiting)):
            first.other().provider.provision(first.other().context(admin=stranger))
    time.sleep(2.5)
    assert waited(first, first.context()) == 0


def test_a_buckets_updates_are_a_second_apart(gcs: GoogleCloud, time: Time) -> None:
    """Creating and letting in, adopting and letting in, repairing again and again: no 429."""
    made = site(gcs, time)
    began = time.now
    assert "rateLimitExceeded" not in [result for _, result in made.look().calls.made]
    assert time.now - began == OF_A_BUCKET
    for aspect in (CheckName.CORS, CheckName.VERSIONING, CheckName.POLICY):
        made.take_away(aspect)
        found = made.later()
        assert found.results(CheckResult.FAILED, CheckResult.WARNING) == set()
        assert "rateLimitExceeded" not in [result for _, result in found.calls.made]


def test_a_deletion_takes_the_turn_of_a_creation(gcs: GoogleCloud, time: Time) -> None:
    """Google counts both."""
    one = site(gcs, time)
    one.look()
    two = one.other()
    with pytest.raises(Waiting):
        two.look()
    time.sleep(2.5)
    two.look()
    with pytest.raises(Waiting, match="every two seconds"):
        one.provider.delete(one.context())
    time.sleep(2.5)
    one.provider.delete(one.context())
    assert one.buckets.resource(one.bucket) is None


@pytest.mark.behaviour(Behaviour.PERMISSIONS)
def test_a_grant_that_google_does_not_know_yet(gcs: GoogleCloud, time: Time) -> None:
    """For seven minutes a refusal of W&B's account is waited for, afterwards it is a failed check; once it is known all is well."""
    with FaultyProxy(gcs.store.port) as proxy:
        fresh = site(gcs, time, proxy.endpoint)
        fresh.look()
        with proxy.fault(Fault(status=403, body=WIRE.denied.body, target="upload|X-Goog-Signature|/o[?/]")):
            with pytest.raises(Waiting, match="may take 7 minutes") as waiting:
                fresh.probe()
            assert "storage.objects.create" in waiting.value.message
            time.sleep(6 * 60)
            with pytest.raises(Waiting):
                fresh.probe()
            time.sleep(2 * 60)
            failed = {check.name for check in fresh.probe() if check.result is CheckResult.FAILED}
            assert CheckName.PUT_OBJECT in failed
        assert {check.result for check in fresh.probe()} == {CheckResult.PASSED}


def test_a_grant_of_somebody_elses(gcs: GoogleCloud, time: Time) -> None:
    """Where nothing was granted from here a refusal is a failed check at once."""
    made = site(gcs, time)
    made.make()
    data = made.lacking("storage.objects.create")
    assert CheckName.PUT_OBJECT in {check.name for check in made.probe(data=data) if check.result is CheckResult.FAILED}


def test_by_a_real_clock(gcs: GoogleCloud) -> None:
    """A bucket is made and W&B let in, with a real second between the two."""
    place = GCSSite(place=gcs, provider=provider_at(gcs, recent=Recent()), bucket=new_name())
    with gcs.front.limited():
        assert place.look().results(CheckResult.FAILED, CheckResult.WARNING) == set()
