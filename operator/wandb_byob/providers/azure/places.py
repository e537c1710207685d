"""Where storage accounts are reached: at Azure's public names, or where the operator's administrator says; never where a user says."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from wandb_byob.decide.clouds.azure_checks import account_name
from wandb_byob.decide.endpoints import Policy, Refusal, parse_endpoint
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.tls import extended, trust
from wandb_byob.providers.transport import GuardedSession

PUBLIC: Final = "https://{account}.blob.core.windows.net"
_ACCOUNT: Final = "{account}"
_IN_PATH: Final = f"/{_ACCOUNT}"
_ACCOUNT_FIELD: Final = "spec.azure.storageAccount"
_MOST: Final = 256


@dataclass(frozen=True, kw_only=True)
class Place:
    """One storage account; `turn` is held while what is the account's, and not a container's, is read and written back."""

    url: str
    session: GuardedSession
    turn: threading.Lock = field(default_factory=threading.Lock)


class Places:
    """The accounts that were asked for last, with their idle connections.

    One that is forgotten while somebody works with it is still the same for whoever asks: of two turns for one account neither would
    keep anybody out.
    """

    def __init__(self, endpoints: CloudEndpoints) -> None:
        self._endpoints = endpoints
        self._mutex = threading.Lock()
        self._recent: OrderedDict[str, Place] = OrderedDict()
        self._in_use: WeakValueDictionary[str, Place] = WeakValueDictionary()

    def of(self, account: str) -> Place:
        """Return where an account is; raises `Stalled` for a name that no account can have."""
        with self._mutex:
            place = self._in_use.get(account)
            if place is None:
                place = self._in_use[account] = self._made(account)
            self._recent[account] = place
            self._recent.move_to_end(account)
            while len(self._recent) > _MOST:
                self._recent.popitem(last=False)
            return place

    def _made(self, account: str) -> Place:
        wrong = account_name(account)
        if wrong is not None:
            raise Stalled(Reason.INVALID_SPEC, f"{wrong.message} {wrong.remedy}", check=wrong)
        template = self._endpoints.azure.rstrip("/") or PUBLIC
        server = template.removesuffix(_IN_PATH)
        fields = [_ACCOUNT_FIELD] if _ACCOUNT in server else []
        fields += ["the operator's flag --azure-endpoint"] if self._endpoints.azure else []
        named = " or ".join(fields)
        endpoint = parse_endpoint(server.replace(_ACCOUNT, account), field=named)
        if isinstance(endpoint, Refusal):
            raise Stalled(Reason.INVALID_SPEC, f"{endpoint.message} {endpoint.remedy}")
        policy = Policy(endpoint=endpoint, field=named, trusted=True, public=not self._endpoints.azure)
        path = f"/{account}" if template.endswith(_IN_PATH) else ""
        return Place(
            url=f"{endpoint.url}{path}",
            session=GuardedSession(policy, trust=trust(extended(self._endpoints.ca_bundle))),
        )
