"""From an error of the SDK to a sentence and a remedy: by code, by status, without anything else of the answer."""

from typing import Any

import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from wandb_byob.decide.connections import Fault
from wandb_byob.decide.endpoints import AllowList, Endpoint, Policy, Refusal
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.s3 import errors
from wandb_byob.providers.s3.errors import Where
from wandb_byob.providers.s3.target import Route, Target
from wandb_byob.providers.transport import TransportError, transport_error

AWS = Target(route=Route(provider="S3", region="eu-central-1"), bucket="acme")
COMPATIBLE = Target(
    route=Route(
        provider="S3Compatible",
        region="us-east-1",
        endpoint="https://minio.example.com",
    ),
    bucket="acme",
)
WHERE = Where(target=AWS, keys="spec.provisioning.secretRef")
POLICY = Policy(
    endpoint=Endpoint(scheme="https", host="minio.example.com", port=443),
    allowed=AllowList(),
    field="spec.s3Compatible.endpoint",
)


def answer(code: str, status: int, operation: str = "PutBucketCors", **more: Any) -> sdk.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "<xml>canary-in-the-body</xml>", **more.pop("error", {})},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": more.pop("headers", {})},
    }
    return sdk.ClientError(response, operation)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"])
def test_an_identity_has_no_secret_to_correct(code: str) -> None:
    """Where nobody gave keys, what is wrong with them is wrong with the identity."""
    told = errors.explain(answer(code, 403), Where(target=AWS, keys="spec.credentials"))
    assert "Secret" not in told.message + told.remedy
    assert "cloud identity that signs by spec.credentials" in told.message
    assert told.check is CheckName.CREDENTIALS


@pytest.mark.parametrize(
    ("error", "reason", "stalls", "said"),
    [
        (answer("NoSuchBucket", 404), Reason.BUCKET_NOT_FOUND, True, "acme"),
        (answer("404", 404, "HeadBucket"), Reason.BUCKET_NOT_FOUND, True, "acme"),
        (answer("AccessDenied", 403), Reason.ACCESS_DENIED, True, "s3:PutBucketCORS"),
        (
            answer("AccessDenied", 403, "GetPublicAccessBlock"),
            Reason.ACCESS_DENIED,
            True,
            "s3:GetBucketPublicAccessBlock",
        ),
        (answer("AccessDenied", 403, "CreateBucket"), Reason.ACCESS_DENIED, True, "s3:CreateBucket"),
        (answer("403", 403, "HeadBucket"), Reason.ACCESS_DENIED, True, "s3:ListBucket"),
        (answer("SomethingNew", 403), Reason.ACCESS_DENIED, True, "SomethingNew"),
        (answer("InvalidAccessKeyId", 403), Reason.ACCESS_DENIED, True, "spec.provisioning.secretRef"),
        (answer("SignatureDoesNotMatch", 403), Reason.ACCESS_DENIED, True, "line break"),
        (answer("ExpiredToken", 400), Reason.ACCESS_DENIED, True, "expired"),
        (answer("InvalidToken", 400), Reason.ACCESS_DENIED, True, "session token"),
        (answer("RequestTimeTooSkewed", 403), Reason.PROVIDER_ERROR, False, "clock"),
        (
            answer("PermanentRedirect", 301, headers={"x-amz-bucket-region": "us-west-2"}),
            Reason.INVALID_SPEC,
            True,
            "us-west-2",
        ),
        (
            answer("AuthorizationHeaderMalformed", 400, error={"Region": "us-west-2"}),
            Reason.INVALID_SPEC,
            True,
            "us-west-2",
        ),
        (answer("301", 301), Reason.INVALID_SPEC, True, "another region"),
        (answer("IllegalLocationConstraintException", 400), Reason.INVALID_SPEC, True, "eu-central-1"),
        (answer("InvalidLocationConstraint", 400), Reason.INVALID_SPEC, True, "no region eu-central-1"),
        (answer("PathStyleRequestNotAllowed", 400), Reason.INVALID_SPEC, True, "virtual-hosted"),
        (answer("BadDigest", 400), Reason.PROVIDER_ERROR, False, "proxy"),
        (answer("BucketAlreadyExists", 409), Reason.BUCKET_NOT_OURS, True, "taken by somebody else"),
        (answer("SlowDown", 503), Reason.THROTTLED, False, "fewer requests"),
        (answer("TooManyRequests", 429), Reason.THROTTLED, False, "fewer requests"),
        (answer("503", 503), Reason.THROTTLED, False, "not available"),
        (answer("InternalError", 500), Reason.PROVIDER_ERROR, False, "failed to answer"),
        (answer("OperationAborted", 409), Reason.THROTTLED, False, "tried again"),
        (answer("EntityTooPeculiar", 400), Reason.PROVIDER_ERROR, False, "EntityTooPeculiar"),
        (sdk.NoCredentialsError(), Reason.ACCESS_DENIED, True, "no cloud identity"),
        (ResponseParserError("canary-in-the-body"), Reason.PROVIDER_ERROR, False, "not S3"),
    ],
    ids=lambda value: errors.code(value) if isinstance(value, Exception) else "",
)
def test_each_error_is_one_sentence_and_what_to_do(error: Exception, reason: Reason, stalls: bool, said: str) -> None:
    explained = errors.explain(error, WHERE)
    raised = errors.domain_error(error, WHERE)
    assert raised.reason is reason
    assert isinstance(raised, Stalled if stalls else Waiting)
    assert said in raised.message
    assert "canary" not in raised.message
    assert "{" not in raised.message
    assert explained.remedy.endswith(".")


