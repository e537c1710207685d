"""From what the calls of a data-path probe gave to checks: one check per call, and one for keys that need encoding.

The calls are made with a key that needs percent-encoding; only where one fails are all made again with a plain key, to
tell a store that mangles keys from one that refuses the call.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from wandb_byob.model.checks import Check, CheckName, CheckResult


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why one call did not do what it should; `code` is the store's own word.

    `final`: no other key would change it, since the connection itself failed. `bucket_check`: the check of the whole bucket that
    fails by it, where the code (one of the S3 API's) does not tell.
    """

    code: str
    message: str
    remedy: str
    final: bool = False
    bucket_check: CheckName | None = None

    @property
    def of_bucket(self) -> CheckName | None:
        """The check of the whole bucket that fails by this, None where it is about the one call."""
        return self.bucket_check or bucket_check_of(self.code)


Outcomes = Mapping[CheckName, Failure | None]
"""What each call gave: None is success; a call that was not made is missing."""

CALLS: Final = (
    CheckName.PUT_OBJECT,
    CheckName.SIGNED_PUT,
    CheckName.OVERWRITE_OBJECT,
    CheckName.GET_OBJECT,
    CheckName.SIGNED_GET,
    CheckName.LIST_OBJECTS,
    CheckName.DELETE_OBJECT,
)
"""In the order in which they are made."""

_WITHOUT_SIGNED_URL: Final = {
    CheckName.SIGNED_PUT: CheckName.OVERWRITE_OBJECT,
    CheckName.SIGNED_GET: CheckName.GET_OBJECT,
}
_PASSED: Final = {
    CheckName.PUT_OBJECT: "An object was written.",
    CheckName.SIGNED_PUT: "A signed URL with an extra query parameter, such as W&B's, was written to.",
    CheckName.OVERWRITE_OBJECT: "An object was overwritten.",
    CheckName.GET_OBJECT: "An object was read.",
    CheckName.SIGNED_GET: "A signed URL with an extra query parameter, such as W&B's, was read.",
    CheckName.LIST_OBJECTS: "The objects under the path were listed.",
    CheckName.DELETE_OBJECT: "An object was deleted.",
}
_WRONG_SIGNATURE: Final = "SignatureDoesNotMatch"
# What a key that was mangled on the way gives at S3's and at Azure's.
_MANGLED: Final = frozenset({_WRONG_SIGNATURE, "AuthenticationFailed"})
_WHOLE_BUCKET: Final = {
    "NoSuchBucket": CheckName.BUCKET_EXISTS,
    "InvalidAccessKeyId": CheckName.CREDENTIALS,
    _WRONG_SIGNATURE: CheckName.CREDENTIALS,
    "ExpiredToken": CheckName.CREDENTIALS,
    "InvalidToken": CheckName.CREDENTIALS,
    "PermanentRedirect": CheckName.REGION,
    "TemporaryRedirect": CheckName.REGION,
    "AuthorizationHeaderMalformed": CheckName.REGION,
    "InvalidRegion": CheckName.REGION,
    "RequestTimeTooSkewed": CheckName.CLOCK_SKEW,
}


def bucket_check_of(code: str) -> CheckName | None:
    """Return the check of the whole bucket that an error's code means, None where it is about the one call."""
    if code.startswith("KMS"):
        return CheckName.ENCRYPTION
    return _WHOLE_BUCKET.get(code)


def failed(name: CheckName, failure: Failure, *, path: str = "") -> Check:
    """Return a failed check for a failure."""
    return Check(name=name, result=CheckResult.FAILED, message=failure.message, remedy=failure.remedy, path=path)


def wants_plain_key(outcomes: Outcomes) -> bool:
    """Say whether a second pass with a plain key could tell more: a key mangled on the way gives a wrong signature, too."""
    failures = [failure for failure in outcomes.values() if failure is not None]
    return any(failure.code in _MANGLED or failure.of_bucket is None for failure in failures) and not any(
        failure.final for failure in failures
    )


def path_checks(encoded: Outcomes, plain: Outcomes | None, *, path: str, stored: str = "") -> tuple[Check, ...]:
    """Return the checks of one declared path from the pass with the key that needs encoding and, if made, the plain one.

    `stored` is what PutObject says where it passed.
    """
    judged = encoded if plain is None else plain
    passed = {**_PASSED, CheckName.PUT_OBJECT: stored or _PASSED[CheckName.PUT_OBJECT]}
    checks = [_call_check(name, judged, path=path, passed=passed[name]) for name in CALLS]
    return (*checks, _key_encoding(encoded, plain, path=path))


