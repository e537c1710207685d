"""A target in memory, on which plans are carried out as the reconciler does it: for tests of decisions about rollouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.compose import Attached, compose
from wandb_byob.decide.conditions import Verdict
from wandb_byob.decide.rollouts import quarrel, rest, rollout
from wandb_byob.decide.rollouts.configuration import Configuration, Stored
from wandb_byob.decide.rollouts.plan import Plan, interrupted
from wandb_byob.decide.rollouts.situation import Memory, Policy, Situation, base
from wandb_byob.decide.rollouts.variable import VARIABLE, EnvVar, Origin, Reading, Settings, Slot
from wandb_byob.decide.rollouts.wanted import Wanted
from wandb_byob.decide.rollouts.workloads import Health, State, Workload
from wandb_byob.model.api import Condition
from wandb_byob.model.errors import Stalled

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(
    max_wait=timedelta(minutes=2),
    minimum_interval=timedelta(0),
    timeout=timedelta(minutes=15),
    roll_back=True,
    separator=",",
)


def bucket(name: str, key: str = "k") -> Attached:
    """A verified bucket."""
    return Attached(
        identity=f"s3://h.example/{name}", uid=f"uid-{name}", address=f"s3://{key}:s@h.example/{name}?region=r&tls=true"
    )


@dataclass
class Container:
    """What a container has; `foreign` is the value behind a reference of somebody else, `more` are its other settings."""

    env: EnvVar | None = None
    foreign: str | None = None
    more: Mapping[str, EnvVar | None] = field(default_factory=dict)


@dataclass
class Target:
    """Workloads by `Kind/name`, our Secrets, and the status; time passes only by `later`."""

    workloads: dict[str, Container] = field(
        default_factory=lambda: {f"Deployment/{n}": Container() for n in ("api", "app")}
    )
    policy: Policy = POLICY
    stored: dict[str, Stored] = field(default_factory=dict)
    memory: Memory = field(default_factory=lambda: Memory(states={}))
    now: datetime = BEGIN
    health: dict[str, Health] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    setters: tuple[str, ...] = ()
    writers: tuple[str, ...] = ("helm",)
    managers: tuple[str, ...] = ("helm",)
    refusal: Stalled | None = None
    created: dict[str, datetime] = field(default_factory=dict)
    recreate: set[str] = field(default_factory=set)
    buckets: list[Attached] = field(default_factory=list)
    storage: Settings = field(default_factory=dict)
    removals: list[Pending] = field(default_factory=list)
    writes: list[list[str]] = field(default_factory=list)
    seen: list[Container] = field(default_factory=list)

    # --- what happens --------------------------------------------------------------------------------------------------

    def later(self, **by: float) -> "Target":
        self.now += timedelta(**by)
        return self

    def come_up(self, *keys: str) -> "Target":
        """The rollouts of these workloads (all of them by default) are done."""
        for key in keys or tuple(self.workloads):
            self.health[key] = Health(state=State.CURRENT, live=True)
        return self

    def fail(
        self, key: str, message: str = "Pod api-1: container api ends again and again (CrashLoopBackOff)."
    ) -> "Target":
        self.health[key] = Health(state=State.FAILED, message=message)
        return self

    def lose_status(self) -> "Target":
        self.memory = Memory(states={}, request=self.memory.request)
        return self

    # --- a look --------------------------------------------------------------------------------------------------------

    def situation(self) -> Situation:
        return Situation(
            workloads=tuple(self._workload(key) for key in sorted(self.workloads)),
            stored=self.stored,
            ours="wandb-file-stores-",
            memory=self.memory,
            policy=self.policy,
            now=self.now,
        )

    def plan(self, *, progressing: bool = False, since: datetime | None = None) -> Plan:
        """Decide, without carrying it out."""
        situation = self.situation()
        going = rollout.going_on(situation)
        if going is not None:
            return going
        entries = base(situation)
        wish: Wanted | Stalled
        try:
            gone = [each.identity for each in self.removals]
            wish = Wanted(
                composition=compose(entries, self.buckets, removals=gone, separator=self.policy.separator),
                storage=self.storage,
                store="uid-storage" if self.storage else "",
            )
        except Stalled as stalled:
            wish = stalled
        there = {entry.identity: entry.text for entry in entries}
        changed = [each for each in self.buckets if there.get(each.identity) != each.address]
        pending = [Pending(identity=each.identity, since=since or BEGIN - timedelta(minutes=1)) for each in changed]
        return rest.plan(
            situation,
            wish,
            pending=[*pending, *self.removals],
            progressing=progressing,
            obstacle=rollout.obstacle(situation),
        )

    def look(
        self,
        *,
        progressing: bool = False,
        since: datetime | None = None,
        writes: int | None = None,
        conflict: int | None = None,
        status: bool = True,
    ) -> Plan:
        """Decide and carry it out; `writes` and `status` cut the look short, as a crash would, `conflict` as another's write before ours does."""
        plan = self.plan(progressing=progressing, since=since)
        if plan.create is not None:
            plan = replace(plan, secret=self.store(plan.create))
        if conflict is not None:
            plan = interrupted(plan, done=conflict)
        written = plan.writes if writes is None else plan.writes[:writes]
        if written:
            self.writes.append([write.workload.key for write in written])
        for write in written:
            made = self.stored.get(plan.secret)
            given = write.workload.given(made.configuration, secret=plan.secret) if made is not None else {}
            before = self.workloads[write.workload.key]
            more = {slot.setting: env for slot, env in (given if write.envs is None else write.envs).items()}
            env = more.pop(VARIABLE, before.env)
            # What stands behind a reference of somebody else is there for whoever refers to it.
            known = next((c.foreign for c in self.seen if c.env == env), None)
            self.seen.append(before)
            self.workloads[write.workload.key] = Container(env=env, foreign=known, more={**before.more, **more})
            self.health[write.workload.key] = Health(state=State.PROGRESSING)
        if writes is None and status:
            self._remember(plan)
        return plan

    def looks(self, *, progressing: bool = False) -> Plan:
        """Look until a look changes nothing more."""
        for _ in range(20):
            before = (len(self.writes), self.memory)
            plan = self.look(progressing=progressing)
            if before == (len(self.writes), self.memory):
                return plan
        raise AssertionError("it never settles")

    def store(self, configuration: Configuration) -> str:
        name = f"wandb-file-stores-{len(self.stored) + 1}"
        self.stored[name] = Stored(name=name, uid=name, created=self.now, configuration=configuration)
        return name

    # --- what there is -------------------------------------------------------------------------------------------------

    def values(self) -> set[str | None]:
        """The distinct values that the containers have."""
        return self.values_of(VARIABLE)

    def values_of(self, setting: str) -> set[str | None]:
        """The distinct values of one setting."""
        return {self._reading(key, setting).value for key in self.workloads}

    def secrets(self) -> set[str]:
        return {self._reading(key).secret for key in self.workloads}

    def _workload(self, key: str) -> Workload:
        kind, name = key.split("/")
        return Workload(
            kind=kind,
            name=name,
            uid=key,
            resource_version="1",
            created=self.created.get(key, BEGIN - timedelta(days=1)),
            readings=tuple(
                replace(self._reading(key, setting), refusal=self.refusal) for setting in (VARIABLE, *self.storage)
            ),
            template=self.templates.get(key, "template"),
            health=self.health.get(key, Health(state=State.CURRENT, live=True)),
            recreate=key in self.recreate,
            writers=self.writers,
            managers=self.managers,
        )

    def _reading(self, key: str, setting: str = VARIABLE) -> Reading:
        kind, name = key.split("/")
        slot, container = Slot(kind, name, "c", setting), self.workloads[key]
        env = container.env if setting == VARIABLE else container.more.get(setting)
        if env is None:
            return Reading(slot=slot, origin=Origin.ABSENT, setters=self.setters)
        if "value" in env:
            return Reading(slot=slot, origin=Origin.LITERAL, env=env, value=env["value"], setters=self.setters)
        secret = env["valueFrom"]["secretKeyRef"]["name"]
        stored = self.stored.get(secret)
        value = stored.configuration.values.get(setting) if stored is not None else container.foreign
        return Reading(slot=slot, origin=Origin.SECRET, env=env, value=value, secret=secret, setters=self.setters)

    def _remember(self, plan: Plan) -> None:
        self.memory = Memory(
            secret=plan.secret,
            last_good=plan.last_good,
            failed=plan.failed,
            reverted=plan.reverted or quarrel.remembered(self.situation(), plan.secret),
            configured=self._condition(plan.configured, self.memory.configured),
            rolled_out=self._condition(plan.rolled_out, self.memory.rolled_out),
            states={key: state.value for key, (state, _) in plan.states.items()},
            request=self.memory.request,
        )

    def _condition(self, verdict: Verdict, before: Condition | None) -> Condition:
        kept = before is not None and before.status == verdict.status
        return Condition(
            type=verdict.type.value,
            status=verdict.status,
            reason=verdict.reason.value,
            message=verdict.message,
            last_transition_time=before.last_transition_time if before is not None and kept else self.now,
        )


def literal(value: str) -> Container:
    return Container(env={"name": "GORILLA_SUPPORTED_FILE_STORES", "value": value})


def foreign(value: str, *, name: str = "theirs") -> Container:
    env = {"name": "GORILLA_SUPPORTED_FILE_STORES", "valueFrom": {"secretKeyRef": {"name": name, "key": "stores"}}}
    return Container(env=env, foreign=value)


def removal(identity: str) -> Pending:
    """A confirmed removal."""
    return Pending(identity=identity, since=BEGIN - timedelta(minutes=1))
