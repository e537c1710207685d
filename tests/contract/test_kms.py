"""KMS keys of buckets on AWS, with moto in AWS' place: seen, and let W&B use them; nothing of others is touched."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from contract.provisioning import ROLE, S3Site
from contract.results import Alone, Behaviour
from contract.site import Look
from contract.sites import CREATE_BUDGET, LOOK_BUDGET
from testbed.object_store import Store
from testbed.proxy import FaultyProxy, Response
from wandb_byob.decide.clouds.key_policy import USE
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Tenant
from wandb_byob.providers.s3 import S3Provider

pytestmark = pytest.mark.behaviour(Behaviour.CHECKS)
FOREIGN = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"Service": "logs.amazonaws.com"},
    "Action": "kms:Decrypt",
    "Resource": "*",
}
DEDICATED = "arn:aws:iam::830241207209:root"
FAILED, WARNING, PASSED, SKIPPED = CheckResult.FAILED, CheckResult.WARNING, CheckResult.PASSED, CheckResult.SKIPPED


class Kms(FaultyProxy):
    """A proxy before KMS that refuses operations with a code."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.refused: dict[str, str] = {}

    def stand_in(self, method: str, target: str, headers: Any, body: bytes) -> Response | None:
        """Refuse what is to be refused."""
        named = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
        code = self.refused.get(named.rpartition(".")[2])
        if code is None:
            return None
        said = json.dumps({"__type": code, "message": "canary-in-the-body"}).encode()
        return Response(400, [("Content-Type", "application/x-amz-json-1.1")], said)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A key, and buckets that are to be encrypted with it."""

    moto: Store
    kms: Kms
    key: str
    site: S3Site
    client: Any = field(repr=False)

    @property
    def key_id(self) -> str:
        """The key by its ID; moto takes nothing else in some places."""
        return self.key.rpartition("/")[2]

    def look(self, **changes: Any) -> Look:
        """One look at the bucket, whose specification names the key."""
        return self.site.look(**self.with_key(changes))

    def later(self, **changes: Any) -> Look:
        """One more."""
        return self.site.later(**self.with_key(changes))

    def with_key(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes of a context, with the key in its specification."""
        block = api.S3Spec(
            bucket=self.site.bucket,
            region="us-east-1",
            endpoint=self.moto.endpoint,
            kms_key_arn=changes.pop("key", self.key),
        )
        return {**changes, "spec": {"s3": block, **changes.pop("spec", {})}}

    def statements(self) -> list[dict[str, Any]]:
        """Those of the key's policy."""
        found: list[dict[str, Any]] = json.loads(
            self.client.get_key_policy(KeyId=self.key, PolicyName="default")["Policy"]
        )["Statement"]
        return found

    def set_policy(self, *statements: dict[str, Any]) -> None:
        """Write the key's policy as somebody else does."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.client.put_key_policy(KeyId=self.key, PolicyName="default", Policy=policy)

    def encryption(self) -> Any:
        """The bucket's default encryption."""
        found = self.site.client("get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"][0]
        return found["ApplyServerSideEncryptionByDefault"]


