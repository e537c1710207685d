"""From calls to checks: which check fails for what, and what is left untold."""

import pytest

from wandb_byob.decide.probing.probes import (
    CALLS,
    Failure,
    bucket_check_of,
    clean_up_check,
    key_check,
    merged,
    path_checks,
    stored_message,
    wants_plain_key,
)
from wandb_byob.model.checks import Check, CheckName, CheckResult

PUT, SIGNED_PUT, OVERWRITE = CheckName.PUT_OBJECT, CheckName.SIGNED_PUT, CheckName.OVERWRITE_OBJECT
GET, SIGNED_GET, LIST, DELETE = (
    CheckName.GET_OBJECT,
    CheckName.SIGNED_GET,
    CheckName.LIST_OBJECTS,
    CheckName.DELETE_OBJECT,
)
WELL = dict.fromkeys(CALLS)
DENIED = Failure(code="AccessDenied", message="Refused.", remedy="Grant it.")
GONE = Failure(code="Reset", message="Cut.", remedy="Look.", final=True)


def results(checks: tuple[Check, ...]) -> dict[CheckName, CheckResult]:
    """Each check's result by its name."""
    return {check.name: check.result for check in checks}


def failed(checks: tuple[Check, ...]) -> set[CheckName]:
    """The names of those that failed."""
    return {check.name for check in checks if check.result is CheckResult.FAILED}


def test_all_well() -> None:
    """Every call has its check, and one more is about keys."""
    checks = path_checks(WELL, None, path="a")
    assert set(results(checks)) == {*CALLS, CheckName.KEY_ENCODING}
    assert set(results(checks).values()) == {CheckResult.PASSED}
    assert {check.path for check in checks} == {"a"}


def test_only_with_the_plain_key() -> None:
    """What works with a plain key only is the key's fault, and the calls pass."""
    encoded = {**WELL, SIGNED_GET: DENIED}
    assert failed(path_checks(encoded, WELL, path="")) == {CheckName.KEY_ENCODING}


def test_with_neither_key() -> None:
    """What works with neither key is the call's fault, and keys are kept."""
    both = {**WELL, LIST: DENIED}
    checks = path_checks(both, both, path="")
    assert failed(checks) == {LIST}
    assert results(checks)[CheckName.KEY_ENCODING] is CheckResult.PASSED


def test_nothing_written() -> None:
    """Without an object the calls that need one are skipped, with the cause."""
    outcomes = {PUT: DENIED, LIST: None, DELETE: None}
    checks = path_checks(outcomes, outcomes, path="")
    assert failed(checks) == {PUT}
    skipped = {check.name: check.message for check in checks if check.result is CheckResult.SKIPPED}
    assert set(skipped) == {SIGNED_PUT, OVERWRITE, GET, SIGNED_GET, CheckName.KEY_ENCODING}
    assert "PutObject" in skipped[GET]


def test_nothing_tried() -> None:
    """Nothing tried is nothing claimed."""
    assert set(results(path_checks({}, None, path="")).values()) == {CheckResult.SKIPPED}


@pytest.mark.parametrize(("signed", "plain"), [(SIGNED_PUT, OVERWRITE), (SIGNED_GET, GET)])
def test_signed_or_not(signed: CheckName, plain: CheckName) -> None:
    """Where keys are refused in the same way as the signed URL, the right is missing; in another way, both are told."""
    assert failed(path_checks({**WELL, signed: DENIED, plain: DENIED}, None, path="")) == {plain}
    other = Failure(code="InternalError", message="No.", remedy="Look.")
    assert failed(path_checks({**WELL, signed: DENIED, plain: other}, None, path="")) == {signed, plain}


@pytest.mark.parametrize(
    ("code", "final", "wanted"),
    [
        ("AccessDenied", False, True),
        ("SignatureDoesNotMatch", False, True),
        ("404", False, True),
        ("InvalidAccessKeyId", False, False),
        ("NoSuchBucket", False, False),
        ("KMS.DisabledException", False, False),
        ("Reset", True, False),
    ],
)
def test_when_a_plain_key_helps(code: str, *, final: bool, wanted: bool) -> None:
    """A second pass is made only where another key could give another answer."""
    failure = Failure(code=code, message="m", remedy="r", final=final)
    assert wants_plain_key({PUT: failure}) is wanted
    assert not wants_plain_key(WELL)


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("NoSuchBucket", CheckName.BUCKET_EXISTS),
        ("InvalidAccessKeyId", CheckName.CREDENTIALS),
        ("SignatureDoesNotMatch", CheckName.CREDENTIALS),
        ("ExpiredToken", CheckName.CREDENTIALS),
        ("PermanentRedirect", CheckName.REGION),
        ("RequestTimeTooSkewed", CheckName.CLOCK_SKEW),
        ("KMS.NotFoundException", CheckName.ENCRYPTION),
        ("AccessDenied", None),
        ("SlowDown", None),
    ],
)
def test_whole_bucket(code: str, check: CheckName | None) -> None:
    """What is wrong with the bucket or the keys as a whole is said by its own check."""
    assert bucket_check_of(code) is check


def test_left_behind() -> None:
    """What could not be deleted is named, at most five by name, and never holds the bucket back."""
    assert clean_up_check([], path="").result is CheckResult.PASSED
    check = clean_up_check([f"key-{number}" for number in range(7)], path="")
    assert check.result is CheckResult.WARNING
    assert "key-4" in check.message
    assert "and 2 more" in check.message
    assert "key-5" not in check.message


@pytest.mark.parametrize(
    ("encryption", "version", "words"),
    [
        ("", "", "was written."),
        ("aws:kms", "", "stored encrypted (aws:kms)."),
        ("", "v1", "given a version."),
        ("AES256", "v1", "(AES256) and given"),
    ],
)
def test_how_it_is_stored(encryption: str, version: str, words: str) -> None:
    """Encryption and versions are said where the store's reply shows them."""
    assert words in stored_message(encryption=encryption, version=version)


KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234"


@pytest.mark.parametrize(
    ("wanted", "used", "ok"),
    [
        ("", "", True),
        ("", "anything", True),
        (KEY, KEY, True),
        (KEY, "1234", True),
        (KEY, "", False),
        (KEY, KEY.replace("1234", "9999"), False),
        (KEY.replace("key/1234", "alias/mine"), KEY, True),
    ],
)
def test_the_key_that_was_used(wanted: str, used: str, *, ok: bool) -> None:
    """An object under another key than the one asked for fails Encryption; an alias cannot be compared."""
    assert (key_check(wanted=wanted, used=used) is None) is ok


def test_merged() -> None:
    """One check per name and path stays: the worst, and what could see before what could not."""

    def check(result: CheckResult, path: str = "") -> Check:
        return Check(name=CheckName.CORS, result=result, message=result.value, path=path)

    passed, skipped, bad = (check(r) for r in (CheckResult.PASSED, CheckResult.SKIPPED, CheckResult.FAILED))
    assert merged([skipped], [passed]) == (passed,)
    assert merged([passed], [bad]) == (bad,)
    assert merged([bad], [passed], [skipped]) == (bad,)
    assert len(merged([passed], [check(CheckResult.PASSED, path="a")])) == 2
