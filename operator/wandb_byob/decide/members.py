"""From a bucket and the W&B that reads it to the conditions of a TeamStorage."""

from dataclasses import dataclass
from typing import Final

from wandb_byob.decide.annotations import paused
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, is_true, kept
from wandb_byob.decide.offers import LABELS
from wandb_byob.decide.stores import skipped
from wandb_byob.model import names
from wandb_byob.model.api import HandOver, TeamStorage, WandbInstance
from wandb_byob.model.reasons import Reason

# Reasons of the WandbInstance's Configured while nobody has taken the variable away.
_ROLLING: Final = frozenset(
    {Reason.CONFIGURED, Reason.ROLLOUT_IN_PROGRESS, Reason.ROLLED_BACK, Reason.WAITING_FOR_BUCKETS}
)
_AFTER_ACCEPTED: Final = (ConditionType.BUCKET_READY, ConditionType.CONFIGURED, ConditionType.ROLLED_OUT)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a TeamStorage's configuration is judged by; `instance` None: it is not known (yet).

    `entry` is the identity of the entry that leads W&B to the bucket. `user` is the TeamStorage's namespace: what lies in another one is not quoted. `handed_over`: a person says that W&B was told.
    `ran`: W&B's pods have run with this bucket already.
    """

    instance: WandbInstance | None
    entry: str
    user: str
    hand_over: HandOver | None
    handed_over: bool
    ran: bool = False


def outcome(accepted: Verdict, bucket: tuple[Verdict, Progress], place: Place) -> Outcome:
    """Return the conditions of a TeamStorage that is accepted."""
    bucket_ready, progress = bucket
    configured, configuring = _configured(place)
    rolled_out, rolling = _rolled_out(place, configured)
    pairs = ((bucket_ready, progress), (configured, configuring), (rolled_out, rolling))
    first = next((progress for verdict, progress in pairs if verdict.status != "True"), Progress.SETTLED)
    return Outcome(verdicts=(accepted, bucket_ready, configured, rolled_out), progress=first)


def refused(team: TeamStorage, verdict: Verdict, progress: Progress) -> Outcome:
    """Return the conditions of one that is not accepted; that W&B is configured with it stays true, and so stays the lock."""
    stays = {old.type: old for old in kept(team.status.conditions)}
    was_configured = is_true(team.status.conditions, ConditionType.CONFIGURED)
    others = tuple(
        stays[type_]
        if was_configured and type_ in stays and type_ is not ConditionType.BUCKET_READY
        else skipped(type_, verdict)
        for type_ in _AFTER_ACCEPTED
    )
    return Outcome(verdicts=(verdict, *others), progress=progress)


def in_variable(instance: WandbInstance | None, identity: str) -> bool:
    """Say whether W&B's configuration holds the entry of this identity, whoever wrote it."""
    return instance is not None and any(entry.identity == identity for entry in instance.status.entries)


def _configured(place: Place) -> tuple[Verdict, Progress]:
    instance = place.instance
    if instance is None:
        return _waiting(ConditionType.CONFIGURED, "The WandbInstance of the BucketStore is not known yet.")
    if instance.spec.deployment_type != "SelfManaged":
        return _told(place)
    if in_variable(instance, place.entry):
        return _true(ConditionType.CONFIGURED, Reason.CONFIGURED, "W&B's configuration holds the bucket.")
    return _from_instance(place, instance, ConditionType.CONFIGURED)


def _told(place: Place) -> tuple[Verdict, Progress]:
    if place.hand_over is None:
        message = "Nothing needs to be configured in W&B: the team is created with this bucket."
        return _true(ConditionType.CONFIGURED, Reason.CONFIGURED, message)
    if place.handed_over:
        message = f"{place.hand_over.recipient}: told, as the annotation byob.wandb.com/handed-over says."
        return _true(ConditionType.CONFIGURED, Reason.CONFIGURED, message)
    message = (
        f"{place.hand_over.recipient} must be told first. Send what status.handOver says, and when it is done, set the annotation "
        'byob.wandb.com/handed-over: "true".'
    )
    verdict = Verdict(type=ConditionType.CONFIGURED, status="False", reason=Reason.ACTION_REQUIRED, message=message)
    return verdict, Progress.STALLED


