"""From where a store is seen: the words of checks that are made elsewhere than in the operator's pod.

Checks are written for the operator, where nearly all of them are read. What somebody sees from a laptop, or from W&B's own
pods, must not say that the operator saw it.
"""

from dataclasses import dataclass, replace

from wandb_byob.model.checks import Check


@dataclass(frozen=True, kw_only=True)
class Vantage:
    """A place: `name` as in "as seen from …", `machine` where the program runs whose clock, DNS and firewalls count."""

    name: str
    machine: str


THIS_MACHINE = Vantage(name="this machine", machine="this machine")


def worded(text: str, vantage: Vantage) -> str:
    """Return a text about the operator's view as one about the view from here."""
    words = {
        "the operator's pod": vantage.machine,
        "the operator's node": vantage.machine,
        "the node that the operator runs on": vantage.machine,
        "from the operator.": f"from {vantage.name}.",
        "of the operator agree": f"of {vantage.name} agree",
        "ahead of the operator's": f"ahead of that of {vantage.name}",
        "behind the operator's": f"behind that of {vantage.name}",
        "The operator's clock": f"The clock of {vantage.name}",
        "The operator has no cloud identity": f"{vantage.name[:1].upper()}{vantage.name[1:]} has no cloud identity",
    }
    for ours, theirs in words.items():
        text = text.replace(ours, theirs)
    return text


def seen_from(check: Check, vantage: Vantage) -> Check:
    """Return a check as one that was made from elsewhere."""
    return replace(check, message=worded(check.message, vantage), remedy=worded(check.remedy, vantage))
