"""The settings under which Kopf watches; what it does with them is tested on a real API server (tests/cluster/test_runtime.py)."""

import logging
from itertools import islice

from wandb_byob.runtime.watching import _tells_news, settings


def test_requests_are_tried_without_end_and_with_time_limits() -> None:
    """Kopf's default gives up after 54 s, and the process ends with an API server that is away for a minute."""
    made = settings()
    assert not isinstance(made.networking.error_backoffs, float | int | type(None))
    waits = list(islice(made.networking.error_backoffs, 1000))
    assert len(waits) == 1000
    assert all(0 < wait <= 10 for wait in waits)
    assert len(set(waits)) > 900, "without jitter all operators would come back at once"
    assert (made.networking.request_timeout, made.networking.connect_timeout) == (30, 5)
    assert made.watching.inactivity_timeout == 70


def test_other_secrets_are_left_to_the_server() -> None:
    """All others would drag Helm's release blobs into memory."""
    ((resource, selector),) = settings().watching.label_selectors.items()
    assert (resource.any_name, selector) == ("secrets", "byob.wandb.com/watch")


def test_kopf_only_watches() -> None:
    """No Events of its own, no peering, no look at the cluster's CRDs, no limit of workers that would deadlock the first listing."""
    made = settings()
    assert (made.posting.enabled, made.posting.loggers) == (False, False)
    assert made.peering.standalone is True
    assert made.scanning.disabled is True
    assert made.queueing.worker_limit is None


def test_a_refused_request_is_not_logged_at_each_try() -> None:
    """Kopf tries six watches of a namespace that is gone every few seconds; what else fails is logged as before."""
    text = "Request attempt #7 failed; will retry: GET /x -> %s"
    made = [
        logging.LogRecord("kopf", logging.ERROR, "p", 1, text % error, None, None)
        for error in ("APIForbiddenError('no', {})", "ClientConnectorError('refused')")
    ]
    assert [_tells_news(record) for record in made] == [False, True]