def _rolled_out(place: Place, configured: Verdict) -> tuple[Verdict, Progress]:
    instance = place.instance
    if configured.status != "True" or instance is None:
        return skipped(ConditionType.ROLLED_OUT, configured), Progress.RECONCILING
    if instance.spec.deployment_type != "SelfManaged":
        message = "W&B runs outside of this cluster, and nothing is restarted here."
        return _true(ConditionType.ROLLED_OUT, Reason.ROLLED_OUT, message)
    done = is_true(instance.status.conditions, ConditionType.ROLLED_OUT)
    if done or (place.ran and _for_another(instance)):
        message = f"W&B's pods run with the bucket. {_not_offered(place, instance)}".rstrip()
        return _true(ConditionType.ROLLED_OUT, Reason.ROLLED_OUT, message)
    return _from_instance(place, instance, ConditionType.ROLLED_OUT)


def _not_offered(place: Place, instance: WandbInstance) -> str:
    """Return what to say where some pods lack the cloud: who creates the team would look for it in vain."""
    label = LABELS.get(place.entry.partition("://")[0], "")
    if label not in instance.status.not_offered:
        return ""
    home = instance.metadata.namespace == place.user
    where = (
        f"the condition RolledOut of WandbInstance {instance.metadata.name} says why, and what to do"
        if home
        else "ask the owner of the WandbInstance"
    )
    return f'W&B may all the same not offer {label} on its page "Create a new team": {where}.'


def _for_another(instance: WandbInstance) -> bool:
    """Say whether what goes on is a rollout for another bucket (or back from it): pods have this one before and after."""
    return any(c.type == ConditionType.CONFIGURED and c.reason in _ROLLING for c in instance.status.conditions)


def _from_instance(place: Place, instance: WandbInstance, type_: ConditionType) -> tuple[Verdict, Progress]:
    """Pass on why W&B does not have the bucket (yet); a neighbour in another namespace hears only the reason."""
    cause = _cause(instance)
    if cause is None:
        return _waiting(type_, _on_the_way(instance, type_))
    reason, words = cause
    if instance.metadata.namespace == place.user:
        message = f"WandbInstance {instance.metadata.name}: {words}"
    else:
        message = f"W&B cannot be configured at present ({reason.value}). Ask the owner of the WandbInstance."
    return Verdict(type=type_, status="False", reason=reason, message=message), Progress.STALLED


def _on_the_way(instance: WandbInstance, type_: ConditionType) -> str:
    if type_ is ConditionType.ROLLED_OUT:
        return "W&B's pods are being replaced by ones that have the bucket."
    opens = next((c for c in instance.status.conditions if c.reason == Reason.WAITING_FOR_WINDOW), None)
    if opens is not None:
        return opens.message
    return f"W&B ({instance.spec.host}) is configured with the bucket once all new buckets are verified."


def _cause(instance: WandbInstance) -> tuple[Reason, str] | None:
    """Return why W&B's configuration waits for a person, None where it does not."""
    if paused(instance.metadata):
        return Reason.PAUSED, f"It is paused: remove the annotation {names.PAUSED}."
    stalled = next(
        (c for c in instance.status.conditions if c.type == ConditionType.STALLED and c.status == "True"), None
    )
    if stalled is None or _only_for_storage(instance):
        return None
    return next((r for r in Reason if r == stalled.reason), Reason.WAITING_FOR_INSTANCE), stalled.message


def _only_for_storage(instance: WandbInstance) -> bool:
    """Say whether what waits for a person is the instance's own bucket, which keeps no team from its own."""
    given = instance.status.conditions
    rest = (ConditionType.ACCEPTED, ConditionType.CONFIGURED, ConditionType.ROLLED_OUT)
    return all(is_true(given, type_) for type_ in rest)


def _waiting(type_: ConditionType, message: str) -> tuple[Verdict, Progress]:
    reason = Reason.ROLLOUT_IN_PROGRESS if type_ is ConditionType.ROLLED_OUT else Reason.WAITING_FOR_INSTANCE
    return Verdict(type=type_, status="False", reason=reason, message=message), Progress.RECONCILING


def _true(type_: ConditionType, reason: Reason, message: str) -> tuple[Verdict, Progress]:
    return Verdict(type=type_, status="True", reason=reason, message=message), Progress.SETTLED
