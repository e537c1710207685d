"""Where storage accounts are: many are remembered, and none twice at a time."""

import gc
import weakref

from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.azure.places import Place, Places

MANY = [f"account{number:04}" for number in range(600)]


def test_an_account_in_use_is_never_made_twice() -> None:
    """However many others were asked for since: whoever holds its turn would keep nobody out, were there a second one."""
    places = Places(CloudEndpoints())
    held = places.of("busy")
    with held.turn:
        for account in MANY:
            places.of(account)
        again = places.of("busy")
        assert again is held
        assert not again.turn.acquire(blocking=False)
    assert places.of("busy").turn.acquire(blocking=False)


def test_accounts_that_nobody_uses_are_forgotten() -> None:
    """Their connections are closed with them; the latest ones stay."""
    places = Places(CloudEndpoints())

    def seen(account: str) -> weakref.ref[Place]:
        return weakref.ref(places.of(account))

    first, *_, last = [seen(account) for account in MANY]
    gc.collect()
    assert first() is None
    assert last() is places.of(MANY[-1])
