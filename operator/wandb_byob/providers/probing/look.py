"""The data path, tried as W&B and a browser use it: small objects under each declared path, deleted again.

The calls for a path, where all is well: PUT, a signed PUT over it, a signed GET and HEAD, LIST, DELETE; on a bucket
with versioning also the listing and deletion of the versions. Once for the bucket: a preflight each for GET, HEAD and
PUT from every origin.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from wandb_byob.decide.connections import Fault, connection_checks, http_date
from wandb_byob.decide.endpoints import Refusal
from wandb_byob.decide.probing import browsers, probes
from wandb_byob.decide.probing.browsers import Answered
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.clean_up import FOLDER, CleanUp
from wandb_byob.providers.probing.door import Door
from wandb_byob.providers.probing.exchange import Exchange
from wandb_byob.providers.transport import Reply, TransportError

_AWKWARD: Final = " a+b%20\u00e9"
"""What comes after a plain key to make it one that needs encoding; `%20` shows a store that decodes twice."""
_DISTANT_FUTURE: Final = 10**10
_ACCEPTED: Final = Check(
    name=CheckName.CREDENTIALS, result=CheckResult.PASSED, message="The store accepts the keys that W&B gets."
)


def probe(context: Context, door: Door) -> tuple[Check, ...]:
    """Try every declared path; raises whatever `context.fence` raises."""
    look = _Look(context=context, door=door, origins=browsers.sample_origins(context.tenant.origins))
    for path in context.paths:
        look.path(path)
    look.ask_as_browsers()
    return probes.merged(look.checks)


@dataclass(kw_only=True)
class _Look:
    """One probe of one bucket: its means, and what was found until now. `stopped`: it makes no sense to go on."""

    context: Context
    door: Door
    origins: tuple[str, ...]
    checks: list[Check] = field(default_factory=list)
    shown: list[tuple[str, str, Reply]] = field(default_factory=list)
    stopped: bool = False

    def path(self, path: str) -> None:
        """Try one declared path, and delete what that has written whatever comes."""
        if self.stopped:
            self.checks += probes.path_checks({}, None, path=path)
            return
        folder = f"{path}/{FOLDER}" if path else FOLDER
        name = folder + self._token()
        encoded = self._exchange(folder, name + _AWKWARD)
        plain = self._exchange(folder, name)
        passes = [encoded]
        try:
            encoded.run()
            if probes.wants_plain_key(encoded.outcomes):
                passes.append(plain)
                plain.run()
        finally:
            left = self._clean_up(folder, passes)
        self.shown = self.shown or encoded.shown or plain.shown
        self._judge(path, passes)
        self.checks.append(probes.clean_up_check(left, path=path, permission=self.door.permission_to_delete))

    def _token(self) -> str:
        """Return a name that no other probe has; newer ones sort first, so that a full page of leftovers hides none."""
        return f"{_DISTANT_FUTURE - int(self.context.now().timestamp())}-{secrets.token_hex(8)}"

    def _exchange(self, folder: str, key: str) -> Exchange:
        return Exchange(
            door=self.door,
            folder=folder,
            key=key,
            origins=self.origins[:1] if self.shown else self.origins,
        )

    def _clean_up(self, folder: str, passes: Iterable[Exchange]) -> tuple[str, ...]:
        cleaner = CleanUp(
            folder=folder,
            sweepers=self.door.sweepers(),
            errors=self.door.errors,
            # By the store's clock, since the ages are the store's, too.
            now=http_date(self.door.last_date) or self.context.now(),
        )
        known = {item for each in passes for item in each.known}
        stale = cleaner.stale(item for each in passes for item in each.listing)
        left = cleaner.delete(
            known | set(stale),
            keys=frozenset(each.key for each in passes),
            uncertain=any(each.uncertain for each in passes) or self._keeps_markers(passes),
        )
        return tuple(str(item) for item in left)

    def _keeps_markers(self, passes: Iterable[Exchange]) -> bool:
        """Say whether a deletion that was tried may have left a marker that no reply tells of."""
        tried = any(CheckName.DELETE_OBJECT in each.outcomes for each in passes)
        return tried and self.door.keeps_markers()

    def _judge(self, path: str, passes: list[Exchange]) -> None:
        """Turn the passes for a path into checks; what fails for the whole bucket is said once, and ends the probe."""
        encoded, judged = passes[0], passes[-1]
        refusal = judged.outcomes[CheckName.PUT_OBJECT]
        whole_bucket = (_ACCEPTED, *self.door.judge(judged.written)) if refusal is None else self._refused(refusal)
        unusable = refusal is not None and any(check.result is CheckResult.FAILED for check in whole_bucket)
        self.stopped = judged.broken_off or unusable
        self.checks += whole_bucket
        if unusable:
            self.checks += probes.path_checks({}, None, path=path)
            return
        written = judged.written
        stored = probes.stored_message(
            encryption=written.encryption, version="" if written.numbered else written.version
        )
        plain = judged.outcomes if judged is not encoded else None
        self.checks += probes.path_checks(encoded.outcomes, plain, path=path, stored=stored)

    def _refused(self, refusal: Failure) -> tuple[Check, ...]:
        if refusal.final:
            fault, why = Fault(refusal.code), Refusal(message=refusal.message, remedy=refusal.remedy)
            return connection_checks(self.door.endpoint, fault=fault, why=why)
        name = refusal.of_bucket
        return (probes.failed(name, refusal),) if name else (_ACCEPTED,)

    def ask_as_browsers(self) -> None:
        """Ask as browsers do, and look whether they could read what they were given."""
        if self.stopped:
            return
        key = f"{self.context.paths[0]}/{FOLDER}preflight".removeprefix("/") if self.context.paths else FOLDER
        refused = [
            (origin, method, why)
            for origin in self.origins
            for method in browsers.METHODS
            if (why := self._preflight(key, origin=origin, method=method))
        ]
        hidden = [
            (origin, f"{why} (in the answer to HEAD)" if method == "HEAD" else why)
            for origin, method, reply in self.shown
            if (why := browsers.exposure_problem(_answered(reply), origin=origin))
        ]
        if self.origins:
            seen = bool(self.shown)
            self.checks += (browsers.preflight_check(refused), browsers.etag_check(hidden, seen=seen))

    def _preflight(self, key: str, *, origin: str, method: str) -> str | None:
        own = self.door.put_headers
        try:
            headers = browsers.request_headers(method, own)
            reply = self.door.preflight(key, origin=origin, method=method, headers=headers)
        except TransportError as error:
            return f"no answer came to the preflight ({error.fault})"
        return browsers.preflight_problem(_answered(reply), origin=origin, method=method, put_headers=own)


def _answered(reply: Reply) -> Answered:
    return Answered(status=reply.status, headers=reply.headers)
