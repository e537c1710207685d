"""What each of Azure's error codes means: one sentence, the fix, and nothing else of the reply."""

import pytest

from wandb_byob.decide.clouds.azure_errors import AzureError, Where, error_of, explain, missing
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason

FIELD = "spec.provisioning.secretRef"
KEYED = Where(account="acme", container="files", signer=f"the account key of {FIELD}", field=FIELD)
IDENTITY = Where(account="acme", container="files", signer="the operator's own identity (client c-1)")
RIGHT = Check(name=CheckName.CLOCK_SKEW, result=CheckResult.PASSED, message="agree")
WRONG = Check(name=CheckName.CLOCK_SKEW, result=CheckResult.FAILED, message="The clock is wrong.", remedy="Set it.")


@pytest.mark.parametrize(
    ("status", "code", "error", "reason", "check", "words"),
    [
        (403, "AuthenticationFailed", Stalled, Reason.ACCESS_DENIED, CheckName.CREDENTIALS, "spec.provisioning.secretRef"),
        (400, "InvalidAuthenticationInfo", Stalled, Reason.ACCESS_DENIED, CheckName.CREDENTIALS, "key1 or key2"),
        (401, "NoAuthenticationInformation", Stalled, Reason.ACCESS_DENIED, CheckName.CREDENTIALS, "key1 or key2"),
        (403, "KeyBasedAuthenticationNotPermitted", Stalled, Reason.ACCESS_DENIED, CheckName.CREDENTIALS, "managed identity"),
        (403, "AuthorizationFailure", Stalled, Reason.ACCESS_DENIED, CheckName.STORAGE_ACCOUNT, "Networking"),
        (403, "AuthorizationPermissionMismatch", Stalled, Reason.ACCESS_DENIED, None, "Storage Blob Data Owner"),
        (403, "InsufficientAccountPermissions", Stalled, Reason.ACCESS_DENIED, None, "Storage Blob Data Owner"),
        (403, "AccountIsDisabled", Stalled, Reason.ACCESS_DENIED, CheckName.STORAGE_ACCOUNT, "subscription"),
        (409, "AccountBeingCreated", Waiting, Reason.PROGRESSING, CheckName.STORAGE_ACCOUNT, "tried again"),
        (404, "ContainerNotFound", Stalled, Reason.BUCKET_NOT_FOUND, CheckName.BUCKET_EXISTS, "spec.azure.container"),
        (404, "ResourceNotFound", Stalled, Reason.BUCKET_NOT_FOUND, CheckName.BUCKET_EXISTS, "spec.azure.container"),
        (409, "ContainerBeingDeleted", Waiting, Reason.PROGRESSING, CheckName.BUCKET_EXISTS, "30 seconds"),
        (409, "ContainerAlreadyExists", Waiting, Reason.PROVIDER_ERROR, None, "somebody else"),
        (409, "ContainerDisabled", Stalled, Reason.PROVIDER_ERROR, CheckName.BUCKET_EXISTS, "support"),
        (409, "FeatureNotSupportedForAccount", Stalled, Reason.PROVIDER_ERROR, CheckName.STORAGE_ACCOUNT, "v2"),
        (409, "FeatureVersionMismatch", Stalled, Reason.PROVIDER_ERROR, CheckName.STORAGE_ACCOUNT, "v2"),
        (400, "InvalidResourceName", Stalled, Reason.INVALID_SPEC, CheckName.BUCKET_NAME, "spec.azure.container"),
        (400, "OutOfRangeInput", Stalled, Reason.INVALID_SPEC, CheckName.BUCKET_NAME, "spec.azure.container"),
        (400, "InvalidXmlDocument", Stalled, Reason.PROVIDER_ERROR, CheckName.CORS, "spec.cors.allowedOrigins"),
        (409, "BlobImmutableDueToPolicy", Stalled, Reason.CHECKS_FAILED, CheckName.IMMUTABILITY, "container without"),
        (412, "LeaseIdMissing", Stalled, Reason.PROVIDER_ERROR, None, "lease"),
        (412, "ConditionNotMet", Waiting, Reason.PROVIDER_ERROR, None, "tried again"),
        (503, "ServerBusy", Waiting, Reason.THROTTLED, None, "slow down"),
        (429, "TooManyRequests", Waiting, Reason.THROTTLED, None, "slow down"),
        (500, "InternalError", Waiting, Reason.PROVIDER_ERROR, None, "status 500"),
        (500, "OperationTimedOut", Waiting, Reason.PROVIDER_ERROR, None, "status 500"),
        (403, "SomethingNew", Stalled, Reason.ACCESS_DENIED, None, "Storage Blob Data Owner"),
        (400, "SomethingNew", Stalled, Reason.PROVIDER_ERROR, None, "spec.azure"),
    ],
)  # fmt: skip
def test_each_code(
    status: int, code: str, error: type[Exception], reason: Reason, check: CheckName | None, words: str
) -> None:
    """It waits or stalls by its reason, fails the check that it is about, names the code and what to do."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>canary</Message></Error>".encode()
    found = explain(error_of(status, {}, body, operation="GetContainerProperties"), KEYED, clock=RIGHT)
    told = found.error()
    assert isinstance(told, error)
    assert told.reason is reason
    assert (told.check.name if told.check else None) is check
    assert code in told.message
    assert words in told.message
    assert "canary" not in told.message
    assert found.remedy.endswith(".")
    assert "{" not in told.message


def test_the_answer_to_head_has_its_code_in_a_header() -> None:
    """There is no body then; a word that is none is left out."""
    assert error_of(404, {"x-ms-error-code": "ContainerNotFound"}, b"", operation="x").code == "ContainerNotFound"
    assert error_of(404, {"x-ms-error-code": "canary key=1"}, b"", operation="x").code == "404"
    assert error_of(502, {}, b"<html>canary</html>", operation="x").code == "502"


def test_a_wrong_signature_is_told_from_a_firewall() -> None:
    """Azurite says by the firewall's code that a signature is wrong; the sentence is Azure's own for that."""
    body = b"<Error><Code>AuthorizationFailure</Code><Message>Server failed to authenticate the request. Make sure</Message></Error>"
    assert error_of(403, {}, body, operation="x").code == "AuthenticationFailed"
    assert error_of(403, {}, body.replace(b"failed", b"refused"), operation="x").code == "AuthorizationFailure"


def test_a_wrong_clock_explains_a_refused_signature() -> None:
    """Azure's word is the same; which of the two it is the clocks tell."""
    error = AzureError(status=403, code="AuthenticationFailed", operation="PutBlob")
    told = explain(error, KEYED, clock=WRONG)
    assert (told.check, told.message, told.remedy) == (CheckName.CLOCK_SKEW, "The clock is wrong.", "Set it.")
    other = explain(AzureError(status=404, code="ContainerNotFound", operation="PutBlob"), KEYED, clock=WRONG)
    assert other.check is CheckName.BUCKET_EXISTS


def test_an_identity_is_told_of_roles_and_not_of_keys() -> None:
    """The account's own settings take another role than files do."""
    refused = explain(AzureError(status=401, code="InvalidAuthenticationInfo", operation="x"), IDENTITY, clock=RIGHT)
    assert "spec.azure.tenantID" in refused.remedy
    for operation, role in (
        ("SetBlobServiceProperties", "Storage Account Contributor"),
        ("PutBlob", "Storage Blob Data Owner"),
    ):
        error = AzureError(status=403, code="AuthorizationPermissionMismatch", operation=operation)
        told = explain(error, IDENTITY, clock=RIGHT)
        assert role in told.remedy
        assert "client c-1" in told.message


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        (404, "ContainerNotFound", True),
        (404, "404", True),
        (404, "BlobNotFound", False),
        (409, "ContainerBeingDeleted", False),
    ],
)
def test_missing(status: int, code: str, gone: bool) -> None:
    """Only where the container is not there."""
    assert missing(AzureError(status=status, code=code, operation="x")) is gone
