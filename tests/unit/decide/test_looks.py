"""What is looked at now, and when next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unit.resources import as_store, bucket_store, check, condition
from wandb_byob.decide import looks
from wandb_byob.decide.looks import Due, Look
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MARK = looks.mark({"generation": 1})
SOON, PAST = NOW + timedelta(minutes=1), NOW - timedelta(seconds=1)
LATER = Due(configuration=SOON, data_path=SOON)
NOTHING = Look(configuration=False, paths=())
PUT = check("PutObject", path="a")


def _store(*, conditions: Any = None, checks: Any = (PUT,), annotations: Any = None, **status: Any) -> BucketStore:
    given = [condition(type_) for type_ in ("Accepted", "Reachable", "Configured", "Ready")]
    full = {
        "observedGeneration": 1,
        "verifiedInputs": MARK,
        "conditions": given if conditions is None else conditions,
        "checks": list(checks),
    }
    return as_store(bucket_store(status=full | status, annotations=annotations or {}))


BROKEN = [condition("Accepted"), condition("Reachable", "False"), condition("Reconciling", "False")]
INTERRUPTED = [condition("Accepted"), condition("Reachable", "False"), condition("Reconciling")]


@pytest.mark.parametrize(
    ("store", "due", "look"),
    [
        pytest.param(as_store(bucket_store()), None, Look(configuration=True, paths=("a",)), id="a new one: all"),
        pytest.param(_store(observedGeneration=0), LATER, Look(configuration=True, paths=("a",)), id="an edit: all"),
        pytest.param(
            _store(verifiedInputs="v1:other"), LATER, Look(configuration=True, paths=("a",)), id="another Secret: all"
        ),
        pytest.param(
            _store(annotations={names.RECONCILE_REQUESTED_AT: "now"}),
            LATER,
            Look(configuration=True, paths=("a",)),
            id="asked for: all",
        ),
        pytest.param(
            _store(annotations={names.RECONCILE_REQUESTED_AT: "now"}, observedReconcileRequest="now"),
            LATER,
            NOTHING,
            id="asked for and done",
        ),
        pytest.param(_store(), None, NOTHING, id="after a restart: nothing"),
        pytest.param(
            _store(conditions=INTERRUPTED, checks=()),
            None,
            Look(configuration=True, paths=("a",)),
            id="restarted while waiting",
        ),
        pytest.param(_store(conditions=BROKEN, checks=()), None, NOTHING, id="restarted while stalled: the phase"),
        pytest.param(_store(), LATER, NOTHING, id="woken by something else"),
        pytest.param(
            _store(),
            Due(configuration=PAST, data_path=SOON),
            Look(configuration=True, paths=()),
            id="the configuration's time",
        ),
        pytest.param(
            _store(),
            Due(configuration=SOON, data_path=PAST),
            Look(configuration=False, paths=("a",)),
            id="the data path's time",
        ),
        pytest.param(
            _store(), Due(configuration=PAST, data_path=PAST), Look(configuration=True, paths=("a",)), id="both"
        ),
        pytest.param(_store(checks=()), LATER, Look(configuration=False, paths=("a",)), id="a new path"),
        pytest.param(_store(checks=()), None, Look(configuration=False, paths=("a",)), id="a new path after a restart"),
        pytest.param(_store(checks=[check("PutObject", "Failed", path="a")]), LATER, NOTHING, id="a broken path waits"),
        pytest.param(
            _store(checks=[check("PutObject", "Failed", path="a")]),
            Due(configuration=PAST, data_path=SOON),
            Look(configuration=True, paths=("a",)),
            id="a broken path is tried with the configuration",
        ),
        pytest.param(_store(conditions=BROKEN, checks=()), LATER, NOTHING, id="a broken bucket waits for its time"),
        pytest.param(
            _store(conditions=BROKEN, checks=()),
            Due(configuration=SOON, data_path=PAST),
            NOTHING,
            id="no proof of a broken bucket",
        ),
    ],
)
def test_plan(store: BucketStore, due: Due | None, look: Look) -> None:
    """The store is called for a change or at a phase, and for nothing else."""
    assert looks.plan(store, MARK, paths=("a",), due=due, now=NOW) == look


def test_phases_follow_the_interval_of_the_specification() -> None:
    """Metadata at its interval, the data path at its own, both at their phase."""
    store = as_store(bucket_store(spec={"verification": {"interval": "1m", "dataPathInterval": "1h"}}))
    due = looks.next_due(store, now=NOW, looked=Look(configuration=True, paths=()), before=None)
    assert NOW < due.configuration <= NOW + timedelta(minutes=1)
    assert NOW < due.data_path <= NOW + timedelta(hours=1)


def test_a_look_that_did_nothing_moves_no_time() -> None:
    """However often something else wakes the object, its next look stays where it was: neither postponed nor hurried."""
    store = as_store(bucket_store())
    first = looks.next_due(store, now=NOW, looked=NOTHING, before=None)
    again = looks.next_due(store, now=first.configuration - timedelta(seconds=1), looked=NOTHING, before=first)
    assert again == first


def test_waits_grow_and_an_error_that_needs_an_edit_waits_for_the_phase() -> None:
    """30 s, 60 s, 120 s, at most the interval; then the count starts anew."""
    store, wait = as_store(bucket_store()), timedelta(seconds=30)
    due = None
    waits = []
    for _ in range(5):
        due = looks.next_try(store, now=NOW, after=wait, before=due)
        waits.append((due.configuration - NOW).total_seconds())
    assert waits == [30, 60, 120, 240, 300]
    stalled = looks.next_try(store, now=NOW, after=None, before=due)
    assert stalled.failures == 0
    assert stalled.configuration <= NOW + timedelta(minutes=5)


@pytest.mark.parametrize("interval", ["0s", "NaN", "5 minutes", "", "-5m", "99999h" * 3])
def test_an_interval_that_is_stored_but_not_valid_brings_nothing_down(interval: str) -> None:
    """The CRD refuses these today; one that is stored all the same is the shortest interval."""
    store = as_store(bucket_store(spec={"verification": {"interval": interval}}))
    due = looks.next_due(store, now=NOW, looked=NOTHING, before=None)
    assert NOW < due.configuration <= NOW + timedelta(seconds=30)


def test_marks_differ_where_inputs_do_and_tell_nothing() -> None:
    """The order of keys does not matter; the mark is opaque and short."""
    one = looks.mark({"a": 1, "b": ("x", None)})
    assert one == looks.mark({"b": ["x", None], "a": 1})
    assert one != looks.mark({"a": 2, "b": ("x", None)})
    assert len(one) < 100


def test_a_request_is_cut_to_what_the_status_holds() -> None:
    """An annotation may be 256 KiB long; the status must still be accepted, and compared with the same cut."""
    assert looks.request({}) is None
    assert looks.request({names.RECONCILE_REQUESTED_AT: "x" * 5000}) == "x" * 1024
