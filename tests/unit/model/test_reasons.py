"""The table of reasons, from which the documents' is made."""

import re

import pytest

from wandb_byob.model.reasons import Reason

_FINE = {
    Reason.ACCEPTED,
    Reason.REACHABLE,
    Reason.CONFIGURED,
    Reason.OBSERVED,
    Reason.VERIFIED,
    Reason.READY,
    Reason.ROLLED_OUT,
    Reason.SETTLED,
    Reason.PROGRESSING,
    Reason.WAITING_FOR_BUCKETS,
    Reason.ROLLOUT_IN_PROGRESS,
    Reason.ROLLING_BACK,
    Reason.REMOVING_ENTRY,
}


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_a_sentence_and_a_remedy_where_something_is_to_be_done(reason: Reason) -> None:
    """One sentence each, in plain words; CamelCase as the Kubernetes API conventions ask."""
    assert reason.meaning.endswith(".")
    assert bool(reason.remedy) == (reason not in _FINE)
    assert not reason.remedy or reason.remedy.endswith(".")
    assert re.fullmatch(r"[A-Z][A-Za-z]+", reason.value)