@pytest.mark.parametrize("code", ["PermanentRedirect", "InvalidLocationConstraint", "InvalidRegion"])
@pytest.mark.parametrize(("target", "field"), [(AWS, "spec.s3.region"), (COMPATIBLE, "spec.s3Compatible.region")])
def test_a_wrong_region_names_the_field_to_correct(code: str, target: Target, field: str) -> None:
    explained = errors.explain(answer(code, 400), Where(target=target, keys="spec.provisioning.secretRef"))
    assert f"Set {field} to" in explained.remedy


@pytest.mark.parametrize(
    ("fault", "reason", "stalls"),
    [
        (Fault.UNKNOWN_HOST, Reason.UNREACHABLE, False),
        (Fault.REFUSED, Reason.UNREACHABLE, False),
        (Fault.TIMEOUT, Reason.UNREACHABLE, False),
        (Fault.TLS_EXPIRED, Reason.UNREACHABLE, False),
        (Fault.TLS_UNKNOWN_AUTHORITY, Reason.UNREACHABLE, False),
        (Fault.TLS_WRONG_HOST, Reason.UNREACHABLE, False),
        (Fault.TOO_LARGE, Reason.UNREACHABLE, False),
    ],
)
def test_a_store_that_cannot_be_reached_is_looked_at_again(fault: Fault, reason: Reason, stalls: bool) -> None:
    raised = errors.domain_error(transport_error(fault, policy=POLICY), WHERE)
    assert raised.reason is reason
    assert isinstance(raised, Stalled) is stalls
    assert "minio.example.com" in raised.message


def test_a_refused_address_waits_for_an_edit() -> None:
    why = Refusal(message="10.0.0.1 is not public.", remedy="Have it added to allowedEndpoints.")
    raised = errors.domain_error(TransportError(Fault.NOT_ALLOWED, why), WHERE)
    assert isinstance(raised, Stalled)
    assert raised.reason is Reason.ENDPOINT_NOT_ALLOWED
    assert raised.message == "Check EndpointAllowed: 10.0.0.1 is not public. Have it added to allowedEndpoints."
    assert raised.check is not None
    assert (raised.check.name, raised.check.result) == (CheckName.ENDPOINT_ALLOWED, CheckResult.FAILED)


@pytest.mark.parametrize("code", ["", "not a code", "<script>", "x" * 65, "Key=AKIA", "line\nbreak"])
def test_what_does_not_look_like_a_code_is_not_shown(code: str) -> None:
    error = answer(code, 418)
    assert errors.code(error) == "418"
    assert not code or code not in errors.explain(error, WHERE).message


@pytest.mark.parametrize("region", ["<b>", "x" * 33, "eu central", ""])
def test_what_does_not_look_like_a_region_is_not_shown(region: str) -> None:
    error = answer("PermanentRedirect", 301, headers={"x-amz-bucket-region": region})
    assert errors.region_of(error) == ""
    assert "another region" in errors.explain(error, WHERE).message


@pytest.mark.parametrize(
    ("code", "status", "aws", "compatible"),
    [
        ("NotImplemented", 501, True, True),
        ("VersioningNotConfigured", 501, True, True),
        ("MalformedXML", 400, False, True),
        ("MalformedPolicy", 400, False, True),
        ("405", 405, False, True),
        ("AccessDenied", 403, False, False),
        ("InternalError", 500, False, False),
    ],
)
def test_what_a_store_does_not_offer_depends_on_what_it_claims_to_be(
    code: str, status: int, aws: bool, compatible: bool
) -> None:
    assert errors.is_unsupported(answer(code, status), AWS) is aws
    assert errors.is_unsupported(answer(code, status), COMPATIBLE) is compatible


@pytest.mark.parametrize(
    "code",
    ["NoSuchTagSet", "NoSuchCORSConfiguration", "NoSuchBucketPolicy", "ServerSideEncryptionConfigurationNotFoundError",
     "NoSuchPublicAccessBlockConfiguration", "NoSuchLifecycleConfiguration"],
)  # fmt: skip
def test_an_absent_configuration_is_no_absent_bucket(code: str) -> None:
    error = answer(code, 404)
    assert errors.is_not_configured(error)
    assert not errors.is_missing(error)


@pytest.mark.parametrize(
    ("code", "status", "missing"), [("NoSuchBucket", 404, True), ("404", 404, True), ("NoSuchBucket", 500, False)]
)
def test_an_absent_bucket(code: str, status: int, missing: bool) -> None:
    assert errors.is_missing(answer(code, status)) is missing
