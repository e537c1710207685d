"""Turns at something that takes one at a time and a pause after each: who may go now, and how long everybody else waits.

Whoever has to wait gets a turn of his own, so that twenty who ask at once come back one after the other, and not all together.
"""

import math
from dataclasses import dataclass
from typing import Final

_FORGOTTEN: Final = 60.0
"""Seconds after which a turn that nobody took is free again."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """When the last one went, and who was given which turn, in seconds of one clock."""

    last: float = -math.inf
    given: tuple[tuple[str, float], ...] = ()


def over(turns: Turns, *, now: float) -> bool:
    """Say whether these turns keep nobody waiting any more."""
    return all(at + _FORGOTTEN <= now for at in (turns.last, *(at for _, at in turns.given)))


def ask(turns: Turns, who: str, *, now: float, pause: float) -> tuple[Turns, float]:
    """Return the turns after `who` has asked, and how many seconds he has to wait: with 0 he goes now."""
    others = {other: at for other, at in turns.given if other != who and at + _FORGOTTEN > now}
    free = turns.last + pause
    mine = dict(turns.given).get(who)
    if mine is None or mine + _FORGOTTEN <= now:
        mine = max(now, free, max(others.values(), default=-math.inf) + pause)
    due = max(mine, free)
    if now >= due:
        return Turns(last=now, given=tuple(others.items())), 0.0
    return Turns(last=turns.last, given=(*others.items(), (who, mine))), due - now
