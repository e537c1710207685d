"""What a store refuses: other accounts, missing permissions, wrong keys and regions."""

import json

import pytest

from contract.provisioning import (
    ROLE,
    Site,
    access_key,
    calls_of,
)
from testbed.stores import VersityGW
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def test_another_accounts_bucket(versitygw: VersityGW) -> None:
    """A bucket that belongs to another account than accountID says is not written to, and the message says so."""
    site = Site(kind="S3", store=versitygw)
    site.client("create_bucket")
    context = site.context(intended=False, spec={"s3": {"account_id": "111122223333"}, "adoption_policy": "Adopt"})
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_OURS
    assert "spec.s3.accountID" in refused.value.message
    assert calls_of(context).writes == []


def test_somebody_elses_bucket(versitygw: VersityGW) -> None:
    """A bucket that the provisioning keys may not even see is somebody else's."""
    site = Site(kind="S3Compatible", store=versitygw)
    site.client("create_bucket")
    stranger = access_key(versitygw.create_user(f"stranger-{site.bucket}"))
    context = site.context(data=stranger, admin=stranger, spec={"adoption_policy": "Adopt"})
    assert site.provider.exists(context) is True
    with pytest.raises(Stalled) as refused:
        site.provider.provision(context)
    assert refused.value.reason is Reason.BUCKET_NOT_OURS
    assert "s3:ListBucket" in refused.value.message


def test_a_bucket_made_by_hand_whose_keys_may_do_little(versitygw: VersityGW) -> None:
    """With W&B's keys alone, what they may not see is a warning or skipped, with the permission's name, and holds nothing back."""
    site = Site(kind="S3Compatible", store=versitygw)
    site.client("create_bucket")
    user = versitygw.create_user(f"wandb-{site.bucket}")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [user.access_key]},
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{site.bucket}/*"],
    }
    site.client("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    found = site.look(intended=False, admin=None, data=access_key(user))
    assert found.results(CheckResult.FAILED) == set()
    assert found.check(CheckName.BUCKET_EXISTS).result is CheckResult.WARNING
    assert "s3:ListBucket" in found.check(CheckName.BUCKET_EXISTS).message
    assert found.check(CheckName.CORS).result is CheckResult.WARNING
    assert "s3:GetBucketCORS" in found.check(CheckName.CORS).message
    assert found.check(CheckName.OWNER).result is CheckResult.SKIPPED


def test_an_unknown_role(versitygw: VersityGW) -> None:
    """A policy whose principal the store does not accept is a failed check that names the field to correct."""
    found = Site(kind="S3", store=versitygw).look()
    check = found.check(CheckName.POLICY)
    assert check.result is CheckResult.FAILED
    assert ROLE in check.message
    assert "spec.identity" in check.remedy


@pytest.mark.parametrize("store", ["versitygw", "minio"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [("access_key_id", "does not know the access key"), ("secret_access_key", "does not belong to the access key")],
)
def test_wrong_keys(request: pytest.FixtureRequest, store: str, wrong: str, said: str) -> None:
    """Wrong keys are told apart, by the field that holds them, and are not shown."""
    site = Site(kind="S3Compatible", store=request.getfixturevalue(store))
    right = {"access_key_id": site.keys.access_key_id, "secret_access_key": site.keys.secret_access_key}
    keys = type(site.keys)(**{**right, wrong: "canary0123456789"})
    with pytest.raises(Stalled) as refused:
        site.provider.exists(site.context(data=keys, admin=keys))
    assert refused.value.reason is Reason.ACCESS_DENIED
    assert said in refused.value.message
    assert "spec.provisioning.secretRef" in refused.value.message
    assert not [value for value in keys.secrets() if value in refused.value.message]


@pytest.mark.parametrize("store", ["versitygw", "minio"])
def test_wrong_region(request: pytest.FixtureRequest, store: str) -> None:
    """A region that the store is not in is told as such, with the one that it is in where the store says that."""
    site = Site(kind="S3Compatible", store=request.getfixturevalue(store))
    site.client("create_bucket")
    with pytest.raises(Stalled) as refused:
        site.look(spec={"s3_compatible": {"region": "eu-west-9"}})
    assert refused.value.reason is Reason.INVALID_SPEC
    assert "eu-west-9" in refused.value.message
