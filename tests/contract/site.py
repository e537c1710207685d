"""One provider at one real server, as the contract's tests see it: how the operator looks at a bucket, and what somebody else does with it.

A provider joins the contract by a subclass of `Site` and its places in sites.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from testbed.proxy import Fault, FaultyProxy
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Credentials
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Provider, Provisioned, Tenant

ORIGIN: Final = "https://wandb.example.com"
UID: Final = "0a1b2c3d-0000-4000-8000-000000000001"
OTHER_UID: Final = "0a1b2c3d-0000-4000-8000-000000000002"
PATH: Final = "teams/a"


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How a provider's requests look on the wire, so that a proxy can break one of them and answer in its server's words.

    The patterns are those of a Fault (`target` is path and query): the request that creates a bucket, one that configures it, one
    that writes an object with the SDK; signed URLs; the listing of objects. `denied`, `throttled` and `expired` (what a key that is no
    longer valid gets) are whole answers. `to_create` and `to_configure` are the permissions that creating and configuring take.
    """

    create: Fault
    configure: Fault
    write: Fault
    signed: str
    listing: str
    denied: Fault
    throttled: Fault
    expired: Fault
    to_create: str
    to_configure: str


class Need(StrEnum):
    """What a test needs of a server; the text stands in docs/providers.md."""

    SIGNATURES = "checks signatures"
    USERS = "has users with rights of their own"
    REGION = "has regions"
    CORS = "keeps CORS rules that can be set"
    PREFLIGHT = "answers preflights by these rules"
    POLICY = "takes a policy that names W&B's identity"
    VERSIONING = "keeps versions"
    SOFT_DELETE = "keeps what was deleted for a while"
    ENCRYPTION = "has default encryption"
    PUBLIC_ACCESS = "has a block of public access"
    LIFECYCLE = "has lifecycle rules"
    OVERWRITING = "overwrites with the right to write alone"
    UPLOADS = "keeps unfinished uploads"


@dataclass
class Calls(NullRecorder):
    """The calls that the operator counted, in order."""

    made: list[tuple[str, str]] = field(default_factory=list)

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Note the call."""
        self.made.append((operation, result))

    @property
    def operations(self) -> list[str]:
        """The operations alone."""
        return [operation for operation, _ in self.made]

    @property
    def writes(self) -> list[str]:
        """Those that change something."""
        return [
            operation
            for operation in self.operations
            if not operation.startswith(("Get", "Head", "List", "Describe", "Unsigned"))
        ]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a bucket called and found."""

    calls: Calls
    found: Provisioned

    def check(self, name: CheckName) -> Check:
        """The one check of this name."""
        (found,) = [check for check in self.found.checks if check.name is name]
        return found

    def results(self, *results: CheckResult) -> set[CheckName]:
        """The names of the checks with one of these results."""
        return {check.name for check in self.found.checks if check.result in results}


