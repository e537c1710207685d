"""Which key is given out next, and which has to wait: the rules one by one, and against a naive model."""

from heapq import heappop, heappush

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wandb_byob.runtime.lanes import LONG, Lane, Limits, QueueState

KEYS = st.sampled_from("abcde")


def limits(*, active: int = 99, background: int = 99, total: int = 999) -> Limits:
    """Limits that nothing here meets, unless said otherwise."""
    return Limits(active=active, background=background, total=total)


def takes(state: QueueState[str], now: float = 0.0) -> list[str]:
    """Take until there is nothing more."""
    taken = []
    while (item := state.take(now)) is not None:
        taken.append(item[0])
    return taken


def test_a_key_added_many_times_is_given_out_once() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    for _ in range(5):
        state.add("a", lane=Lane.EDIT, now=0)
    assert takes(state) == ["a"]


def test_a_key_in_process_is_not_given_out_again_but_returns_when_done() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    state.add("a", lane=Lane.EDIT, now=0)
    state.take(0)
    state.add("a", lane=Lane.EDIT, now=1)
    assert state.take(1) is None
    assert state.done("a", 2) == 2
    assert state.take(3) == ("a", Lane.EDIT, 2)


def test_edits_come_before_consequences_and_both_before_background() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    state.add("background", lane=Lane.BACKGROUND, now=0)
    state.add("consequence", lane=Lane.CONSEQUENCE, now=0)
    state.add("edit", lane=Lane.EDIT, now=0)
    assert takes(state) == ["edit", "consequence", "background"]


def test_an_edit_overtakes_the_same_keys_background_look() -> None:
    """The key is promoted, not doubled, and its wait counts from when it first waited."""
    state: QueueState[str] = QueueState(limits=limits(background=0))
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.add("a", lane=Lane.EDIT, now=3)
    assert state.take(5) == ("a", Lane.EDIT, 5)
    state.done("a", 5)
    assert state.take(5) is None


def test_an_edit_of_a_key_in_process_keeps_its_lane() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.take(0)
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.add("a", lane=Lane.EDIT, now=0)
    state.done("a", 0)
    assert state.take(0) == ("a", Lane.EDIT, 0)


def test_background_work_never_takes_more_workers_than_its_budget() -> None:
    state: QueueState[str] = QueueState(limits=limits(background=2))
    for key in "abcd":
        state.add(key, lane=Lane.BACKGROUND, now=0)
    assert takes(state) == ["a", "b"]
    state.add("edit", lane=Lane.EDIT, now=0)
    assert takes(state) == ["edit"]
    state.done("a", 1)
    assert takes(state) == ["c"]


def test_background_work_with_the_shorter_period_goes_first() -> None:
    """A rollout that is looked at every 5 s is not kept waiting by verifications that are due every 300 s."""
    state: QueueState[str] = QueueState(limits=limits())
    for number in range(3):
        state.schedule(f"verify-{number}", due=10 + number, period=300)
    state.schedule("rollout", due=12, period=5)
    assert takes(state, now=20) == ["rollout", "verify-0", "verify-1", "verify-2"]


def test_a_later_schedule_replaces_the_earlier() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    state.schedule("a", due=5, period=5)
    state.schedule("a", due=50, period=50)
    assert state.next_due() == 50
    assert takes(state, now=10) == []
    assert takes(state, now=50) == ["a"]


def test_a_look_drops_the_schedule_since_its_result_sets_a_new_one() -> None:
    state: QueueState[str] = QueueState(limits=limits())
    state.schedule("a", due=5, period=5)
    state.add("a", lane=Lane.EDIT, now=1)
    state.take(1)
    state.done("a", 1)
    assert state.next_due() is None


def test_a_key_that_is_out_for_long_gives_its_place_to_another() -> None:
    """It waits for a store that does not answer; who is worked at keeps the place."""
    state: QueueState[str] = QueueState(limits=limits(active=2))
    for key in "abcd":
        state.add(key, lane=Lane.EDIT, now=0)
    assert takes(state) == ["a", "b"]
    assert state.next_change(0) == LONG
    assert takes(state, now=LONG / 2) == []
    assert takes(state, now=LONG) == ["c", "d"]
    for key in "abcd":
        state.done(key, 2 * LONG)
    assert state.next_change(2 * LONG) is None


