"""Events tell of transitions: repeated ones are counted, a flood is cut, and nothing that goes wrong reaches a reconciler."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.kube.client import EVENTS, Body, ForbiddenError, KubeError, PatchType, Resource
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.redaction import Redactor
from wandb_byob.runtime.events import Correlator, Count, Create, EventWriter, Occurrence

KEY = ObjectKey(Kind.BUCKET_STORE, "ns", "data")
READY = Occurrence(KEY, "uid-1", warning=False, reason="Ready", note="The bucket is ready.")


def correlator() -> Correlator:
    names = iter(range(10_000))
    return Correlator(new_name=lambda key: f"{key.name}.{next(names)}")


def test_the_first_is_written_and_the_same_again_only_counted_once_a_minute() -> None:
    made = correlator()
    assert made.decide(READY, 0) == Create("data.0")
    assert made.decide(READY, 10) is None
    assert made.decide(READY, 20) is None
    assert made.decide(READY, 61) == Count("data.0", 4)


def test_what_is_so_again_after_something_else_is_counted_at_once() -> None:
    """Whoever reads the newest Event learns what is now, not what was in between; as often as the object may have Events at all."""
    made, denied = correlator(), replace(READY, warning=True, reason="AccessDenied", note="Denied.")
    assert [made.decide(each, 0) for each in (READY, denied)] == [Create("data.0"), Create("data.1")]
    assert made.decide(READY, 3) == Count("data.0", 2)
    assert made.decide(READY, 4) is None
    assert made.decide(denied, 5) == Count("data.1", 2)
    flapping = [made.decide(each, 6) for _ in range(20) for each in (READY, denied)]
    assert sum(decision is not None for decision in flapping) == 21


def test_after_ten_quiet_minutes_it_is_a_new_event() -> None:
    made = correlator()
    made.decide(READY, 0)
    assert made.decide(READY, 601) == Create("data.1")


@pytest.mark.parametrize(
    "other",
    [
        replace(READY, note="Other."),
        replace(READY, reason="Other"),
        replace(READY, warning=True),
        replace(READY, uid="uid-2"),
    ],
    ids=["text", "reason", "type", "object"],
)
def test_what_differs_is_an_event_of_its_own(other: Occurrence) -> None:
    made = correlator()
    made.decide(READY, 0)
    assert made.decide(other, 1) == Create("data.1")


def test_an_object_has_25_at_once_and_one_every_five_minutes() -> None:
    made = correlator()
    decided = [made.decide(replace(READY, note=str(number)), 0) for number in range(40)]
    assert sum(decision is not None for decision in decided) == 25
    assert made.decide(replace(READY, note="later"), 299) is None
    assert made.decide(replace(READY, note="later still"), 301) is not None
    assert made.decide(replace(READY, uid="another"), 0) is not None


def test_memory_is_bounded() -> None:
    made = correlator()
    for number in range(3000):
        made.decide(replace(READY, uid=str(number)), 0)
    assert len(made._series) == len(made._tokens) == 1000


class Recording:
    """A KubeClient that takes Events, and fails where it is told to."""

    def __init__(self, error: KubeError | None = None) -> None:
        self.error = error
        self.created: list[Body] = []
        self.done = threading.Event()

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        assert (resource, namespace) == (EVENTS, "ns")
        self.done.set()
        if self.error is not None:
            raise self.error
        self.created.append(body)
        return dict(body)

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        raise NotImplementedError

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        raise NotImplementedError

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Body, *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:
        raise NotImplementedError

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        raise NotImplementedError


def write(kube: Recording, *messages: str, keeper: Redactor | None = None) -> None:
    writer = EventWriter(kube, keeper or Redactor(), instance="pod-0")
    writer.start()
    for message in messages:
        writer.publish(KEY, uid="uid-1", warning=True, reason="AccessDenied", message=message)
    writer.stop(5)


def test_an_event_says_who_what_and_about_what() -> None:
    kube = Recording()
    write(kube, "Not allowed.")
    (written,) = kube.created
    assert written["regarding"] == {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": "BucketStore",
        "namespace": "ns",
        "name": "data",
        "uid": "uid-1",
    }
    assert (written["type"], written["reason"], written["note"]) == ("Warning", "AccessDenied", "Not allowed.")
    assert (written["reportingController"], written["reportingInstance"]) == ("byob.wandb.com/operator", "pod-0")
    assert written["action"]


def test_each_transition_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A warning as one; with the object, the reason and what to do."""
    caplog.set_level("INFO")
    write(Recording(), "Not allowed.")
    (line,) = caplog.records
    assert (line.levelname, line.getMessage()) == ("WARNING", "BucketStore/ns/data: AccessDenied: Not allowed.")


def test_secrets_and_over_long_texts_do_not_get_in() -> None:
    """The secret is taken out before the text is cut: a part of it is a secret too."""
    keeper = Redactor()
    keeper.learn_values(["s3cr3t-s3cr3t-s3cr3t"])
    kube = Recording()
    write(kube, "x" * 1015 + "s3cr3t-s3cr3t-s3cr3t and more", keeper=keeper)
    assert kube.created[0]["note"] == "x" * 1015 + "[redacted"


def test_one_that_can_not_be_written_is_logged_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    kube = Recording(ForbiddenError("create events: forbidden.", status=403))
    write(kube, "a", "b")
    assert caplog.text.count("an Event could not be written: create events: forbidden.") == 2


def test_publishing_never_blocks_although_nothing_is_written() -> None:
    writer = EventWriter(Recording(), Redactor(), instance="pod-0")
    for number in range(2000):
        writer.publish(KEY, uid="u", warning=False, reason="R", message=str(number))
