"""A bucket that was there before: adopted with all that is in it, or refused."""

import json

import pytest

from contract.provisioning import (
    FOREIGN_RULE,
    ORIGIN,
    OTHER_UID,
    OWNER_TAG,
    ROLE,
    UID,
    Site,
    calls_of,
)
from contract.sites import at_sites
from testbed.stores import Store
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def test_refuses_a_bucket_that_was_there(site: Site) -> None:
    """A bucket that existed before is not touched without adoptionPolicy: Adopt, which the message names."""
    site.client("create_bucket")
    before = site.configuration()
    context = site.context(intended=False)
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert "adoptionPolicy: Adopt" in refused.value.message
    assert calls_of(context).writes == []
    assert site.configuration() == before


def test_refuses_a_bucket_in_use(site: Site) -> None:
    """Although we meant to create it: somebody was faster and has put something into it."""
    site.client("create_bucket")
    site.client("put_object", Key="theirs", Body=b"x")
    with pytest.raises(Stalled) as refused:
        site.look()
    assert refused.value.reason is Reason.BUCKET_EXISTS
    assert site.tags() == {}


def test_refuses_another_bucketstores_bucket(site: Site) -> None:
    """A bucket that carries another BucketStore's mark is nobody else's, adoption or not."""
    site.look(uid=OTHER_UID)
    context = site.context(spec={"adoption_policy": "Adopt"})
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_CONFLICT
    assert calls_of(context).writes == []


def test_adopt(site: Site, name: str) -> None:
    """Adopting adds what is missing and keeps tags, CORS rules and policy statements of others as they are."""
    site.client("create_bucket")
    site.client("put_bucket_tagging", Tagging={"TagSet": [{"Key": "team", "Value": "ml"}]})
    if site.store.name != "minio":
        site.client("put_bucket_cors", CORSConfiguration={"CORSRules": [FOREIGN_RULE]})
    statement = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{site.bucket}/*",
    }
    if site.kind == "S3":
        site.client("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert found.found.facts is not None
    assert (found.found.facts.created, found.found.facts.adopted) == (False, True)
    assert found.results(CheckResult.FAILED) == set()
    assert site.tags() == {"team": "ml", OWNER_TAG: f"adopted:{UID}"}
    after = site.configuration()
    assert after["Status"] == "Enabled"
    if site.store.name != "minio":
        ours, theirs = after["CORSRules"]
        assert ours["AllowedOrigins"] == [ORIGIN]
        assert theirs == FOREIGN_RULE
    if site.kind == "S3":
        assert after["Policy"]["Statement"][0] == statement
        assert after["Policy"]["Statement"][1]["Principal"] == {"AWS": ROLE}
    second = site.later(recorded="Adopted")
    assert second.calls.writes == []
    assert second.found.checks == found.found.checks


@at_sites("minio")
def test_adopt_leaves_what_is_enough(site: Site) -> None:
    """Rules that W&B's own page gives are enough: nothing is added to them."""
    sample = {
        "AllowedHeaders": ["*"],
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedOrigins": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3000,
    }
    site.client("create_bucket")
    site.client("put_bucket_cors", CORSConfiguration={"CORSRules": [sample]})
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert "PutBucketCors" not in found.calls.operations
    assert site.configuration()["CORSRules"] == [sample]


def test_adopt_warns_of_public_access_and_leaves_it(moto: Store) -> None:
    """Whoever opened a bucket had a reason: an adopted one is not closed, but the check says that it is open."""
    site = Site(kind="S3", store=moto)
    opened = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    site.client("create_bucket")
    site.client("put_public_access_block", PublicAccessBlockConfiguration=opened)
    found = site.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert found.check(CheckName.PUBLIC_ACCESS).result is CheckResult.WARNING
    assert site.configuration()["PublicAccessBlockConfiguration"] == opened
