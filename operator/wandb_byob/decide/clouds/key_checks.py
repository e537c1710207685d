"""What is known of the KMS key that a bucket's objects are encrypted with, and what it means for W&B."""

from dataclasses import dataclass
from typing import Final

from wandb_byob.decide.clouds import key_policy
from wandb_byob.decide.clouds.bucket_checks import OR_LET_THE_OPERATOR
from wandb_byob.decide.clouds.bucket_policy import Policy
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.clouds.key_policy import USE, Key
from wandb_byob.model.checks import Check, CheckName, CheckResult

ENABLED: Final = "Enabled"
_USAGE: Final = "ENCRYPT_DECRYPT"
_SPEC: Final = "SYMMETRIC_DEFAULT"
_MISSING: Final = "NotFoundException"
_STATES: Final = {
    "Disabled": "Enable the key in KMS.",
    "PendingDeletion": "Cancel the key's deletion in KMS, and enable it: what was encrypted with it is lost with it.",
    "PendingReplicaDeletion": "Cancel the key's deletion in KMS, and enable it: what was encrypted with it is lost with it.",
    "PendingImport": "Import the key's material in KMS.",
    "Unavailable": "Repair the key store that the key lies in.",
}


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """A key as KMS describes it; `policy` None: it was not asked for. `refused`: why it does not have what it lacks."""

    key: Key
    state: str = ENABLED
    usage: str = _USAGE
    spec: str = _SPEC
    of_aws: bool = False
    policy: Policy | Unread | None = None
    refused: Unread | None = None


@dataclass(frozen=True, kw_only=True)
class KeyWanted:
    """What is asked of a key: `given` is how the bucket names it, `field` where that is written ("": in the bucket alone).

    `reader` is W&B's principal ("" where W&B signs with keys of a user that is not known). `managed`: we may change its policy.
    `signer` is the field whose keys asked; `expected` says that they should have the right to. `shared`: it is
    the operator's own identity, which whoever may create a BucketStore makes use of.
    """

    given: str
    reader: str
    managed: bool
    signer: str
    expected: bool
    field: str = "spec.s3.kmsKeyARN"
    shared: bool = False

    @property
    def granted(self) -> bool:
        """Whether we add what the policy lacks. A key carries no mark of whose it is, as a bucket does: an identity that serves all adds nothing."""
        return self.managed and not self.shared


def elsewhere(key_arn: str, region: str) -> Check | None:
    """Return the check of a key that S3 cannot use since it lies in another region than the bucket, None where it does not."""
    there = Key(arn=key_arn).region
    if there == region:
        return None
    return _check(
        CheckResult.FAILED,
        f"The KMS key {key_arn} lies in {there}, and S3 uses only keys of the bucket's own region {region}.",
        "Correct spec.s3.kmsKeyARN or spec.s3.region.",
    )


def check(found: KeyState | Unread, wanted: KeyWanted) -> Check:
    """Return the one check of the key: the first thing that keeps W&B from using it, or what could not be seen."""
    if isinstance(found, Unread):
        return _absent(wanted) if found.code == _MISSING else _unseen(found, wanted)
    return broken(found, wanted) or _of_policy(found, wanted)


def is_usable(found: KeyState | Unread, wanted: KeyWanted) -> bool:
    """Say whether objects may be encrypted with the key from now on: nothing that is known speaks against it."""
    return check(found, wanted).result is not CheckResult.FAILED


def _absent(wanted: KeyWanted) -> Check:
    return _check(
        CheckResult.FAILED,
        f"There is no KMS key {wanted.given}.",
        f"Correct {wanted.field or 'the default encryption of the bucket'}, or create the key (symmetric, usage {_USAGE}).",
    )


def _unseen(found: Unread, wanted: KeyWanted) -> Check:
    by_hand = _by_hand(wanted)
    if not found.denied:
        return _check(
            CheckResult.WARNING, f"KMS could not be asked about the key {wanted.given} ({found.code}).", by_hand
        )
    message = f"KMS refused {found.action} on the key {wanted.given} to {wanted.signer} ({found.code}), so that it is not seen."
    if not wanted.expected:
        return _check(CheckResult.SKIPPED, f"{message} {by_hand}")
    return _check(CheckResult.WARNING, message, f"Grant {found.action} to {wanted.signer}. Or check by hand: {by_hand}")


def _by_hand(wanted: KeyWanted) -> str:
    who = wanted.reader or "the user whose keys W&B signs with"
    return f"See that the key is enabled, is for {_USAGE}, and that its policy lets {who} do {', '.join(USE)} (byob policy prints one)."