@pytest.fixture
def place(moto: Store) -> Iterator[Place]:
    """A new key with the policy that AWS gives it."""
    client: Any = boto3.client(
        "kms", endpoint_url=moto.endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    key = client.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    with Kms(moto.port) as kms:
        provider = S3Provider(CloudEndpoints(kms=kms.endpoint))
        yield Place(moto=moto, kms=kms, key=key, client=client, site=S3Site(kind="S3", store=moto, provider=provider))
    client.close()


def test_a_new_bucket_and_its_key(place: Place) -> None:
    """Within the budget the key's policy lets W&B in before anything is encrypted with it; what was there stays."""
    place.set_policy(FOREIGN, *place.statements())
    before = place.statements()
    place.site.provider.exists(place.site.context())
    look = place.look()
    assert look.check(CheckName.KMS_KEY).result is PASSED
    assert look.check(CheckName.ENCRYPTION).result is PASSED
    *kept, ours = place.statements()
    assert kept == before
    assert (ours["Principal"], ours["Action"]) == ({"AWS": ROLE}, list(USE))
    calls = look.calls.operations
    assert calls.index("PutKeyPolicy") < calls.index("PutBucketEncryption")
    assert len(calls) + 1 <= CREATE_BUDGET
    assert any("KMS key" in change.message for change in look.found.applied)
    assert "canary" not in str(look.found)


def test_a_second_look_asks_kms_nothing(place: Place) -> None:
    """What was right an hour ago is not asked again, by any bucket of the key; a restart asks once, and writes nothing."""
    place.look()
    again = place.later()
    assert not {"DescribeKey", "GetKeyPolicy", "PutKeyPolicy"} & set(again.calls.operations)
    assert len(again.calls.operations) <= LOOK_BUDGET
    other = replace(place, site=place.site.other())
    assert not {"DescribeKey", "GetKeyPolicy"} & set(other.look().calls.operations)
    restarted = replace(place, site=replace(place.site, provider=S3Provider(CloudEndpoints(kms=place.kms.endpoint))))
    look = restarted.later()
    assert [call for call in look.calls.operations if "Key" in call] == ["DescribeKey", "GetKeyPolicy"]
    assert look.calls.writes == []


def test_a_statement_that_somebody_took_out_comes_back(place: Place) -> None:
    """Within the hour; once it is known to lack, it is looked at each time."""
    place.look()
    *others, _ = place.statements()
    place.set_policy(*others)
    later = datetime.now(UTC) + timedelta(minutes=61)
    look = place.later(now=lambda: later)
    assert "PutKeyPolicy" in look.calls.operations
    assert look.check(CheckName.KMS_KEY).result is PASSED


def test_two_readers_of_one_key_do_not_take_turns(place: Place) -> None:
    """Each has a statement of its own, and neither is written twice."""
    place.look()
    hosted = Tenant(deployment_type="DedicatedCloud", origins=("https://wandb.example.com",))
    other = replace(place, site=place.site.other())
    other.look(tenant=hosted)
    assert [each["Principal"] for each in place.statements()[-2:]] == [{"AWS": ROLE}, {"AWS": DEDICATED}]
    for looked in (place.later(), other.later(tenant=hosted)):
        assert "PutKeyPolicy" not in looked.calls.operations


def test_observe_plans_it(place: Place) -> None:
    """Nothing is written; the plan and the check say what is missing."""
    place.site.make()
    before = place.statements()
    look = place.look(spec={"management_policy": "Observe"})
    assert look.check(CheckName.KMS_KEY).result is FAILED
    assert any(change.name == "KMSKey" and ROLE in change.message for change in look.found.planned)
    assert place.statements() == before


Broken = Callable[[Place], Any]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda place: place.client.disable_key(KeyId=place.key_id), "is Disabled"),
        (
            lambda place: place.client.schedule_key_deletion(KeyId=place.key_id, PendingWindowInDays=7),
            "is PendingDeletion",
        ),
    ],
    ids=["disabled", "to be deleted"],
)
def test_nothing_is_encrypted_with_a_key_that_cannot_be_used(place: Place, broken: Broken, says: str) -> None:
    """It would break every upload: the bucket keeps the encryption that it has, and the key's policy is left alone."""
    place.site.make()
    broken(place)
    look = place.look(spec={"adoption_policy": "Adopt"}, intended=False)
    assert says in look.check(CheckName.KMS_KEY).message
    assert look.check(CheckName.KMS_KEY).result is FAILED
    assert {"PutKeyPolicy", "PutBucketEncryption"}.isdisjoint(look.calls.operations)


@pytest.mark.at("S3-moto")
def test_keys_that_do_not_fit(place: Place, alone: Alone) -> None:
    """One that is not there, one for signatures, one elsewhere."""
    place.site.make()
    observe = {"management_policy": "Observe"}
    missing = place.look(key=place.key[:-12] + "0" * 12, spec=observe)
    assert "There is no KMS key" in missing.check(CheckName.KMS_KEY).message
    signs = place.client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
    assert "SIGN_VERIFY" in place.look(key=signs, spec=observe).check(CheckName.KMS_KEY).message
    spec = place.with_key({"key": place.key.replace("us-east-1", "eu-west-1")})["spec"]
    checks = place.site.provider.validate(place.site.context(spec=spec))
    # Of the rest only that moto speaks no TLS is said, of whatever key.
    alone([check for check in checks if check.name is not CheckName.TRUST], CheckName.KMS_KEY)