def test_of_background_work_too() -> None:
    """Verifications of a store that hangs do not keep all other verifications waiting; a quarter stays free for edits."""
    state: QueueState[str] = QueueState(limits=Limits(active=9, background=2, total=8))
    for key in "abcdefgh":
        state.add(key, lane=Lane.BACKGROUND, now=0)
    assert [takes(state, now=second * LONG) for second in range(4)] == [["a", "b"], ["c", "d"], ["e", "f"], []]
    for key in "xyz":
        state.add(key, lane=Lane.EDIT, now=9)
    assert takes(state, now=9) == ["x", "y"]


def test_one_namespace_never_holds_up_another() -> None:
    """However many of its stores hang, alone it gets half of the places; when one comes back, the next of it is taken."""
    state: QueueState[str] = QueueState(limits=limits(total=6), group=lambda key: key[0])
    for number in range(5):
        state.add(f"a{number}", lane=Lane.EDIT, now=0)
    assert takes(state) == ["a0", "a1", "a2"]
    state.add("b0", lane=Lane.BACKGROUND, now=1)
    assert takes(state, now=1) == ["b0"]
    state.done("a1", 2)
    assert takes(state, now=2) == ["a3"]
    state.add("a4", lane=Lane.EDIT, now=2)
    state.done("a0", 3)
    state.done("a2", 3)
    assert takes(state, now=3) == ["a4"], "once, although it was asked for again while it had to wait"


def by_first_letter(key: str) -> str:
    return key[0]


@pytest.mark.parametrize("lane", [Lane.EDIT, Lane.BACKGROUND])
@pytest.mark.parametrize("hostile", [1, 2, 5, 10])
def test_few_namespaces_together_never_hold_up_another(hostile: int, lane: Lane) -> None:
    """Each has 32 stores that drip, in whatever lane; edits and verifications of others find a place, and a whole share of them."""
    state: QueueState[str] = QueueState(limits=Limits.of(8), group=by_first_letter)
    for number in range(32):
        for group in "abcdefghij"[:hostile]:
            state.add(f"{group}{number}", lane=lane, now=0)
    now = 0.0
    while takes(state, now=now) or now < 2 * LONG:
        now += LONG
    share = state.running() // hostile
    assert share >= 48 // (hostile + 1) - 1
    for group, asked in (("x", Lane.EDIT), ("y", Lane.BACKGROUND)):
        state.add(group, lane=asked, now=now)
        assert takes(state, now=now) == [group]


def test_what_gave_way_comes_up_when_any_group_has_a_place_back() -> None:
    """The share of a namespace grows with what others give back, not only with what it gives back itself."""
    state: QueueState[str] = QueueState(limits=limits(total=6), group=by_first_letter)
    for key in ("a0", "b0", "a1", "b1", "a2", "b2"):
        state.add(key, lane=Lane.EDIT, now=0)
    assert takes(state) == ["a0", "b0", "a1", "b1"]
    state.done("b0", 1)
    state.done("b1", 1)
    assert sorted(takes(state, now=1)) == ["a2", "b2"]


def test_an_edit_overtakes_the_many_of_another_namespace() -> None:
    """A thousand edits at once in one namespace are no wall: each of them stands a little further behind."""
    state: QueueState[str] = QueueState(limits=limits(), group=by_first_letter)
    for number in range(1000):
        state.add(f"a{number:03}", lane=Lane.EDIT, now=0)
    state.add("b", lane=Lane.EDIT, now=0.5)
    order = takes(state, now=1)
    assert order.index("b") <= 2
    order.remove("b")
    assert order == sorted(order)


def edits_waited(*, hostile: str) -> list[float]:
    """How long an edit waits, one every half second, beside 2,000 verifications of 14 calls of 50 ms; sorted.

    In each of the `hostile` namespaces 32 stores hold every look for 120 s, and are edited again when that is over.
    """
    state: QueueState[str] = QueueState(limits=Limits.of(8), group=by_first_letter)
    for number in range(2000):
        state.schedule(f"v{number}", due=0, period=300)
    ends: list[tuple[float, str]] = []
    waited: list[float] = []
    for tick in range(1500):
        now = tick / 10
        while ends and ends[0][0] <= now:
            state.done(heappop(ends)[1], now)
        for key in (f"{group}{number}" for number in range(32) for group in hostile if tick % 1200 == 0):
            state.add(key, lane=Lane.EDIT, now=now)
        if tick % 5 == 0:
            state.add(f"u{tick}", lane=Lane.EDIT, now=now)
        while (item := state.take(now)) is not None:
            key, _, wait = item
            waited += [wait] if key[0] == "u" else []
            heappush(ends, (now + (120 if key[0] in hostile else 0.7), key))
    return sorted(waited)


