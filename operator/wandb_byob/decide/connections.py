"""What a connection to a store proved, or why it failed: one sentence and one remedy per kind of fault."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from wandb_byob.decide.endpoints import Endpoint, Policy, Refusal
from wandb_byob.model.checks import Check, CheckName, CheckResult


class Fault(StrEnum):
    """How a request can end without a usable reply."""

    NOT_ALLOWED = "NotAllowed"
    UNKNOWN_HOST = "UnknownHost"
    REFUSED = "Refused"
    CONNECT_TIMEOUT = "ConnectTimeout"
    TIMEOUT = "Timeout"
    LOOK_TIMEOUT = "LookTimeout"
    RESET = "Reset"
    TRUNCATED = "Truncated"
    TOO_LARGE = "TooLarge"
    NOT_HTTP = "NotHTTP"
    TLS_EXPIRED = "TLSExpired"
    TLS_NOT_YET_VALID = "TLSNotYetValid"
    TLS_WRONG_HOST = "TLSWrongHost"
    TLS_UNKNOWN_AUTHORITY = "TLSUnknownAuthority"
    TLS_VERSION = "TLSVersion"
    TLS_NOT_SPOKEN = "TLSNotSpoken"
    TLS_FAILED = "TLSFailed"


@dataclass(frozen=True, kw_only=True)
class _Text:
    message: str
    remedy: str


_TEXTS: Final = {
    Fault.UNKNOWN_HOST: _Text(
        message="The host name {host} is not known to DNS here.",
        remedy="Correct the host in {field}, or make the name resolvable from the operator's pod.",
    ),
    Fault.REFUSED: _Text(
        message="Nothing accepts connections at {authority}.",
        remedy="Check that the store is running and the port in {field}, and that firewalls and NetworkPolicies let the operator's pod through.",
    ),
    Fault.CONNECT_TIMEOUT: _Text(
        message="No connection to {authority} came about in time.",
        remedy="Check the port in {field}, and that firewalls and NetworkPolicies let the operator's pod through.",
    ),
    Fault.TIMEOUT: _Text(
        message="{authority} took a connection but did not answer in time.",
        remedy="Check that the store is healthy, and that nothing between it and the operator's pod drops packets.",
    ),
    Fault.LOOK_TIMEOUT: _Text(
        message="{authority} answers so slowly that the time which one look at a bucket has was over before all was asked.",
        remedy="Check that the store is healthy, and that nothing between it and the operator's pod slows it down.",
    ),
    Fault.RESET: _Text(
        message="{authority} closed the connection before it had answered.",
        remedy="Check that the store is healthy, and that no proxy between it and the operator's pod cuts connections.",
    ),
    Fault.TRUNCATED: _Text(
        message="A reply of {authority} ended too early.",
        remedy="Check that the store is healthy, and that no proxy between it and the operator's pod cuts replies.",
    ),
    Fault.TOO_LARGE: _Text(
        message="{authority} sent a reply of more than 1 MiB, or XML that grows beyond that, which no object store would do here.",
        remedy="Name the S3 endpoint of an object store in {field}.",
    ),
    Fault.NOT_HTTP: _Text(
        message="{authority} does not answer as an HTTP server does.",
        remedy="Name the S3 endpoint of the store in {field}: its scheme (http or https) and port.",
    ),
    Fault.TLS_EXPIRED: _Text(
        message="The TLS certificate of {authority} has expired.",
        remedy="Renew the certificate at the store.",
    ),
    Fault.TLS_NOT_YET_VALID: _Text(
        message="The TLS certificate of {authority} is not valid yet.",
        remedy="Check the clocks of the store and of the operator's node, and the certificate's dates.",
    ),
    Fault.TLS_WRONG_HOST: _Text(
        message="The TLS certificate of {authority} is for another host name.",
        remedy="Use the name that stands in the certificate in {field}, or issue a certificate for {host}.",
    ),
    Fault.TLS_UNKNOWN_AUTHORITY: _Text(
        message="The TLS certificate of {authority} is signed by an authority that is not trusted here, or its chain is incomplete.",
        remedy="Name the authority's certificates in {bundle}, or install a certificate of a public authority with its whole chain.",
    ),
    Fault.TLS_VERSION: _Text(
        message="{authority} speaks no TLS version that is safe: 1.2 or newer is needed.",
        remedy="Turn on TLS 1.2 or 1.3 at the store.",
    ),
    Fault.TLS_NOT_SPOKEN: _Text(
        message="{authority} does not speak TLS.",
        remedy="Correct the port in {field}, or write http:// where the store really has no TLS.",
    ),
    Fault.TLS_FAILED: _Text(
        message="The TLS handshake with {authority} failed.",
        remedy="Check the TLS set-up of the store, and that no proxy between it and the operator's pod breaks TLS.",
    ),
}
_OLDER_THAN_TLS13: Final = _Text(
    message="{authority}, or a proxy before it, speaks no TLS 1.3, which CoreWeave requires.",
    remedy="Let the operator reach the store itself, or turn on TLS 1.3 at what stands at {authority} (named by {field}).",
)
_INTERCEPTED: Final = "See that nothing between the operator's pod and {host} answers in its place, such as a proxy or another entry in DNS."
_LET_THROUGH: Final = "Check that firewalls and NetworkPolicies let the operator's pod through to the cloud."
_NAME_MADE_OF: Final = (
    "Correct {field}, of which the name is made, or make the name resolvable from the operator's pod."
)
_OF_THE_CLOUD: Final = {
    Fault.UNKNOWN_HOST: "Make the name resolvable from the operator's pod.",
    Fault.REFUSED: _LET_THROUGH,
    Fault.CONNECT_TIMEOUT: _LET_THROUGH,
    Fault.TOO_LARGE: _INTERCEPTED,
    Fault.NOT_HTTP: _INTERCEPTED,
    Fault.TLS_EXPIRED: _INTERCEPTED,
    Fault.TLS_WRONG_HOST: _INTERCEPTED,
    Fault.TLS_VERSION: _INTERCEPTED,
    Fault.TLS_NOT_SPOKEN: _INTERCEPTED,
}
"""What to do where the host is a cloud's own: nobody has named it, and its servers are in order."""
_AFTER_SENDING: Final = frozenset({Fault.TIMEOUT, Fault.RESET, Fault.TRUNCATED, Fault.TOO_LARGE, Fault.NOT_HTTP})
_CHECK_OF: Final = {Fault.NOT_ALLOWED: CheckName.ENDPOINT_ALLOWED}
"""The order in which a connection comes about: what comes before the failed check has passed."""
_STEPS: Final = (CheckName.ENDPOINT_ALLOWED, CheckName.ENDPOINT_REACHABLE, CheckName.TLS)
_SKEW_WARNING: Final = timedelta(minutes=2)
_SKEW_FAILURE: Final = timedelta(minutes=15)


