"""What a user is told of the KMS key of a bucket."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.clouds.key_checks import KeyState, KeyWanted, broken, check, elsewhere, is_usable
from wandb_byob.decide.clouds.key_policy import USE, Key
from wandb_byob.model.checks import CheckName, CheckResult

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234"
ROLE = "arn:aws:iam::111122223333:role/wandb"
DEDICATED = "arn:aws:iam::830241207209:root"
INTERNAL = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "kms:*",
    "Resource": "*",
}
DENY = {"Sid": "Lock", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
DENIED = Unread(code="AccessDeniedException", action="kms:GetKeyPolicy", denied=True)
WANTED = KeyWanted(given=ARN, reader=DEDICATED, managed=False, signer="spec.provisioning.secretRef", expected=True)
PASSED, FAILED, WARNING, SKIPPED = CheckResult.PASSED, CheckResult.FAILED, CheckResult.WARNING, CheckResult.SKIPPED


def allow(who: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": who}, "Action": list(USE), "Resource": "*"}


def state(*statements: dict[str, Any], **changes: Any) -> KeyState:
    """A key with this policy."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return replace(KeyState(key=Key(arn=ARN), policy=policy), **changes)


GOOD = (INTERNAL, allow(DEDICATED))


@pytest.mark.parametrize(
    ("found", "result", "says", "remedy"),
    [
        (state(*GOOD), PASSED, f"lets {DEDICATED} use it", ""),
        (state(INTERNAL), FAILED, "does not let", "kms:GenerateDataKey*"),
        (state(allow(DEDICATED)), WARNING, "does not give its own account 111122223333 kms:*", "kms:*"),
        (state(*GOOD, DENY), FAILED, "Deny statement of the key's policy (Lock) denies", "Leave W&B out"),
        (state(*GOOD, {**DENY, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}), WARNING, "under a condition on aws:SourceVpc", "Leave W&B out"),
        (state(*GOOD, state="Disabled"), FAILED, "is Disabled", "Enable the key"),
        (state(*GOOD, state="PendingDeletion"), FAILED, "is PendingDeletion", "Cancel the key's deletion"),
        (state(*GOOD, state="PendingImport"), FAILED, "is PendingImport", "Import"),
        (state(*GOOD, state="Creating"), FAILED, "is Creating", "Look at the key"),
        (state(*GOOD, usage="SIGN_VERIFY", spec="RSA_2048"), FAILED, "SIGN_VERIFY (RSA_2048)", "symmetric"),
        (state(*GOOD, spec="RSA_2048"), FAILED, "RSA_2048", "symmetric"),
        (state(*GOOD, usage="", spec=""), PASSED, "enabled", ""),
        (state(of_aws=True, policy=None), FAILED, "AWS' own", "a key of your own"),
        (state(policy=DENIED), WARNING, "KMS refused kms:GetKeyPolicy", "Grant kms:GetKeyPolicy to spec.provisioning.secretRef. Or check by hand"),
        (Unread(code="NotFoundException", action="kms:DescribeKey", denied=False), FAILED, "There is no KMS key", "spec.s3.kmsKeyARN"),
        (Unread(code="EndpointReachable", action="kms:DescribeKey", denied=False), WARNING, "could not be asked", "See that the key is enabled"),
        (state(INTERNAL, refused=replace(DENIED, action="kms:PutKeyPolicy")), FAILED, "does not let", "kms:PutKeyPolicy was refused"),
        (state(INTERNAL, refused=Unread(code="MalformedPolicyDocumentException", action="kms:PutKeyPolicy", denied=False)), FAILED, "does not let", "spec.identity"),
    ],
    ids=["right", "W&B is not let in", "the account is not", "denied", "perhaps denied", "disabled", "to be deleted", "without material", "another state", "for signatures",
         "asymmetric", "nothing told of its use", "AWS' own", "its policy is not shown", "not there", "KMS is not reached", "may not be changed", "no such role"],
)  # fmt: skip
def test_what_is_said(found: Any, result: CheckResult, says: str, remedy: str) -> None:
    """One check: the first thing that keeps W&B from the key; what fails or warns has a remedy."""
    made = check(found, WANTED)
    assert (made.name, made.result) == (CheckName.KMS_KEY, result)
    assert says in made.message
    assert remedy in made.remedy
    assert bool(made.remedy) is (result in (FAILED, WARNING))
    assert is_usable(found, WANTED) is (result is not FAILED)


def test_keys_that_need_not_see_it() -> None:
    """W&B's own keys need no right to read the policy: then it says what to look at by hand, and warns of nothing."""
    made = check(state(policy=DENIED), replace(WANTED, expected=False, signer="spec.credentials.secretRef"))
    assert (made.result, "byob policy" in made.message) == (SKIPPED, True)


def test_a_role_of_the_keys_own_account() -> None:
    """Its IAM policy may let it in where the key leaves that to IAM: not seen, so no failure, and no pass either."""
    own = replace(WANTED, reader=ROLE)
    assert check(state(INTERNAL), own).result is WARNING
    assert check(state(), own).result is FAILED
    assert check(state(of_aws=True, policy=None), own).result is PASSED


def test_where_w_and_b_signs_with_keys_of_somebody() -> None:
    """Whom the policy must let in is not known: the key itself is looked at, and the data path shows the rest."""
    assert check(state(INTERNAL), replace(WANTED, reader="")).result is PASSED


def test_who_may_repair_it() -> None:
    """Where the operator does not manage the key, the remedy says that it could."""
    assert "Or let the operator do it" in check(state(INTERNAL), WANTED).remedy
    assert "Or let the operator do it" not in check(state(INTERNAL), replace(WANTED, managed=True)).remedy


def test_a_key_in_another_region_is_none_for_s3() -> None:
    assert elsewhere(ARN, "eu-central-1") is None
    made = elsewhere(ARN, "us-east-1")
    assert made is not None
    assert (made.result, "eu-central-1" in made.message, "spec.s3.region" in made.remedy) == (FAILED, True, True)


def test_no_policy_mends_a_broken_key() -> None:
    """So nothing is written for it."""
    assert broken(state(INTERNAL), WANTED) is None
    assert broken(state(INTERNAL, state="Disabled"), WANTED) is not None