def _call_check(name: CheckName, outcomes: Outcomes, *, path: str, passed: str) -> Check:
    if name not in outcomes:
        cause = next((call for call in CALLS if outcomes.get(call) is not None), None)
        why = f", since {cause} failed" if cause else ""
        return Check(name=name, result=CheckResult.SKIPPED, message=f"Not tried{why}.", path=path)
    failure = outcomes[name]
    if failure is None:
        return Check(name=name, result=CheckResult.PASSED, message=passed, path=path)
    if failure.bucket_check is CheckName.SIGNING:
        message = f"Not tried, since {CheckName.SIGNING} failed."
        return Check(name=name, result=CheckResult.SKIPPED, message=message, path=path)
    unsigned = _WITHOUT_SIGNED_URL.get(name)
    plain_failure = outcomes.get(unsigned) if unsigned else None
    if plain_failure is not None and plain_failure.code == failure.code:
        message = f"Not told apart from {unsigned}, which failed in the same way."
        return Check(name=name, result=CheckResult.SKIPPED, message=message, path=path)
    return failed(name, failure, path=path)


def _key_encoding(encoded: Outcomes, plain: Outcomes | None, *, path: str) -> Check:
    name = CheckName.KEY_ENCODING
    if plain is not None:
        for call in CALLS:
            failure = encoded.get(call)
            if failure is not None and call in plain and plain[call] is None:
                return Check(
                    name=name,
                    result=CheckResult.FAILED,
                    message=f"{call} works with a plain key, but not with one that holds a space, +, % and é: {failure.message}",
                    remedy="See that the store, and every proxy before it, passes percent-encoded paths on unchanged.",
                    path=path,
                )
    if encoded.get(CheckName.PUT_OBJECT, _UNTRIED) is not None:
        return Check(
            name=name, result=CheckResult.SKIPPED, message="Not tried, since nothing could be written.", path=path
        )
    return Check(name=name, result=CheckResult.PASSED, message="Keys with a space, +, % and é are kept.", path=path)


_UNTRIED: Final = Failure(code="", message="", remedy="")


def clean_up_check(left: Iterable[str], *, path: str, permission: str = "the right to delete objects") -> Check:
    """Say which of the probe's own objects could not be deleted; `left` are keys, with their version where there is one."""
    keys = tuple(left)
    if not keys:
        return Check(name=CheckName.CLEAN_UP, result=CheckResult.PASSED, message="Nothing was left behind.", path=path)
    shown = ", ".join(repr(key) for key in keys[:5])
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return Check(
        name=CheckName.CLEAN_UP,
        result=CheckResult.WARNING,
        message=f"These small probe objects could not be deleted: {shown}{more}.",
        remedy=(
            f"Delete them, and grant {permission} to the identity of "
            "spec.credentials or spec.provisioning, or let a lifecycle rule expire .wandb-byob-probe/."
        ),
        path=path,
    )


def stored_message(*, encryption: str, version: str) -> str:
    """Say what the reply to a PUT shows of the object, also for stores whose configuration cannot be read."""
    how = [f"stored encrypted ({encryption})"] if encryption else []
    how += ["given a version"] if version else []
    return f"An object was written, {' and '.join(how)}." if how else _PASSED[CheckName.PUT_OBJECT]


def key_check(*, wanted: str, used: str) -> Check | None:
    """Return a failed check where an object was encrypted with another KMS key than the one asked for, else None.

    An alias is not compared, since replies name the key behind it.
    """
    if ":key/" not in wanted or used.rpartition("/")[2] == wanted.rpartition("/")[2]:
        return None
    return Check(
        name=CheckName.ENCRYPTION,
        result=CheckResult.FAILED,
        message=f"An object that was written is not encrypted with the key {wanted}.",
        remedy="Set the bucket's default encryption to the key in spec.s3.kmsKeyARN.",
    )


_WEIGHT: Final = (CheckResult.FAILED, CheckResult.WARNING, CheckResult.PASSED, CheckResult.SKIPPED)


def merged(*groups: Iterable[Check]) -> tuple[Check, ...]:
    """Join what several looks found: one check per name and path (the API's list key), of which the worst counts.

    A Skipped look yields to one that could see.
    """
    found: dict[tuple[CheckName, str], Check] = {}
    for check in (check for group in groups for check in group):
        key = (check.name, check.path)
        if key not in found or _WEIGHT.index(check.result) < _WEIGHT.index(found[key].result):
            found[key] = check
    return tuple(found.values())
