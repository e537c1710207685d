"""What the API server's audit log tells: who wrote what."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WriteEvent:
    """One write that the API server answered. `user_agent` starts with the program's name; `time` is when the request came, in RFC 3339."""

    verb: str
    user: str
    user_agent: str
    resource: str
    subresource: str
    namespace: str
    name: str
    status: int
    uri: str
    time: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "WriteEvent":
        """From an audit event (audit.k8s.io/v1)."""
        ref = event.get("objectRef", {})
        group = ref.get("apiGroup", "")
        return cls(
            verb=event["verb"],
            user=event["user"]["username"],
            user_agent=event.get("userAgent", ""),
            resource=f"{ref.get('resource', '')}.{group}" if group else ref.get("resource", ""),
            subresource=ref.get("subresource", ""),
            namespace=ref.get("namespace", ""),
            name=ref.get("name", ""),
            status=event.get("responseStatus", {}).get("code", 0),
            uri=event["requestURI"],
            time=event["requestReceivedTimestamp"],
        )


def parse(log: bytes) -> list[WriteEvent]:
    """The events of a piece of the log; a last line that is not complete yet is left out."""
    return [WriteEvent.of(json.loads(line)) for line in log.splitlines(keepends=True) if line.endswith(b"\n")]
