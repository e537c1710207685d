"""What the provisioning credentials may not do, as one check that names each permission."""

from collections.abc import Sequence

from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model.checks import Check, CheckName, CheckResult


def lacking(refused: Sequence[Unread], *, keys: str) -> Check | None:
    """Return the check of what the provisioning credentials (in the field `keys`) may not do, None where nothing was refused to them."""
    actions = list(dict.fromkeys(found.action for found in refused if found.denied))
    if not actions:
        return None
    listed, codes = ", ".join(actions), ", ".join(dict.fromkeys(found.code for found in refused if found.denied))
    return Check(
        name=CheckName.PROVISIONING_PERMISSION,
        result=CheckResult.FAILED,
        message=f"The store refused {listed} to {keys} ({codes}), so that what this would set is not configured.",
        remedy=f"Grant {listed} to the identity of {keys}, or configure it by hand and leave spec.provisioning out.",
    )