def broken(found: KeyState, wanted: KeyWanted) -> Check | None:
    """Return the check of a key that no policy could make usable for W&B, None where it is not one."""
    if found.state != ENABLED:
        remedy = _STATES.get(found.state, "Look at the key in KMS.")
        return _check(CheckResult.FAILED, f"The KMS key {wanted.given} is {found.state}, not {ENABLED}.", remedy)
    if (found.usage or _USAGE, found.spec or _SPEC) != (_USAGE, _SPEC):
        return _check(
            CheckResult.FAILED,
            f"The KMS key {wanted.given} is for {found.usage} ({found.spec}), and S3 needs one for {_USAGE} ({_SPEC}).",
            "Create a symmetric key for encryption, and name it in spec.s3.kmsKeyARN.",
        )
    foreign = wanted.reader and key_policy.account_of(wanted.reader) != found.key.account
    if found.of_aws and foreign:
        return _check(
            CheckResult.FAILED,
            f"The KMS key {wanted.given} is AWS' own, whose policy nobody can change, and {wanted.reader} of another account can't use it.",
            "Create a key of your own, and name it in spec.s3.kmsKeyARN.",
        )
    return None


def _of_policy(found: KeyState, wanted: KeyWanted) -> Check:
    if found.of_aws:
        return _check(CheckResult.PASSED, f"The KMS key {wanted.given} is AWS' own, and enabled.")
    if isinstance(found.policy, Unread):
        return _unseen(found.policy, wanted)
    return _denied(found, found.policy, wanted) or _ungranted(found, found.policy, wanted) or _granted(wanted)


def _granted(wanted: KeyWanted) -> Check:
    who = f", and its policy lets {wanted.reader} use it" if wanted.reader else ""
    return _check(CheckResult.PASSED, f"The KMS key {wanted.given} is enabled and encrypts{who}.")


def _denied(found: KeyState, policy: Policy | None, wanted: KeyWanted) -> Check | None:
    hits = key_policy.denied(policy, found.key, wanted.reader)
    for hit in [each for each in hits if not each.under] or hits[:1]:
        whom = wanted.reader or "the keys that W&B signs with"
        may = "denies" if not hit.under else f"may deny (under a condition on {', '.join(hit.under)})"
        return _check(
            CheckResult.WARNING if hit.under else CheckResult.FAILED,
            f"A Deny statement of the key's policy ({hit.sid}) {may} {whom} {', '.join(hit.actions)}.",
            "Leave W&B out of that statement; the operator changes no statement of others.",
        )
    return None


def _ungranted(found: KeyState, policy: Policy | None, wanted: KeyWanted) -> Check | None:
    internal, *others = key_policy.grants(found.key, wanted.reader)
    how, own = _how(found, wanted), not internal.missing(policy)
    for grant in others:
        missing = grant.missing(policy)
        if not missing:
            continue
        remedy = f"Add a statement to the key's policy that allows {wanted.reader} {', '.join(USE)} (byob policy prints it).{how}"
        same = key_policy.account_of(wanted.reader) == found.key.account
        if own and same:
            message = (
                f"The policy of the KMS key {wanted.given} leaves it to IAM of its account whether {wanted.reader} may do "
                f"{', '.join(missing)}, and that is not seen from here."
            )
            return _check(CheckResult.WARNING, message, remedy)
        message = f"The policy of the KMS key {wanted.given} does not let {wanted.reader} do {', '.join(missing)}."
        return _check(CheckResult.FAILED, message, remedy)
    if not own:
        return _check(
            CheckResult.WARNING,
            f"The policy of the KMS key {wanted.given} does not give its own account {found.key.account} kms:*, so that IAM policies do "
            "not count for it, and it may become unmanageable.",
            f"Add a statement to the key's policy that allows {found.key.root} kms:* (byob policy prints it).{how}",
        )
    return None


def _how(found: KeyState, wanted: KeyWanted) -> str:
    if wanted.shared:
        return (
            " The operator's own identity changes no key's policy, since everybody here uses it and a key does not tell whose it is; keys in "
            "spec.provisioning.secretRef may."
        )
    if found.refused is None:
        return "" if wanted.managed else OR_LET_THE_OPERATOR
    if found.refused.code == "MalformedPolicyDocumentException":
        return f" KMS did not take it ({found.refused.code}), most likely since there is no {wanted.reader}: correct spec.identity of the WandbInstance."
    return f" The operator could not: {found.refused.action} was refused to {wanted.signer} ({found.refused.code}); grant it, or do it by hand."


def _check(result: CheckResult, message: str, remedy: str = "") -> Check:
    return Check(name=CheckName.KMS_KEY, result=result, message=message, remedy=remedy)
