"""From where a store is seen: the words of checks that are made elsewhere than in the operator's pod.

Checks are written for the operator, where nearly all of them are read. What somebody sees from a laptop, or from W&B's own
pods, must not say that the operator saw it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Vantage:
    """A place: `name` as in "as seen from …"; `node` is the machine whose clock counts."""

    name: str
    node: str


THIS_MACHINE: Final = Vantage(name="this machine", node="this machine")
WORKLOAD: Final = Vantage(name="W&B's pods", node="the node of W&B's pods")


def worded(text: str, vantage: Vantage) -> str:
    """Return a text about the operator's view as one about the view from here."""
    words = {
        "the operator's pod": vantage.name,
        "the operator's node": vantage.node,
        "the operator's flag": "the flag",
        "the node that the operator runs on": vantage.node,
        "seen from the operator": f"seen from {vantage.name}",
        "of the operator agree": f"of {vantage.name} agree",
        "ahead of the operator's": f"ahead of that of {vantage.name}",
        "behind the operator's": f"behind that of {vantage.name}",
        "The operator's clock": f"The clock of {vantage.name}",
        "The operator has no cloud identity": f"{vantage.name[:1].upper()}{vantage.name[1:]} has no cloud identity",
    }
    for ours, theirs in words.items():
        text = text.replace(ours, theirs)
    return text
