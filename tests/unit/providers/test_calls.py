"""When a call is made again, and that it is counted once."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from wandb_byob.decide.connections import Fault
from wandb_byob.decide.endpoints import Endpoint, Policy
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers import calls
from wandb_byob.providers.calls import Patience
from wandb_byob.providers.transport import Reply, TransportError, transport_error

POLICY = Policy(endpoint=Endpoint(scheme="https", host="store.example.com", port=443), field="spec.s3.endpoint")
HASTY = Patience(pause=0)


@dataclass
class Counted(NullRecorder):
    """What is counted."""

    results: list[str] = field(default_factory=list)

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Note the result."""
        assert (provider, operation) == ("GCS", "GetBucket")
        assert seconds >= 0
        self.results.append(result)


def made(*ends: int | Fault, patience: Patience = HASTY) -> tuple[Reply, int, list[str]]:
    """The reply, how many of the scripted ends were come to, and what was counted."""
    script: Iterator[int | Fault] = iter(ends)
    sent, counted = [0], Counted()

    def send() -> Reply:
        end = next(script)
        sent[0] += 1
        if isinstance(end, Fault):
            raise transport_error(end, policy=POLICY)
        return Reply(status=end, headers={}, body=b"")

    reply = calls.make(
        send, recorder=counted, provider="GCS", operation="GetBucket", code=lambda each: "Busy" * (each.status == 503),
        patience=patience,
    )  # fmt: skip
    return reply, sent[0], counted.results


@pytest.mark.parametrize(
    ("ends", "patience", "status", "sent", "result"),
    [
        ((200,), HASTY, 200, 1, "ok"),
        ((404, 200), HASTY, 404, 1, "404"),
        ((503, 200), HASTY, 200, 2, "ok"),
        ((429, 500, 204), HASTY, 204, 3, "ok"),
        ((503, 503, 503, 200), HASTY, 503, 3, "Busy"),
        ((Fault.RESET, 200), HASTY, 200, 2, "ok"),
        ((Fault.REFUSED, 502, 200), HASTY, 200, 3, "ok"),
        ((503, 200), replace(calls.ONCE, pause=0), 503, 1, "Busy"),
        ((429, 200), replace(HASTY, passing=frozenset({503})), 429, 1, "429"),
        ((Fault.REFUSED,) * 4 + (200,), replace(HASTY, attempts=5), 200, 5, "ok"),
    ],
)
def test_what_passes_is_tried_again(
    ends: tuple[int | Fault, ...], patience: Patience, status: int, sent: int, result: str
) -> None:
    """Up to as often as the patience says; whatever happened, the metrics see one call with its last result."""
    reply, tries, results = made(*ends, patience=patience)
    assert (reply.status, tries, results) == (status, sent, [result])


@pytest.mark.parametrize(
    ("ends", "patience"),
    [
        ((Fault.TIMEOUT,), HASTY),
        ((Fault.TLS_EXPIRED,), HASTY),
        ((Fault.RESET, Fault.RESET, Fault.RESET), HASTY),
        ((Fault.UNKNOWN_HOST,), replace(HASTY, final=frozenset({Fault.UNKNOWN_HOST}))),
    ],
)
def test_what_does_not_pass_is_raised(ends: tuple[Fault, ...], patience: Patience) -> None:
    """At once where waiting does not help, else after the last try: the script has no further end."""
    with pytest.raises(TransportError) as raised:
        made(*ends, patience=patience)
    assert raised.value.fault is ends[-1]
