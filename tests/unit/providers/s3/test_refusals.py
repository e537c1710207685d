"""What a store does not offer is not asked for at every look."""

from datetime import UTC, datetime, timedelta

from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.providers.s3.refusals import Refusals
from wandb_byob.providers.s3.target import Route, Target

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TARGET = Target(
    route=Route(provider="S3Compatible", region="us-east-1", endpoint="https://minio.example.com"), bucket="acme"
)
OTHER = Target(route=TARGET.route, bucket="other")
NOT_OFFERED = Unread(code="VersioningNotConfigured", action="s3:PutBucketVersioning", denied=False)
DENIED = Unread(code="AccessDenied", action="s3:PutBucketVersioning", denied=True)


def test_what_is_not_offered_is_remembered_for_that_bucket_and_aspect() -> None:
    refusals = Refusals()
    refusals.remember(TARGET, "versioning", NOT_OFFERED, now=NOW)
    assert refusals.known(TARGET, "versioning", now=NOW) == NOT_OFFERED
    assert refusals.known(TARGET, "cors", now=NOW) is None
    assert refusals.known(OTHER, "versioning", now=NOW) is None


def test_after_a_day_it_is_tried_again() -> None:
    refusals = Refusals()
    refusals.remember(TARGET, "versioning", NOT_OFFERED, now=NOW)
    assert refusals.known(TARGET, "versioning", now=NOW + timedelta(hours=23)) == NOT_OFFERED
    assert refusals.known(TARGET, "versioning", now=NOW + timedelta(hours=24)) is None


def test_a_missing_permission_may_be_granted_at_any_time() -> None:
    refusals = Refusals()
    refusals.remember(TARGET, "versioning", DENIED, now=NOW)
    assert refusals.known(TARGET, "versioning", now=NOW) is None


def test_a_refused_policy_may_be_another_one_next_time() -> None:
    refusals = Refusals()
    refusals.remember(
        TARGET, "policy", Unread(code="MalformedPolicy", action="s3:PutBucketPolicy", denied=False), now=NOW
    )
    assert refusals.known(TARGET, "policy", now=NOW) is None
