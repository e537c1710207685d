"""What becomes of a bucket that is not there."""

import pytest

from wandb_byob.decide import absence
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

WHAT = "container acme in storage account acmewandb"


@pytest.mark.parametrize(
    ("managed", "intended", "made"), [(True, True, True), (False, True, False), (False, False, False)]
)
def test_it_is_made_where_that_is_meant(managed: bool, intended: bool, made: bool) -> None:
    """Where the operator only looks it is planned, whatever was meant before."""
    assert absence.to_be_made(WHAT, provisioned=True, managed=managed, intended=intended) is made
    found = absence.not_there(WHAT)
    assert (found.name, found.result) == (CheckName.BUCKET_EXISTS, CheckResult.FAILED)
    assert found.message == f"There is no {WHAT}."


@pytest.mark.parametrize(
    ("provisioned", "told"),
    [
        (False, "There is no container acme in storage account acmewandb, and nothing to create it with."),
        (True, "restore it (soft delete), or delete this BucketStore and create it again for an empty container."),
    ],
)
def test_it_is_not_made(provisioned: bool, told: str) -> None:
    """With nothing to make it with, or where it was ours and is gone: its files would still be missing."""
    with pytest.raises(Stalled) as raised:
        absence.to_be_made(WHAT, provisioned=provisioned, managed=provisioned, intended=False, restore=" (soft delete)")
    assert raised.value.reason is Reason.BUCKET_NOT_FOUND
    assert told in raised.value.message
