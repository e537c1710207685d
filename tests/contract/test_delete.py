"""Only a bucket of our making is deleted, and only when it is empty."""

from typing import Any

import pytest

from contract.results import Behaviour
from contract.site import OTHER_UID, UID, Site, calls_of
from contract.sites import SITES
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

pytestmark = pytest.mark.behaviour(Behaviour.DELETE)
LEFTOVERS = [(name, leftover) for name, place in SITES.items() for leftover in place.leftovers]


def test_delete(site: Site) -> None:
    """A bucket of our making is deleted when it is empty, and deleting it twice is no error."""
    site.look()
    context = site.context(intended=False)
    site.provider.delete(context)
    assert site.provider.exists(context) is False
    site.provider.delete(context)


@pytest.mark.parametrize(("site", "leftover"), LEFTOVERS, indirect=["site"], ids=["-".join(each) for each in LEFTOVERS])
def test_delete_keeps_what_holds_anything(site: Site, leftover: str) -> None:
    """An object, an old version, a mark of deletion or an unfinished upload keeps the bucket."""
    site.look()
    site.leave(leftover)
    context = site.context(intended=False)
    with pytest.raises(Stalled) as refused:
        site.provider.delete(context)
    assert refused.value.reason is Reason.DELETION_BLOCKED
    assert "not empty" in refused.value.message
    assert calls_of(context).writes == []


@pytest.mark.parametrize("mark", ["", f"adopted:{UID}", OTHER_UID], ids=["none", "adopted", "another's"])
def test_delete_keeps_what_we_did_not_make(site: Site, mark: str) -> None:
    """Only the mark of having created the bucket allows to delete it: not adoption, and not another's mark."""
    site.make()
    if mark:
        site.set_mark(mark)
    context = site.context(intended=True)
    with pytest.raises(Stalled) as refused:
        site.provider.delete(context)
    assert refused.value.reason is Reason.DELETION_BLOCKED
    assert calls_of(context).writes == []


@pytest.mark.parametrize("change", [{"admin": None}, {"spec": {"management_policy": "Observe"}}])
def test_delete_needs_the_right_to_write(site: Site, change: dict[str, Any]) -> None:
    """Without provisioning credentials, or in Observe, nothing is deleted."""
    site.look()
    with pytest.raises(Stalled, match="deletionPolicy: Retain"):
        site.provider.delete(site.context(**change))
    assert site.provider.exists(site.context()) is True
