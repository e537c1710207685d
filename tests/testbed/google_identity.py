"""What tells a pod on Google Cloud who it is, and signs for it, in small: the metadata server and IAM Credentials.

Both are ours: they refuse what Google's refuse (a request without Metadata-Flavor, or passed on by a proxy; a token that nobody gave, an
account that may not sign), and the signatures are real. That a pod gets the identity of its own ServiceAccount is Google's doing and
not shown here: whoever asks is `account`.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from testbed.google_accounts import Account, Accounts, RefusedError
from testbed.proxy import FaultyProxy, Response

SIGN_BLOB: Final = "iam.serviceAccounts.signBlob"
_ACCOUNT: Final = "/computeMetadata/v1/instance/service-accounts/default/"
_SIGN: Final = re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):signBlob")
_JSON: Final = ("Content-Type", "application/json")
_FLAVOR: Final = ("Metadata-Flavor", "Google")


class Metadata(FaultyProxy):
    """The metadata server: `account` is who asks, with tokens of this `lifetime`; `email` what it says instead of the account's."""

    def __init__(self, accounts: Accounts, account: Account) -> None:
        super().__init__(0)
        self._accounts = accounts
        self.account = account
        self.lifetime = timedelta(hours=1)
        self.email = ""

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer the two paths of the default service account."""
        named = {name.lower(): value for name, value in headers.items()}
        if named.get("metadata-flavor") != "Google" or "x-forwarded-for" in named:
            return Response(403, [], b"Missing required header 'Metadata-Flavor': 'Google'.")
        if target == f"{_ACCOUNT}email":
            return Response(200, [_FLAVOR], (self.email or self.account.email).encode())
        if target == f"{_ACCOUNT}token":
            token = self._accounts.give_token(self.account.email, lifetime=self.lifetime)
            told = {"access_token": token, "expires_in": int(self.lifetime.total_seconds()), "token_type": "Bearer"}
            return Response(200, [_FLAVOR, _JSON], json.dumps(told).encode())
        return Response(404, [_FLAVOR], b"")


class IamCredentials(FaultyProxy):
    """IAM Credentials: signs as an account for whoever has a token of just that account, and may."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(0)
        self._accounts = accounts

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer signBlob."""
        found = _SIGN.fullmatch(target)
        if method != "POST" or found is None:
            return _refused(404, "NOT_FOUND", "not found")
        named = {name.lower(): value for name, value in headers.items()}
        try:
            account = self._accounts.bearer(named.get("authorization", ""))
        except RefusedError:
            return _refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if account.email != found[1] or SIGN_BLOB in account.lacks:
            words = f"Permission '{SIGN_BLOB}' denied on resource (or it may not exist)."
            return _refused(403, "PERMISSION_DENIED", words, reason="IAM_PERMISSION_DENIED")
        signed = account.sign(base64.b64decode(json.loads(body)["payload"]))
        return _json(200, {"keyId": "managed", "signedBlob": base64.b64encode(signed).decode()})


def _refused(status: int, word: str, message: str, *, reason: str = "") -> Response:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return _json(status, {"error": {"code": status, "message": message, "status": word, "details": details}})


def _json(status: int, value: Any) -> Response:
    return Response(status, [_JSON], json.dumps(value).encode())
