"""The data path, tried as W&B and a browser use it: small objects under each declared path, deleted again with their generations.

The calls for a path, where all is well: PUT, a signed PUT over it, a signed GET and HEAD, LIST, DELETE, and the listing
and deletion of what versioning has kept. Once for the bucket: a preflight each for GET, HEAD and PUT from every origin.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wandb_byob.decide import browsers, probes
from wandb_byob.decide.browsers import Answered
from wandb_byob.decide.connections import Fault, connection_checks
from wandb_byob.decide.endpoints import Refusal
from wandb_byob.decide.gcs_errors import explained
from wandb_byob.decide.probes import Failure
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.providers.gcs.api import Api, GcsError
from wandb_byob.providers.transport import Reply, TransportError

_FIRST, _SECOND = b"wandb-byob probe", b"wandb-byob probe, written over"
_AWKWARD: Final = " a+b%20\u00e9"
_DISTANT_FUTURE: Final = 10**10
_FOLDER: Final = ".wandb-byob-probe/"
_STALE: Final = timedelta(hours=1)
_MOST_STALE: Final = 100
_OF_THE_BUCKET: Final = {401: CheckName.CREDENTIALS, 404: CheckName.BUCKET_EXISTS}
_REMEDY: Final = (
    "Delete them, and grant storage.objects.list and storage.objects.delete to the service account of spec.credentials or "
    "spec.provisioning; a retention policy on the bucket keeps them, too."
)
_ACCEPTED: Final = Check(
    name=CheckName.CREDENTIALS, result=CheckResult.PASSED, message="Google accepts the key that W&B gets."
)


@dataclass(kw_only=True)
class Look:
    """One probe of one bucket: who signs for W&B (`data`) and who may clean up (`cleaners`), and what was found until now."""

    data: Api
    cleaners: tuple[Api, ...]
    checks: list[Check] = field(default_factory=list)
    shown: list[tuple[str, Reply]] = field(default_factory=list)
    stopped: bool = False
    outcomes: dict[CheckName, Failure | None] = field(default_factory=dict)
    whole_bucket: CheckName | None = None

    def run(self) -> tuple[Check, ...]:
        """Try every declared path, then ask as browsers do."""
        for path in self.data.context.paths:
            self._path(path)
        self._ask_as_browsers()
        return probes.merged(self.checks)

    @property
    def _origins(self) -> tuple[str, ...]:
        return browsers.sample_origins(self.data.context.tenant.origins)

    def _path(self, path: str) -> None:
        if self.stopped:
            self.checks += probes.path_checks({}, None, path=path)
            return
        folder = f"{path}/{_FOLDER}" if path else _FOLDER
        token = f"{_DISTANT_FUTURE - int(self.data.context.now().timestamp())}-{secrets.token_hex(8)}"
        name, plain = folder + token, None
        try:
            encoded = self._pass(folder, name + _AWKWARD)
            if self.whole_bucket is None and probes.wants_plain_key(encoded):
                plain = self._pass(folder, name)
        finally:
            left = self._clean_up(folder, name)
        self._judge(encoded, plain, path=path)
        check = probes.clean_up_check(left, path=path)
        self.checks.append(replace(check, remedy=_REMEDY) if left else check)

    def _pass(self, folder: str, key: str) -> dict[CheckName, Failure | None]:
        self.outcomes = {}
        api, origin = self.data, self._origins[0] if self._origins else ""
        if self._try(CheckName.PUT_OBJECT, lambda: api.put(key, _FIRST)):
            self._overwrite(key, origin)
            self._read(key, origin)
        if self.whole_bucket is None:
            self._try(CheckName.LIST_OBJECTS, lambda: self._listed(folder, key))
            self._try(CheckName.DELETE_OBJECT, lambda: api.delete(key))
        return self.outcomes

    def _overwrite(self, key: str, origin: str) -> None:
        """Write over the object: that needs storage.objects.delete as well as storage.objects.create."""
        if self._try(CheckName.SIGNED_PUT, lambda: self.data.signed("PUT", key, origin=origin, body=_SECOND)):
            self.outcomes[CheckName.OVERWRITE_OBJECT] = None
        else:
            self._try(CheckName.OVERWRITE_OBJECT, lambda: self.data.put(key, _SECOND))

    def _read(self, key: str, origin: str) -> None:
        overwritten = CheckName.OVERWRITE_OBJECT in self.outcomes and self.outcomes[CheckName.OVERWRITE_OBJECT] is None
        wanted = _SECOND if overwritten else _FIRST

        def signed_get() -> Failure | None:
            for asking in self._origins if not self.shown and self._origins else (origin,):
                reply = self.data.signed("GET", key, origin=asking)
                self.shown.append((asking, reply))
            return _compared(reply.body, wanted)

        if self._try(CheckName.SIGNED_GET, signed_get):
            self._try(CheckName.GET_OBJECT, lambda: self.data.signed("HEAD", key, origin=origin))
        else:
            self._try(CheckName.GET_OBJECT, lambda: _compared(self.data.get(key), wanted))

    def _listed(self, folder: str, key: str) -> Failure | None:
        found = self.data.bucket_call("ListObjects", "GET", "/o", query={"prefix": folder})
        written = self.outcomes.get(CheckName.PUT_OBJECT, _UNTRIED) is None
        if not written or any(item.get("name") == key for item in _items(found)) or found.get("nextPageToken"):
            return None
        message = "An object that was written is not listed."
        return Failure(code="NotListed", message=message, remedy="See that no proxy or cache changes or keeps replies.")

    def _try(self, name: CheckName, call: Callable[[], object]) -> bool:
        """Make one call unless a connection has failed; note and tell whether it succeeded."""
        if self.stopped:
            return False
        try:
            result = call()
            self.outcomes[name] = result if isinstance(result, Failure) else None
        except GcsError as error:
            message, remedy = explained(error, bucket=self.data.bucket, field=self.data.signer.named)
            self.outcomes[name] = Failure(code=error.code, message=message, remedy=remedy)
            if name is CheckName.PUT_OBJECT:
                self.whole_bucket = _OF_THE_BUCKET.get(error.status)
        except TransportError as error:
            self.stopped = True
            self.outcomes[name] = Failure(
                code=error.fault.value, message=error.why.message, remedy=error.why.remedy, final=True
            )
        return self.outcomes[name] is None

    def _judge(
        self, encoded: dict[CheckName, Failure | None], plain: dict[CheckName, Failure | None] | None, *, path: str
    ) -> None:
        refusal = (plain or encoded).get(CheckName.PUT_OBJECT)
        if refusal is not None and (refusal.final or self.whole_bucket is not None):
            self.stopped = True
            if self.whole_bucket is not None:
                self.checks.append(probes.failed(self.whole_bucket, refusal))
            else:
                why = Refusal(message=refusal.message, remedy=refusal.remedy)
                endpoint = self.data.session.policy.endpoint
                self.checks += connection_checks(endpoint, fault=Fault(refusal.code), why=why)
            self.checks += probes.path_checks({}, None, path=path)
            return
        self.checks.append(_ACCEPTED)
        self.checks += probes.path_checks(encoded, plain, path=path)

    def _clean_up(self, folder: str, name: str) -> tuple[str, ...]:
        """Delete every generation of the probe's own objects, and what an earlier probe left; returns what stays."""
        left: list[str] = []
        for api in self.cleaners:
            left = []
            try:
                listed = api.bucket_call("ListObjects", "GET", "/o", query={"prefix": folder, "versions": "true"})
            except (GcsError, TransportError):
                left = [name]
                continue
            own = [item for item in _items(listed) if str(item.get("name", "")).startswith(name)]
            old = [item for item in _items(listed) if item not in own and self._is_stale(item, folder)]
            for item in (*own, *old[:_MOST_STALE]):
                key, generation = str(item.get("name", "")), str(item.get("generation", ""))
                try:
                    api.delete(key, generation)
                except GcsError as error:
                    left += [] if error.missing else [f"{key} (generation {generation})"]
                except TransportError:
                    left.append(f"{key} (generation {generation})")
            if not left:
                return ()
        return tuple(left) if self.whole_bucket is None else ()

    def _is_stale(self, item: dict[str, Any], folder: str) -> bool:
        try:
            written = datetime.fromisoformat(str(item.get("timeCreated")))
        except ValueError:
            return False
        written = written if written.tzinfo else written.replace(tzinfo=UTC)
        return str(item.get("name", "")).startswith(folder) and self.data.context.now() - written > _STALE

    def _ask_as_browsers(self) -> None:
        if self.stopped or not self._origins:
            return
        first = self.data.context.paths[0] if self.data.context.paths else ""
        key = f"{first}/{_FOLDER}preflight".removeprefix("/")
        refused = [
            (origin, method, why)
            for origin in self._origins
            for method in browsers.METHODS
            if (why := self._preflight(key, origin=origin, method=method))
        ]
        hidden = [
            (origin, why)
            for origin, reply in self.shown
            if (why := browsers.exposure_problem(_answered(reply), origin=origin))
        ]
        self.checks += (browsers.preflight_check(refused), browsers.etag_check(hidden, seen=bool(self.shown)))

    def _preflight(self, key: str, *, origin: str, method: str) -> str | None:
        try:
            reply = self.data.preflight(key, origin=origin, method=method, headers=browsers.request_headers(method))
        except TransportError as error:
            return f"no answer came to the preflight ({error.fault})"
        return browsers.preflight_problem(_answered(reply), origin=origin, method=method)


def _compared(body: bytes, wanted: bytes) -> Failure | None:
    if body == wanted:
        return None
    message = f"What was read is not what was written ({len(body)} bytes came)."
    return Failure(code="OtherContent", message=message, remedy="See that no proxy or cache changes or keeps replies.")


def _items(listed: Any) -> list[dict[str, Any]]:
    items = listed.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _answered(reply: Reply) -> Answered:
    return Answered(status=reply.status, headers=reply.headers)


_UNTRIED: Final = Failure(code="", message="", remedy="")
