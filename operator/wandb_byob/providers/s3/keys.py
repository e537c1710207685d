"""KMS keys: how one is set up, and the two statements that its policy lacks for W&B.

A key is looked at once an hour at most, whichever bucket asks: it belongs to none of them, and what is right stays so. One that is not
right is looked at each time, so that a repair by hand is seen.
"""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from wandb_byob.decide.clouds import key_checks, key_policy
from wandb_byob.decide.clouds.bucket_policy import Policy
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.clouds.key_checks import KeyState, KeyWanted
from wandb_byob.decide.clouds.key_policy import Key
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Credentials
from wandb_byob.providers.base import Change, Context
from wandb_byob.providers.s3 import errors
from wandb_byob.providers.s3.errors import SDK_ERRORS
from wandb_byob.providers.s3.session import Clients
from wandb_byob.providers.s3.target import kms_route

_REMEMBERED: Final = timedelta(hours=1)
_MOST: Final = 1024
_LONGEST_POLICY: Final = 64 * 1024
_DENIED: Final = frozenset({"AccessDeniedException", "KMSAccessDeniedException", "AccessDenied"})
_POLICY: Final = "default"
"""The one name that a key's policy can have."""


@dataclass(frozen=True, kw_only=True)
class KeyLook:
    """What came of a look at a key: its check, and what was, or would be, changed. `usable`: nothing known speaks against it."""

    check: Check
    usable: bool
    planned: tuple[Change, ...] = ()
    applied: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class _Asked:
    given: str
    region: str
    signer: Credentials


@dataclass(kw_only=True)
class Keys:
    """All keys; safe to use from many threads. `endpoint` is where the administrator says that KMS is reached, "" for its public name."""

    clients: Clients
    endpoint: str = ""
    _right: OrderedDict[_Asked, tuple[KeyState, datetime]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def look(self, context: Context, signer: Credentials, wanted: KeyWanted, *, region: str) -> KeyLook:
        """Look at a key, and give its policy what it lacks where `wanted.granted`."""
        asked = _Asked(given=wanted.given, region=region, signer=signer)
        known = self._known(asked, context.now())
        if known is not None and key_checks.check(known, wanted).result is CheckResult.PASSED:
            return KeyLook(check=key_checks.check(known, wanted), usable=True)
        with self.clients.open_kms(context, signer, kms_route(region, self.endpoint)) as client:
            found = _read(client, wanted.given)
            lacking = _lacks(found, wanted)
            change = (_change(wanted),) if lacking else ()
            applied: tuple[Change, ...] = ()
            if lacking and wanted.granted and isinstance(found, KeyState):
                with self._writing:
                    found = _grant(client, found, wanted)
                applied = () if _lacks(found, wanted) else change
        self._remember(asked, found, context.now())
        return KeyLook(
            check=key_checks.check(found, wanted),
            usable=key_checks.is_usable(found, wanted),
            planned=change if wanted.field and not wanted.shared else (),
            applied=applied,
        )

    def _known(self, asked: _Asked, now: datetime) -> KeyState | None:
        with self._lock:
            found = self._right.get(asked)
        return found[0] if found is not None and now < found[1] else None

    def _remember(self, asked: _Asked, found: KeyState | Unread, now: datetime) -> None:
        with self._lock:
            self._right.pop(asked, None)
            if isinstance(found, KeyState):
                self._right[asked] = (found, now + _REMEMBERED)
            while len(self._right) > _MOST:
                self._right.popitem(last=False)


def _change(wanted: KeyWanted) -> Change:
    who = (
        f"{wanted.reader} use the key, and its own account manage it"
        if wanted.reader
        else "its own account manage the key"
    )
    return Change(
        name=CheckName.KMS_KEY.value,
        message=f"Add statements to the policy of the KMS key {wanted.given} that let {who}.",
    )


def _lacks(found: KeyState | Unread, wanted: KeyWanted) -> bool:
    """Say whether it is its policy, which is known, that keeps W&B from the key; AWS' own keys have one that nobody can change."""
    if isinstance(found, Unread) or found.of_aws or found.policy is None or isinstance(found.policy, Unread):
        return False
    if key_checks.broken(found, wanted) is not None:
        return False
    return any(grant.missing(found.policy) for grant in key_policy.grants(found.key, wanted.reader))


def _read(client: Any, given: str) -> KeyState | Unread:
    try:
        meta = client.describe_key(KeyId=given)["KeyMetadata"]
        key = Key(arn=str(meta["Arn"]))
        found = KeyState(
            key=key,
            state=str(meta.get("KeyState", "")),
            usage=str(meta.get("KeyUsage", "")),
            spec=str(meta.get("KeySpec", "")),
            of_aws=meta.get("KeyManager") == "AWS",
        )
    except SDK_ERRORS as error:
        return _unread(error, "kms:DescribeKey")
    except (KeyError, TypeError, AttributeError):
        return Unread(code="UnexpectedAnswer", action="kms:DescribeKey", denied=False)
    return found if found.of_aws else replace(found, policy=_policy(client, key))


def _policy(client: Any, key: Key) -> Policy | Unread:
    try:
        text = client.get_key_policy(KeyId=key.arn, PolicyName=_POLICY)["Policy"]
        policy = json.loads(text) if len(text) <= _LONGEST_POLICY else None
    except SDK_ERRORS as error:
        return _unread(error, "kms:GetKeyPolicy")
    except (KeyError, TypeError, ValueError, RecursionError):
        policy = None
    return (
        policy if isinstance(policy, dict) else Unread(code="UnexpectedAnswer", action="kms:GetKeyPolicy", denied=False)
    )


def _grant(client: Any, found: KeyState, wanted: KeyWanted) -> KeyState:
    """Add what the policy lacks, to the policy as it is now; return the key with the policy that it then has, or the refusal."""
    policy = _policy(client, found.key)
    if isinstance(policy, Unread):
        return replace(found, policy=policy)
    goal = key_policy.merged(policy, key_policy.grants(found.key, wanted.reader))
    if goal is not policy:
        try:
            client.put_key_policy(KeyId=found.key.arn, PolicyName=_POLICY, Policy=json.dumps(goal))
        except SDK_ERRORS as error:
            return replace(found, policy=policy, refused=_unread(error, "kms:PutKeyPolicy"))
    return replace(found, policy=goal)


def _unread(error: BaseException, action: str) -> Unread:
    code = errors.code(error)
    return Unread(code=code, action=action, denied=code in _DENIED)