def explain(fault: Fault, policy: Policy) -> Refusal:
    """Return what is wrong and what to do, for every fault but NOT_ALLOWED, whose text the endpoint policy writes."""
    text = _OLDER_THAN_TLS13 if policy.tls13 and fault is Fault.TLS_VERSION else _TEXTS[fault]
    remedy = _OF_THE_CLOUD.get(fault, text.remedy) if policy.public else text.remedy
    if policy.public and policy.field and fault is Fault.UNKNOWN_HOST:
        remedy = _NAME_MADE_OF
    names = {
        "host": policy.endpoint.host,
        "authority": policy.endpoint.authority,
        "field": policy.field,
        "bundle": "the operator's flag --cloud-ca-file" if policy.trusted else "spec.s3Compatible.caBundleRef",
    }
    return Refusal(message=text.message.format(**names), remedy=remedy.format(**names))


def may_have_arrived(fault: Fault) -> bool:
    """Say whether the store may have got the request, and done it, although no usable reply came."""
    return fault in _AFTER_SENDING


def check_of(fault: Fault) -> CheckName:
    """Return the check that a fault fails."""
    if fault.value.startswith("TLS"):
        return CheckName.TLS
    return _CHECK_OF.get(fault, CheckName.ENDPOINT_REACHABLE)


def connection_checks(
    endpoint: Endpoint, *, fault: Fault | None, why: Refusal | None = None, tls: str = ""
) -> tuple[Check, ...]:
    """Return EndpointAllowed, EndpointReachable and TLS after the first call: all passed, or up to the one that failed.

    `tls` is the version that was negotiated, where the provider asks for a certain one ("" elsewhere).
    """
    negotiated = f", and {tls.replace('TLSv', 'TLS ')} was negotiated, as CoreWeave requires" if tls else ""
    passed = {
        CheckName.ENDPOINT_ALLOWED: f"{endpoint.authority} may be used.",
        CheckName.ENDPOINT_REACHABLE: f"{endpoint.authority} answers, as seen from the operator.",
        CheckName.TLS: f"The TLS certificate of {endpoint.authority} is valid{negotiated}.",
    }
    if endpoint.scheme != "https":
        del passed[CheckName.TLS]
    failed = check_of(fault) if fault is not None else None
    checks = []
    for name in _STEPS:
        if name == failed:
            text = why or Refusal(message=f"{endpoint.authority} cannot be used.", remedy="")
            checks.append(Check(name=name, result=CheckResult.FAILED, message=text.message, remedy=text.remedy))
            break
        if name in passed:
            checks.append(Check(name=name, result=CheckResult.PASSED, message=passed[name]))
    return tuple(checks)


def clock_check(date: str | None, *, now: datetime) -> Check:
    """Compare the `Date` header of a store's reply with our clock: S3 refuses signatures that are 15 minutes off."""
    theirs = http_date(date)
    if theirs is None:
        return Check(
            name=CheckName.CLOCK_SKEW,
            result=CheckResult.SKIPPED,
            message="The store's replies carry no date to compare clocks with.",
        )
    seconds = round((theirs - now).total_seconds())
    skew = timedelta(seconds=abs(seconds))
    if skew < _SKEW_WARNING:
        return Check(
            name=CheckName.CLOCK_SKEW,
            result=CheckResult.PASSED,
            message="The clocks of the store and of the operator agree.",
        )
    limit, result = (
        (_SKEW_FAILURE, CheckResult.FAILED) if skew >= _SKEW_FAILURE else (_SKEW_WARNING, CheckResult.WARNING)
    )
    # Bounds instead of the measured skew: a drifting clock must not change the status at every look.
    message = (
        f"The store's clock is more than {limit.seconds // 60} minutes {'ahead of' if seconds > 0 else 'behind'} the operator's; "
        "from 15 minutes on signatures and signed URLs are refused."
    )
    return Check(
        name=CheckName.CLOCK_SKEW,
        result=result,
        message=message,
        remedy="Set the clocks of the store and of the cluster's nodes by NTP.",
    )


def http_date(text: str | None) -> datetime | None:
    """Return the time of a `Date` header, None where there is none."""
    try:
        parsed = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
