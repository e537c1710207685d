"""What the provisioning credentials lack, in one check, and what a look without it ends with."""

import pytest

from wandb_byob.decide import permissions
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.reasons import Reason

CORS = Unread(code="AccessDenied", action="s3:PutBucketCORS", denied=True)
POLICY = Unread(code="AccessDenied", action="s3:PutBucketPolicy", denied=True)
UNKNOWN = Unread(code="NotImplemented", action="s3:PutBucketVersioning", denied=False)
WHO = "the identity of spec.provisioning.secretRef"


@pytest.mark.parametrize("refused", [(), (UNKNOWN,)])
def test_nothing_lacks(refused: tuple[Unread, ...]) -> None:
    """What a store does not offer is no permission."""
    assert permissions.lacking(refused, who=WHO) == ()


def test_each_permission_is_named_once() -> None:
    """With who lacks it, the store's words and, where the cloud has one, the role."""
    (found,) = permissions.lacking((CORS, POLICY, UNKNOWN, CORS), who=WHO, held_by="roles/storage.admin")
    assert (found.name, found.result) == (CheckName.PROVISIONING_PERMISSION, CheckResult.FAILED)
    assert f"The store refused s3:PutBucketCORS, s3:PutBucketPolicy to {WHO} (AccessDenied)" in found.message
    assert f"Grant s3:PutBucketCORS, s3:PutBucketPolicy to {WHO} (the role roles/storage.admin has it)" in found.remedy
    assert "NotImplemented" not in found.message


def test_without_which_nothing_is_begun() -> None:
    """The bucket is left alone, and the check says why."""
    error = permissions.not_begun(CORS, bucket="The bucket acme", step="created", who=WHO)
    assert error.reason is Reason.ACCESS_DENIED
    assert error.message.startswith(
        "The bucket acme cannot be created, and so is not configured. Check ProvisioningPermission"
    )
    assert error.check is not None
    assert error.check.name is CheckName.PROVISIONING_PERMISSION


def test_what_it_keeps_from_being_set() -> None:
    """Is skipped, since the one check counts it."""
    found = permissions.not_set(CheckName.CORS, CORS, consequence="Browsers are tried.")
    assert found.result is CheckResult.SKIPPED
    assert found.message.endswith("see ProvisioningPermission. Browsers are tried.")
