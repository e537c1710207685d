"""What the provisioning credentials may not do, for every provider: one check that names each permission."""

from collections.abc import Sequence

from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.verification import explain
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def lacking(refused: Sequence[Unread], *, who: str, held_by: str = "") -> tuple[Check, ...]:
    """Return the check of the permissions that `who` lacks, nothing where none was refused; `held_by` names the cloud's role with them."""
    denied = [found for found in refused if found.denied]
    return (_check(denied, who=who, held_by=held_by),) if denied else ()


def not_begun(refused: Unread, *, bucket: str, step: str, who: str, held_by: str = "") -> Stalled:
    """Return the end of a look at a bucket that could not be made, or marked as ours, without which nothing else is done."""
    check = _check([refused], who=who, held_by=held_by)
    message = f"{bucket} cannot be {step}, and so is not configured. {explain(check)}"
    return Stalled(Reason.ACCESS_DENIED, message, check=check)


def _check(denied: Sequence[Unread], *, who: str, held_by: str) -> Check:
    listed = ", ".join(dict.fromkeys(found.action for found in denied))
    codes = ", ".join(dict.fromkeys(found.code for found in denied))
    role = f" (the role {held_by} has it)" if held_by else ""
    return Check(
        name=CheckName.PROVISIONING_PERMISSION,
        result=CheckResult.FAILED,
        message=f"The store refused {listed} to {who} ({codes}), so that what this would set is not configured.",
        remedy=f"Grant {listed} to {who}{role}, or configure it by hand and leave spec.provisioning out.",
    )


def not_set(name: CheckName, refused: Unread, *, consequence: str = "") -> Check:
    """Return the check of something that is not set for want of a permission, which the check of `lacking` counts."""
    tail = f" {consequence}" if consequence else ""
    message = f"It is not set, since {refused.action} was refused ({refused.code}): see ProvisioningPermission.{tail}"
    return Check(name=name, result=CheckResult.SKIPPED, message=message)
