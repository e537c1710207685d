"""Writes to our own objects: what is sent, and when nothing is."""

from typing import Any

import msgspec
import pytest

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, condition
from wandb_byob.kube import apply
from wandb_byob.kube.client import BUCKET_STORES, ConflictError, KubeError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStoreStatus

STATUS = {"observedGeneration": 1, "conditions": [condition("Ready", message="All is well.")]}


def _plain(text: str) -> str:
    return text


def _typed(status: Any) -> BucketStoreStatus:
    return msgspec.convert(status, BucketStoreStatus)


def test_the_finalizer_and_the_intent_are_one_write_beside_what_others_put_there() -> None:
    """Other finalizers and annotations stay; a second time nothing is doubled."""
    kube = MemoryKube(bucket_store(finalizers=["example.com/other"], annotations={"note": "mine"}))
    body = apply.add_finalizer(
        kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"), annotations={names.INTENT: "create x"}
    )
    assert body["metadata"]["finalizers"] == ["example.com/other", names.FINALIZER]
    assert body["metadata"]["annotations"] == {"note": "mine", names.INTENT: "create x"}
    assert kube.writes == ["patch bucketstores data"]
    again = apply.add_finalizer(kube, BUCKET_STORES, body, annotations={names.INTENT: "use x"})
    assert again["metadata"]["finalizers"] == body["metadata"]["finalizers"]


def test_a_finalizer_is_never_written_over_somebody_elses_change() -> None:
    """The resourceVersion that was read goes with it."""
    kube = MemoryKube(bucket_store())
    stale = kube.get(BUCKET_STORES, "team-a", "data")
    assert stale is not None
    kube.put(bucket_store(finalizers=["example.com/other"]))
    with pytest.raises(ConflictError):
        apply.add_finalizer(kube, BUCKET_STORES, stale)


def test_only_our_finalizer_is_taken_off() -> None:
    """Without it nothing is written, and an object that is gone is no error."""
    kube = MemoryKube(bucket_store(finalizers=["example.com/other", names.FINALIZER]))
    current = kube.of(BUCKET_STORES, "data")
    apply.remove_finalizer(kube, BUCKET_STORES, dict(current))
    assert kube.of(BUCKET_STORES, "data")["metadata"]["finalizers"] == ["example.com/other"]
    apply.remove_finalizer(kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"))
    assert kube.writes == ["patch bucketstores data"]
    gone = bucket_store("gone", finalizers=[names.FINALIZER])
    apply.remove_finalizer(kube, BUCKET_STORES, gone)


def test_a_status_is_written_only_where_it_differs_in_meaning() -> None:
    """Defaults that the API server fills in are no difference."""
    kube = MemoryKube(bucket_store())
    status = _typed(STATUS | {"checks": [{"name": "CORS", "result": "Passed", "message": "m"}]})
    assert apply.write_status(kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"), status, redact=_plain)
    stored = kube.of(BUCKET_STORES, "data")
    stored["status"]["checks"][0]["path"] = ""
    assert not apply.write_status(kube, BUCKET_STORES, stored, status, redact=_plain)
    assert kube.writes == ["patch bucketstores/status data"]


def test_a_status_is_for_this_object_not_for_a_successor_of_its_name() -> None:
    """The uid goes with it: an object that was deleted and made anew gets none of the old one's."""
    kube = MemoryKube(bucket_store())
    old = dict(kube.of(BUCKET_STORES, "data"))
    kube.put(bucket_store(uid="another"))
    with pytest.raises(KubeError):
        apply.write_status(kube, BUCKET_STORES, old, _typed(STATUS), redact=_plain)


def test_free_texts_are_redacted_and_nothing_else() -> None:
    """A user whose "secret" is the word True must not break the status of every object."""
    kube = MemoryKube(bucket_store())
    status = _typed({"conditions": [condition("Ready", message="True words.")]})

    def redact(text: str) -> str:
        return text.replace("True", "[redacted]")

    apply.write_status(kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"), status, redact=redact)
    written = kube.of(BUCKET_STORES, "data")["status"]["conditions"][0]
    assert (written["status"], written["message"]) == ("True", "[redacted] words.")
    assert not apply.write_status(kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"), status, redact=redact)


def test_a_stored_status_that_does_not_fit_is_replaced() -> None:
    """What cannot be read differs."""
    kube = MemoryKube(bucket_store(status={"conditions": "nonsense"}))
    assert apply.write_status(kube, BUCKET_STORES, kube.of(BUCKET_STORES, "data"), _typed(STATUS), redact=_plain)
