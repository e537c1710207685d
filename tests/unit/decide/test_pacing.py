"""Who goes when, where one goes at a time and a pause comes after each."""

from hypothesis import given
from hypothesis import strategies as st

from wandb_byob.decide.pacing import Turns, ask


def test_the_first_goes_at_once() -> None:
    turns, wait = ask(Turns(), "a", now=100, pause=2)
    assert (turns.last, wait) == (100, 0)


def test_who_asks_at_once_goes_one_after_the_other() -> None:
    """Each is told his own turn, and gets it when he comes back then."""
    turns, waits = Turns(), {}
    for who in "abcd":
        turns, waits[who] = ask(turns, who, now=100, pause=2)
    assert waits == {"a": 0, "b": 2, "c": 4, "d": 6}
    for who in "bcd":
        turns, wait = ask(turns, who, now=100 + waits[who], pause=2)
        assert wait == 0
    assert turns == Turns(last=106)


def test_who_comes_too_soon_keeps_his_turn() -> None:
    turns, _ = ask(Turns(last=100), "a", now=100, pause=2)
    turns, _ = ask(turns, "b", now=100, pause=2)
    turns, wait = ask(turns, "b", now=101, pause=2)
    assert wait == 3
    turns, wait = ask(turns, "a", now=102, pause=2)
    assert wait == 0


def test_who_is_late_makes_the_next_one_wait_for_the_pause_alone() -> None:
    turns, _ = ask(Turns(last=100), "a", now=100, pause=2)
    turns, _ = ask(turns, "b", now=100, pause=2)
    turns, wait = ask(turns, "a", now=104, pause=2)
    assert wait == 0
    turns, wait = ask(turns, "b", now=104, pause=2)
    assert wait == 2


def test_a_turn_that_nobody_takes_is_free_again() -> None:
    """A BucketStore that was deleted while it waited holds nobody up for long."""
    turns = Turns(last=100)
    for number in range(20):
        turns, _ = ask(turns, f"gone-{number}", now=100, pause=2)
    turns, wait = ask(turns, "a", now=100, pause=2)
    assert wait == 42
    turns, wait = ask(Turns(last=100, given=(("gone", 102),)), "a", now=163, pause=2)
    assert (turns.given, wait) == ((), 0)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 5)), max_size=60))
def test_whatever_comes_the_pause_is_kept(asked: list[tuple[str, int]]) -> None:
    """No two go with less than the pause between them, and nobody waits longer than all who ask would take."""
    turns, now, went = Turns(), 0, [-2]
    for who, later in asked:
        now += later
        turns, wait = ask(turns, who, now=now, pause=2)
        assert wait <= 2 * 9
        if wait == 0:
            assert now - went[-1] >= 2
            went.append(now)
