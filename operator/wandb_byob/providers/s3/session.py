"""Clients of S3 and KMS: one for each route and credential, independent of the environment, counted and fenced call by call.

What the process' environment says (AWS_PROFILE, AWS_ENDPOINT_URL, AWS_CA_BUNDLE, proxies, ~/.aws) reaches only the
operator's own identity, and that is never shown to an endpoint that a user named.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.parsers import ResponseParserError, ResponseParserFactory

from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3 import errors, guard
from wandb_byob.providers.s3.target import Route, Target, route_for, target_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT: Final = 5
READ_TIMEOUT: Final = 20
_LARGEST_CACHE: Final = 128
_STARTED: Final = "wandb-byob-started"


@dataclass(frozen=True, kw_only=True)
class _Key:
    route: Route
    credentials: Credentials
    ca_bundle: str | None
    allowed_endpoints: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """For whom this thread is calling right now."""

    context: Context
    target: Target
    check_owner: bool = True


class Clients:
    """The cache of clients; safe to use from many threads, since each knows for whom it is calling."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: OrderedDict[_Key, S3Client] = OrderedDict()
        self._calling = threading.local()
        self._sdk = _isolated_session(_Nobody())

    @cached_property
    def _own_sdk(self) -> botocore.session.Session:
        return _isolated_session(_OperatorsOwn())

    @contextmanager
    def open(self, context: Context, credentials: Credentials) -> Iterator["S3Client"]:
        """Lend a client that signs with these credentials; what it does counts for, and is fenced by, this context."""
        target = target_of(context.spec, context.endpoint)
        client = self._client(context, target, credentials)
        with self._as(_Scope(context=context, target=target)):
            yield client

    @contextmanager
    def open_kms(self, context: Context, credentials: Credentials, route: Route) -> Iterator[Any]:
        """Lend a client of KMS in the same way."""
        target = replace(target_of(context.spec, context.endpoint), route=route)
        client: Any = self._client(context, target, credentials)
        with self._as(_Scope(context=context, target=target)):
            yield client

    @contextmanager
    def any_owner(self) -> Iterator[None]:
        """Leave ExpectedBucketOwner out of the calls inside, to find out whose a bucket is."""
        with self._as(replace(self._scope(), check_owner=False)):
            yield

    @contextmanager
    def _as(self, scope: _Scope) -> Iterator[None]:
        before = getattr(self._calling, "scope", None)
        self._calling.scope = scope
        try:
            yield
        finally:
            self._calling.scope = before

    def _scope(self) -> _Scope:
        scope = getattr(self._calling, "scope", None)
        if not isinstance(scope, _Scope):
            raise RuntimeError("an S3 client is used outside of Clients.open()")
        return scope

    def _client(self, context: Context, target: Target, credentials: Credentials) -> "S3Client":
        key = _Key(
            route=route_for(target, credentials),
            credentials=credentials,
            ca_bundle=context.ca_bundle,
            allowed_endpoints=context.allowed_endpoints,
        )
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._create(key)
            self._clients.move_to_end(key)
            while len(self._clients) > _LARGEST_CACHE:
                self._clients.popitem(last=False)
            return self._clients[key]

    def _create(self, key: _Key) -> "S3Client":
        signed: dict[str, Any]
        match key.credentials:
            case AccessKey() as keys:
                sdk, signed = self._sdk, _explicit(keys)
            case Ambient() if key.route.trusted and key.route.provider == "S3":
                sdk, signed = self._own_sdk, {}
            case Ambient():
                raise Stalled(
                    Reason.OPERATOR_IDENTITY_NOT_ALLOWED,
                    "The operator's own identity is never shown to an endpoint that a user names. Use a Secret with keys "
                    f"for this store, or remove {key.route.field}.",
                )
            case _:
                raise Stalled(
                    Reason.SECRET_INVALID, "The Secret holds no S3 access key. Give it accessKeyID and secretAccessKey."
                )
        client = sdk.create_client(
            key.route.service,
            region_name=key.route.region,
            endpoint_url=None if key.route.by_name else key.route.url,
            verify=True,
            config=_config(key.route),
            **signed,
        )
        ours = cast("S3Client", client)
        self._listen(ours, key)
        return ours

    def _listen(self, client: "S3Client", key: _Key) -> None:
        events, service = client.meta.events, key.route.service
        if service == "s3":
            events.register("before-parameter-build.s3", self._add_owner)
        events.register(f"before-call.{service}", self._before)
        events.register(f"after-call.{service}", self._after)
        events.register(f"after-call-error.{service}", self._after_error)
        events.register(
            f"before-send.{service}", guard.sender(key.route, ca_bundle=key.ca_bundle, allowed=key.allowed_endpoints)
        )

    def _add_owner(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:
        """Put ExpectedBucketOwner into every call that knows it; not into pre-signed URLs, as W&B's have none."""
        scope = self._scope()
        known = model.input_shape is not None and "ExpectedBucketOwner" in model.input_shape.members
        if known and scope.check_owner and scope.target.account_id and not context.get("is_presign_request"):
            params.setdefault("ExpectedBucketOwner", scope.target.account_id)

    def _before(self, model: Any, context: dict[str, Any], **_: object) -> None:
        # A bucket in another region is a mistake to be told, not followed: it would double every later call.
        context.setdefault("s3_redirect", {})["redirected"] = True
        # Whatever is asked of KMS is a POST.
        if model.http["method"] not in ("GET", "HEAD") and not model.name.startswith(("Get", "Describe")):
            self._scope().context.fence()
        context[_STARTED] = monotonic()

    def _after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:
        status = int(parsed["ResponseMetadata"]["HTTPStatusCode"])
        result = errors.word(str(parsed.get("Error", {}).get("Code", "")), status=status) if status >= 300 else "ok"
        self._count(model.name, result, context)

    def _after_error(self, exception: Exception, context: dict[str, Any], event_name: str, **_: object) -> None:
        self._count(event_name.rpartition(".")[2], errors.code(exception), context)

    def _count(self, operation: str, result: str, context: dict[str, Any]) -> None:
        scope = self._scope()
        scope.context.recorder.cloud_call(
            provider=scope.target.route.provider,
            operation=operation,
            result=result,
            seconds=monotonic() - context.get(_STARTED, monotonic()),
        )


def _explicit(keys: AccessKey) -> dict[str, Any]:
    return {
        "aws_access_key_id": keys.access_key_id,
        "aws_secret_access_key": keys.secret_access_key,
        "aws_session_token": keys.session_token or None,
    }


def _config(route: Route) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": route.addressing, "us_east_1_regional_endpoint": "regional"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        proxies={},
        parameter_validation=True,
        use_dualstack_endpoint=False,
        use_fips_endpoint=False,
    )