def test_a_key_by_its_alias(place: Place) -> None:
    """The policy is that of the key behind it."""
    alias = f"alias/{place.site.bucket}"
    place.client.create_alias(AliasName=alias, TargetKeyId=place.key)
    arn = place.key.rpartition(":")[0] + f":{alias}"
    look = place.look(key=arn)
    assert look.check(CheckName.KMS_KEY).result is PASSED
    assert place.statements()[-1]["Principal"] == {"AWS": ROLE}


@pytest.mark.parametrize(
    ("operation", "result", "says"),
    [
        ("DescribeKey", WARNING, "Grant kms:DescribeKey to spec.provisioning.secretRef"),
        ("GetKeyPolicy", WARNING, "Grant kms:GetKeyPolicy to spec.provisioning.secretRef"),
        ("PutKeyPolicy", FAILED, "kms:PutKeyPolicy was refused to spec.provisioning.secretRef"),
    ],
)
def test_rights_that_the_operator_lacks(place: Place, operation: str, result: CheckResult, says: str) -> None:
    """Each is named, with what to look at by hand; what else there is to do for the bucket is done."""
    place.kms.refused[operation] = "AccessDeniedException"
    look = place.look()
    check = look.check(CheckName.KMS_KEY)
    assert (check.result, says in check.remedy) == (result, True), check
    assert look.check(CheckName.CORS).result is PASSED
    assert "canary" not in f"{look.found}"


def test_w_and_bs_own_keys_need_not_see_the_policy(place: Place) -> None:
    """Without provisioning it is skipped, and says what to look at by hand."""
    place.site.make()
    place.kms.refused["GetKeyPolicy"] = "AccessDeniedException"
    check = place.look(admin=None).check(CheckName.KMS_KEY)
    assert (check.result, "byob policy" in check.message) == (SKIPPED, True)


def test_a_role_that_is_not_there(place: Place) -> None:
    """KMS refuses a policy that names nobody."""
    place.kms.refused["PutKeyPolicy"] = "MalformedPolicyDocumentException"
    check = place.look().check(CheckName.KMS_KEY)
    assert (check.result, "spec.identity" in check.remedy) == (FAILED, True)


@pytest.mark.parametrize("code", ["ThrottlingException", "KMSInternalException"])
def test_a_kms_that_does_not_answer(place: Place, code: str) -> None:
    """The bucket is not held back for it, and the check says that nothing is known."""
    place.kms.refused["DescribeKey"] = code
    check = place.look().check(CheckName.KMS_KEY)
    assert (check.result, code in check.message) == (WARNING, True)


def test_a_key_that_nobody_asked_for(place: Place) -> None:
    """A bucket that was there and is encrypted with a key: it is looked at, since W&B has to use it, and left as it is."""
    place.site.make()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": place.key}}
    place.site.client("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
    before = place.statements()
    look = place.site.look(spec={"adoption_policy": "Adopt"}, intended=False)
    assert look.check(CheckName.KMS_KEY).result is FAILED
    assert place.statements() == before
    assert place.encryption()["KMSMasterKeyID"] == place.key


def test_no_write_after_the_lease_is_lost(place: Place) -> None:
    """Reads are free; the fence is asked before the policy is written."""
    place.site.make()
    asked: list[str] = []

    def fence() -> None:
        asked.append("fence")
        if len(asked) > 1:
            raise Stalled(Reason.PROGRESSING, "the lease is lost")

    before = place.statements()
    with pytest.raises(Stalled, match="lease"):
        place.look(spec={"adoption_policy": "Adopt"}, intended=False, fence=fence)
    assert place.statements() == before


def test_nobody_gets_into_a_key_of_others_by_the_operators_own_identity(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may create a BucketStore can name any key, and any role; a key has no mark of whose it is, as a bucket has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operators-own")
    before = place.statements()
    provider = S3Provider(CloudEndpoints(s3=place.moto.endpoint, kms=place.kms.endpoint))
    block = api.S3Spec(bucket=place.site.bucket, region="us-east-1", kms_key_arn=place.key)
    look = replace(place.site, provider=provider).look(spec={"s3": block}, admin=Ambient())
    assert "PutKeyPolicy" not in look.calls.operations
    assert place.statements() == before
    check = look.check(CheckName.KMS_KEY)
    assert "DescribeKey" in look.calls.operations
    assert "The operator's own identity changes no key's policy" in (check.remedy or "")