@dataclass(frozen=True, kw_only=True)
class Site(ABC):
    """One provider at one real server with a bucket name of its own; `endpoint` may be a proxy before the server."""

    provider: Provider
    bucket: str
    endpoint: str = ""

    @property
    @abstractmethod
    def credentials(self) -> Credentials:
        """Who signs for W&B: somebody who may do everything in the bucket."""

    @property
    def admin(self) -> Credentials:
        """Who configures the bucket."""
        return self.credentials

    @abstractmethod
    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the least that must be said."""

    @property
    def tenant(self) -> Tenant:
        """The W&B that reads the bucket."""
        return Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), host=ORIGIN)

    @abstractmethod
    def restarted(self) -> Self:
        """The same with a provider that has forgotten everything."""

    @abstractmethod
    def other(self) -> Self:
        """The same with another bucket name."""

    def through(self, endpoint: str) -> Self:
        """The same as reached through a proxy."""
        return replace(self, endpoint=endpoint)

    def context(self, **changes: Any) -> Context:
        """One look, as a new BucketStore that may create the bucket; `spec` adds to that of the site."""
        known: dict[str, Any] = {
            "spec": replace_spec(self.spec(), **changes.pop("spec", {})),
            "uid": UID,
            "tenant": self.tenant,
            "data": self.credentials,
            "admin": self.admin,
            "paths": (PATH,),
            "intended": True,
            "allowed_endpoints": ("127.0.0.1",),
            "recorder": Calls(),
            "now": lambda: datetime.now(UTC),
        }
        return Context(**{**known, **changes})

    def look(self, **changes: Any) -> Look:
        """Provision once, as the reconciler does for a bucket that it means to create."""
        context = self.context(**changes)
        return Look(calls=calls_of(context), found=self.provider.provision(context))

    def later(self, **changes: Any) -> Look:
        """Provision once more, as the reconciler does when status.bucket is there."""
        return self.look(**{"intended": False, "recorded": "Created", **changes})

    def probe(self, **changes: Any) -> tuple[Check, ...]:
        """Try the data path once."""
        return self.provider.probe(self.context(**{"intended": False, "recorded": "Created", **changes}))

    @abstractmethod
    def elsewhere(self) -> dict[str, Any]:
        """Changes to the specification that name another region than that of the bucket."""

    @abstractmethod
    def behind(self) -> AbstractContextManager[tuple[Self, FaultyProxy]]:
        """The same as reached through a proxy that can be told to break, and that proxy."""

    @abstractmethod
    def stranger(self) -> Credentials:
        """Credentials of the right form that the server does not know."""

    @abstractmethod
    def limited(self, without: CheckName) -> AbstractContextManager[Credentials]:
        """Credentials that may do all that W&B needs in the bucket, but what this check of the data path tries."""

    @abstractmethod
    def make(self) -> None:
        """Make the bucket as somebody else does, with nothing set."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the empty bucket."""

    @abstractmethod
    def put(self, key: str, body: bytes = b"x") -> None:
        """Write an object as somebody else does."""

    @abstractmethod
    def contents(self) -> list[tuple[str, str]]:
        """Everything in the bucket, by key and version: objects, old versions and what marks a deletion."""

    @abstractmethod
    def leave(self, what: str) -> None:
        """Leave in the bucket what is no object any more, or not yet: one of the place's `leftovers`."""

    @abstractmethod
    def configuration(self) -> dict[str, Any]:
        """All that is set on the bucket, by another client's word; what the server has not, or has not set, is left out."""

    @abstractmethod
    def mark(self) -> str:
        """The mark of ownership: the BucketStore's UID, `adopted:` before it where it was adopted, "" for none."""

    @abstractmethod
    def set_mark(self, mark: str) -> None:
        """Set a mark of ownership."""

    @abstractmethod
    def dress(self) -> None:
        """Set on the bucket what somebody else may have set: labels, CORS rules, grants."""

    @abstractmethod
    def theirs(self) -> Any:
        """What is left of it, to be compared."""

    @abstractmethod
    def expire(self, prefix: str, *, name: str) -> str:
        """Set a rule of this name that expires objects under a prefix after 30 days; return by what a message can tell it."""

    @abstractmethod
    def let_everybody_in(self) -> None:
        """Set CORS rules that let pages of every origin do all that W&B's need."""

    @abstractmethod
    def take_away(self, aspect: CheckName) -> None:
        """Undo one thing that the operator has set: a key of the place's `repairs`, named by the check that sees it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One column of the matrix: a kind of provider at a real server, what it costs and lacks there.

    `fixture` starts the server and `at` makes a site of what it gives. `created` and `looked` are the calls that creating a
    bucket and a later look make, in this order; `repairs` what puts back each aspect that is taken away. `skipped` are the
    checks that are skipped on a bucket of our making, `planned` the changes planned for a bare one in Observe. `lacks` says for each need
    that the server does not meet why, with its own word.
    """

    provider: str
    server: str
    fixture: str
    at: Callable[[Any], Site]
    created: Sequence[str]
    looked: Sequence[str]
    repairs: Mapping[CheckName, str]
    wire: Wire
    planned: frozenset[str]
    skipped: frozenset[CheckName] = frozenset()
    leftovers: Sequence[str] = ("object", "version", "marker", "upload")
    lacks: Mapping[Need, str] = field(default_factory=dict)


def calls_of(context: Context) -> Calls:
    """The calls counted for a context."""
    assert isinstance(context.recorder, Calls)
    return context.recorder


def replace_spec(spec: api.BucketStoreSpec, **changes: Any) -> api.BucketStoreSpec:
    """The specification with fields changed; a provider's block may be a dict of changes to it."""
    for name, value in changes.items():
        if isinstance(value, dict):
            changes[name] = _changed(getattr(spec, name), value)
    made: api.BucketStoreSpec = _changed(spec, changes)
    return made


def _changed(struct: Any, changes: Mapping[str, Any]) -> Any:
    return type(struct)(**{name: getattr(struct, name) for name in struct.__struct_fields__} | changes)


class KilledError(RuntimeError):
    """The operator ends here."""


def killed_before(number: int) -> Callable[[], None]:
    """A fence at which the operator dies before its write of this number, counted from 0."""
    writes = iter(range(1000))

    def fence() -> None:
        if next(writes) == number:
            raise KilledError

    return fence
