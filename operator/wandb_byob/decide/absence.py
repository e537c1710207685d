"""What becomes of a bucket that is not there, for every provider: it is made, or why not."""

from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def to_be_made(what: str, *, provisioned: bool, managed: bool, intended: bool, restore: str = "") -> bool:
    """Say whether the operator makes the bucket now, or only plans to; raises `Stalled` where it can't or must not.

    `what` is the bucket as a sentence names it ("bucket acme at https://…"), `restore` how its cloud may bring a lost one back.
    """
    if not provisioned:
        raise Stalled(
            Reason.BUCKET_NOT_FOUND,
            f"There is no {what}, and nothing to create it with. Set spec.provisioning to have it created, or create it by hand, or "
            "correct its name.",
        )
    if managed and not intended:
        raise Stalled(
            Reason.BUCKET_NOT_FOUND,
            f"The {what} is gone. It is not made anew, since its files would still be missing: restore it{restore}, or delete this "
            f"BucketStore and create it again for an empty {what.partition(' ')[0]}.",
        )
    return managed


def not_there(what: str) -> Check:
    """Return the check of a bucket that would be made if the operator managed it."""
    return Check(
        name=CheckName.BUCKET_EXISTS,
        result=CheckResult.FAILED,
        message=f"There is no {what}.",
        remedy="Set managementPolicy: Manage to have it created.",
    )