class _OperatorsOwn:
    """The process' own identity (a role, IRSA, the node's), as the SDK finds it."""

    def load_credentials(self) -> Any:
        return botocore.session.Session().get_credentials()


class _Nobody:
    """No identity at all, so that no client can pick one up by mistake."""

    def load_credentials(self) -> None:
        return None


class _Parsers(ResponseParserFactory):
    """Parsers that raise one error for whatever a reply does to them: botocore lets a number that is none through as ValueError."""

    def create_parser(self, protocol_name: str) -> Any:
        parser: Any = super().create_parser(protocol_name)
        parse = parser.parse

        def parse_safely(response: Any, shape: Any) -> Any:
            try:
                return parse(response, shape)
            except Exception as error:
                raise ResponseParserError(f"The reply can't be read ({type(error).__name__}).") from None

        parser.parse = parse_safely
        return parser


def _isolated_session(identity: "_OperatorsOwn | _Nobody") -> botocore.session.Session:
    """Return a session that reads neither environment nor files: every variable keeps its default."""
    given = {"config_file": os.devnull, "credentials_file": os.devnull, "ignore_configured_endpoint_urls": True}
    variables = {
        name: (None, None, given.get(name, default), convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    session = botocore.session.Session(session_vars=variables)
    session.register_component("credential_provider", identity)
    session.register_component("response_parser_factory", _Parsers())
    return session