@pytest.mark.parametrize(("hostile", "seconds"), [("", 0.1), ("hi", 2.0)])
def test_an_edit_waits_neither_for_verifications_nor_for_stores_that_drip(hostile: str, seconds: float) -> None:
    """The budget: of 300 edits 297 wait no longer than so."""
    waited = edits_waited(hostile=hostile)
    assert len(waited) == 300
    assert waited[296] <= seconds


def test_limits_of_an_operator() -> None:
    """An edit always finds a worker, also where there is only one."""
    assert Limits.of(8) == Limits(active=8, background=6, total=64)
    assert Limits.of(1) == Limits(active=1, background=1, total=8)


class QueueModel(RuleBasedStateMachine):
    """The rules against a model that knows only: who wants to be looked at, who is in process, who was added meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state: QueueState[str] = QueueState(
            limits=Limits(active=3, background=2, total=4), group=lambda key: "ab" if key in "ab" else "cde"
        )
        self.wanted: dict[str, Lane] = {}
        self.running: dict[str, tuple[Lane, float]] = {}
        self.dirty: dict[str, Lane] = {}
        self.scheduled: dict[str, float] = {}

    @rule(key=KEYS, lane=st.sampled_from(Lane), period=st.floats(0, 100))
    def add(self, key: str, lane: Lane, period: float) -> None:
        self.state.add(key, lane=lane, now=self.now, period=period)
        into = self.dirty if key in self.running else self.wanted
        into[key] = min(lane, into.get(key, lane))

    @rule(key=KEYS, delay=st.floats(0, 50))
    def schedule(self, key: str, delay: float) -> None:
        self.state.schedule(key, due=self.now + delay, period=delay)
        self.scheduled[key] = self.now + delay

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    def allowed(self) -> set[str]:
        """The keys that want to be looked at and may be, by all limits."""
        young = [lane for lane, since in self.running.values() if self.now - since < LONG]
        background = [lane for lane, _ in self.running.values() if lane is Lane.BACKGROUND]
        if len(self.running) >= 4 or len(young) >= 3:
            return set()
        full = young.count(Lane.BACKGROUND) >= 2 or len(background) >= 3
        found = {key for key, lane in self.wanted.items() if not (full and lane is Lane.BACKGROUND)}
        free = {lane: 4 - len(self.running) for lane in Lane} | {Lane.BACKGROUND: 3 - len(background)}
        return {
            key
            for key in found
            if sum((each in "ab") == (key in "ab") for each in self.running) < free[self.wanted[key]]
        }

    @rule()
    def take(self) -> None:
        for key, due in list(self.scheduled.items()):
            if due <= self.now:
                del self.scheduled[key]
                into = self.dirty if key in self.running else self.wanted
                into.setdefault(key, Lane.BACKGROUND)
        taken = self.state.take(self.now)
        allowed = self.allowed()
        assert (taken is None) == (not allowed)
        if taken is not None:
            key, lane, _ = taken
            assert key in allowed
            assert lane is min(self.wanted[each] for each in allowed)
            assert lane is self.wanted.pop(key)
            self.scheduled.pop(key, None)
            self.running[key] = (lane, self.now)

    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        if self.running:
            key = data.draw(st.sampled_from(sorted(self.running)))
            del self.running[key]
            self.state.done(key, self.now)
            if key in self.dirty:
                self.wanted[key] = self.dirty.pop(key)

    @invariant()
    def shows_what_it_holds(self) -> None:
        shown = self.state.snapshot(self.now)
        assert sum(shown.depth.values()) == len(self.wanted)
        assert shown.running == len(self.running)
        assert shown.delayed == len(self.scheduled)

    @invariant()
    def tells_when_time_alone_frees_a_place(self) -> None:
        """Whoever waits must know when to look again, or nobody would."""
        if self.wanted and not self.allowed():
            later = [since + LONG for _, since in self.running.values() if since + LONG > self.now]
            change = self.state.next_change(self.now)
            assert not later or (change is not None and change <= min(later))


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
