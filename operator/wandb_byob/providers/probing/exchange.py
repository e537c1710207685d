"""One pass of calls with one key, and what each of them gave."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wandb_byob.decide.connections import may_have_arrived
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import CheckName
from wandb_byob.providers.probing.door import Door, Item, Leftover, Written
from wandb_byob.providers.transport import Reply, TransportError

_FIRST: Final = b"wandb-byob probe"
_SECOND: Final = b"wandb-byob probe, written over"
_REMEDY: Final = "See that no proxy or cache between here and the store changes or keeps replies."


@dataclass(kw_only=True)
class Exchange:
    """The calls with one key.

    `origins`: whose pages ask for the object. `known`: what must be deleted afterwards; `uncertain`: there may be more
    of it than known. `written` and `shown` are the replies that tell about encryption, versions, clock and CORS.
    """

    door: Door
    folder: str
    key: str
    origins: tuple[str, ...]
    outcomes: dict[CheckName, Failure | None] = field(default_factory=dict)
    known: set[Leftover] = field(default_factory=set)
    uncertain: bool = False
    written: Written = field(default_factory=Written)
    shown: list[tuple[str, str, Reply]] = field(default_factory=list)
    listing: tuple[Item, ...] = ()

    @property
    def broken_off(self) -> bool:
        """Whether a call failed so that none after it could succeed."""
        return any(failure is not None and failure.final for failure in self.outcomes.values())

    def run(self) -> None:
        """Make the calls, as far as they make sense after each other."""
        if self._try(CheckName.PUT_OBJECT, lambda: self._put(_FIRST)):
            self._overwrite()
            self._read()
        refusal = self.outcomes[CheckName.PUT_OBJECT]
        if refusal is None or refusal.of_bucket is None:
            self._try(CheckName.LIST_OBJECTS, self._list)
            self._try(CheckName.DELETE_OBJECT, self._delete)

    def _try(self, name: CheckName, call: Callable[[], Failure | None]) -> bool:
        """Make one call unless the pass is broken off; note and tell whether it succeeded."""
        if self.broken_off:
            return False
        try:
            self.outcomes[name] = call()
        except self.door.errors as error:
            self.outcomes[name] = self.door.explain(error)
            if name in _WRITING and self._may_be_done(error):
                self.uncertain = True
                self.known.add(Leftover(self.key))
        return self.outcomes[name] is None

    def _put(self, body: bytes) -> None:
        self.written = self.door.put(self.key, body)
        self._note_version(self.written.version)

    def _note_version(self, version: str) -> None:
        self.known.add(Leftover(self.key, version))
        self.uncertain = self.uncertain or bool(version)

    def _overwrite(self) -> None:
        if self._try(CheckName.SIGNED_PUT, self._signed_put):
            self.outcomes[CheckName.OVERWRITE_OBJECT] = None
        else:
            self._try(CheckName.OVERWRITE_OBJECT, lambda: self._put(_SECOND))

    def _signed_put(self) -> None:
        reply = self.door.signed("PUT", self.key, origin=self._origin, body=_SECOND)
        self._note_version(self.door.version_of(reply))

    @property
    def _origin(self) -> str:
        return self.origins[0] if self.origins else ""

    def _read(self) -> None:
        if self._try(CheckName.SIGNED_GET, self._signed_get):
            self._try(CheckName.GET_OBJECT, self._signed_head)
        else:
            self._try(CheckName.GET_OBJECT, self._get)

    def _signed_get(self) -> Failure | None:
        for origin in self.origins or ("",):
            reply = self.door.signed("GET", self.key, origin=origin)
            self.shown.append((origin, "GET", reply))
        return self._compare(reply.body, "a signed URL")

    def _compare(self, body: bytes, how: str) -> Failure | None:
        overwritten = self.outcomes.get(CheckName.OVERWRITE_OBJECT, _UNTRIED) is None
        if overwritten and body == _FIRST:
            self.outcomes[CheckName.OVERWRITE_OBJECT] = Failure(
                code="OldContent", message="An object that was overwritten still has its old content.", remedy=_REMEDY
            )
        elif body != (_SECOND if overwritten else _FIRST):
            message = f"What was read with {how} is not what was written ({len(body)} bytes came)."
            return Failure(code="OtherContent", message=message, remedy=_REMEDY)
        return None

    def _signed_head(self) -> None:
        for origin in self.origins or ("",):
            self.shown.append((origin, "HEAD", self.door.signed("HEAD", self.key, origin=origin)))

    def _get(self) -> Failure | None:
        return self._compare(self.door.get(self.key), "keys")

    def _list(self) -> Failure | None:
        listed = self.door.list(self.folder)
        self.listing = listed.items
        written = self.outcomes.get(CheckName.PUT_OBJECT, _UNTRIED) is None
        if not written or not listed.complete or any(item.key == self.key for item in self.listing):
            return None
        return Failure(
            code="NotListed",
            message="An object that was just written does not show in the list of objects.",
            remedy="See that the store lists objects as soon as they are written, and that no cache stands before it.",
        )

    def _delete(self) -> None:
        marker = self.door.delete(self.key)
        self.known.discard(Leftover(self.key))
        if marker:
            self._note_version(marker)

    def _may_be_done(self, error: BaseException) -> bool:
        """Say whether the store may have done what was asked although no success came back."""
        if isinstance(error, TransportError):
            return may_have_arrived(error.fault)
        return not 400 <= self.door.status(error) < 500


_WRITING: Final = frozenset(
    {CheckName.PUT_OBJECT, CheckName.SIGNED_PUT, CheckName.OVERWRITE_OBJECT, CheckName.DELETE_OBJECT}
)
"""The calls of which something may be left when no reply comes."""
_UNTRIED: Final = Failure(code="", message="", remedy="")
