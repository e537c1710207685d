"""Freshness of watches: what was never asked for, never answered, or not asked for in a long time."""

from wandb_byob.kube.client import BUCKET_STORES, SECRETS
from wandb_byob.runtime.streams import STALE_SECONDS, Streams, watch_path

STORES = "/apis/byob.wandb.com/v1alpha1/namespaces/a/bucketstores"
SECRETS_PATH = "/api/v1/namespaces/a/secrets"


def test_paths_are_the_api_servers() -> None:
    assert watch_path(BUCKET_STORES, "a") == STORES
    assert watch_path(SECRETS, "a") == SECRETS_PATH
    assert watch_path(SECRETS, "") == "/api/v1/secrets"


def test_a_watch_is_missing_then_begun_then_answered_then_stale() -> None:
    now = [0.0]
    streams = Streams((BUCKET_STORES, SECRETS), ("a",), clock=lambda: now[0])
    assert streams.never_begun() == streams.not_synced() == {STORES, SECRETS_PATH}
    streams.begun(STORES)
    assert (streams.never_begun(), streams.not_synced()) == ({SECRETS_PATH}, {STORES, SECRETS_PATH})
    streams.answered(STORES)
    assert streams.not_synced() == {SECRETS_PATH}
    now[0] = STALE_SECONDS + 1
    streams.begun(SECRETS_PATH)
    assert streams.stale() == {STORES}
    assert streams.silent() == {STORES}, "answered once, and not since"
    assert streams.not_synced() == {SECRETS_PATH}
    streams.begun(STORES)
    assert streams.silent() == {STORES}, "asked for, and no answer"
    streams.answered(STORES)
    assert streams.silent() == set()


def test_each_kind_is_expected_in_each_namespace_or_once_for_all() -> None:
    assert len(Streams((BUCKET_STORES, SECRETS), ("a", "b", "c")).never_begun()) == 6
    assert Streams((SECRETS,), ()).never_begun() == {"/api/v1/secrets"}


def test_a_namespace_that_may_not_be_read_keeps_nobody_waiting() -> None:
    """It was deleted, and its Role with it: it is named as missing, and counts neither as unlisted nor as silent, until it is back."""
    now = [0.0]
    streams = Streams((BUCKET_STORES, SECRETS), ("a", "b"), clock=lambda: now[0])
    for path in streams.never_begun():
        streams.answered(path)
    now[0] = STALE_SECONDS + 1
    for resource in (BUCKET_STORES, SECRETS):
        streams.answered(watch_path(resource, "b"))
    streams.refused(STORES)
    assert (streams.missing(), streams.silent()) == (set(), {STORES, SECRETS_PATH}), "a part of a Role is a fault"
    streams.refused(SECRETS_PATH)
    assert (streams.missing(), streams.silent(), streams.not_synced()) == ({"a"}, set(), set())
    streams.answered(STORES)
    assert (streams.missing(), streams.silent()) == (set(), {SECRETS_PATH})


def test_where_nothing_may_be_read_the_fault_is_not_the_namespaces() -> None:
    streams = Streams((SECRETS,), ("a", "b"))
    for namespace in ("a", "b"):
        streams.refused(watch_path(SECRETS, namespace))
    assert streams.missing() == set()
    assert len(streams.not_synced()) == 2
