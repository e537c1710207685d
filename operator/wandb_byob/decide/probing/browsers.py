"""What a browser lets W&B's page do with the bucket, judged from the store's replies as the Fetch standard does.

W&B's page sends no cookies to the bucket, so `*` counts as every origin, method and header.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wandb_byob.model.checks import Check, CheckName, CheckResult

METHODS: Final = ("GET", "HEAD", "PUT")
PUT_HEADERS: Final = ("content-md5", "content-type")
"""What makes the browser ask before a PUT: sorted and lower-case, as browsers send them."""
_SAFELISTED: Final = ("GET", "HEAD", "POST")
_REMEDY: Final = (
    "Allow GET, HEAD and PUT, every header (*) and expose ETag for this origin in the bucket's CORS configuration; for a store that "
    "has one for all buckets (MinIO: MINIO_API_CORS_ALLOW_ORIGIN), or behind a proxy, set it there."
)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A reply to a preflight or to a request with `Origin`; header names in any case."""

    status: int
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """Return a header's value, "" where it is missing."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    def listed(self, name: str) -> frozenset[str]:
        """Return the items of a comma-separated header in lower case."""
        return frozenset(item.strip().lower() for item in self.header(name).split(",") if item.strip())


def sample_origins(allowed: Iterable[str]) -> tuple[str, ...]:
    """Return real origins to ask with: a pattern (`*`, `https://*.example.com`) becomes a page that it covers."""
    concrete = (
        "https://wandb-byob.example.com" if origin == "*" else origin.replace("*", "wandb-byob") for origin in allowed
    )
    return tuple(dict.fromkeys(concrete))


def request_headers(method: str, put_headers: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the headers that a browser announces in the preflight of W&B's request; `put_headers` are the store's own of a PUT."""
    return tuple(sorted({*PUT_HEADERS, *put_headers})) if method == "PUT" else ()


def preflight_problem(reply: Answered, *, origin: str, method: str, put_headers: Iterable[str] = ()) -> str | None:
    """Say why the browser would not send the request after this answer to its preflight; None if it would."""
    if not 200 <= reply.status < 300:
        return f"the preflight was answered with status {reply.status}"
    if problem := _origin_problem(reply, origin):
        return problem
    methods = reply.listed("access-control-allow-methods")
    if method not in _SAFELISTED and not {method.lower(), "*"} & methods:
        return f"{method} is not in Access-Control-Allow-Methods"
    headers = reply.listed("access-control-allow-headers")
    refused = [name for name in request_headers(method, put_headers) if not {name, "*"} & headers]
    return f"{' and '.join(refused)} not in Access-Control-Allow-Headers" if refused else None


def exposure_problem(reply: Answered, *, origin: str) -> str | None:
    """Say why W&B's page could not read the ETag of this reply; None if it could."""
    if problem := _origin_problem(reply, origin):
        return problem
    exposed = reply.listed("access-control-expose-headers")
    return None if {"etag", "*"} & exposed else "ETag is not in Access-Control-Expose-Headers"


def _origin_problem(reply: Answered, origin: str) -> str | None:
    given = reply.header("access-control-allow-origin")
    if given in ("*", origin):
        return None
    return "Access-Control-Allow-Origin names another origin" if given else "Access-Control-Allow-Origin is missing"


def preflight_check(problems: Sequence[tuple[str, str, str]]) -> Check:
    """Sum up preflights; each problem is (origin, method, why)."""
    if not problems:
        return Check(
            name=CheckName.PREFLIGHT,
            result=CheckResult.PASSED,
            message="Browsers at W&B's address may GET, HEAD and PUT: the preflights were answered.",
        )
    origin, _, why = problems[0]
    methods = ", ".join(method for asked, method, _ in problems if asked == origin)
    return _failed(CheckName.PREFLIGHT, f"A browser page from {origin} cannot {methods}: {why}.")


def etag_check(problems: Sequence[tuple[str, str]], *, seen: bool) -> Check:
    """Sum up replies to requests with `Origin`; each problem is (origin, why). `seen`: there was a reply to judge."""
    if problems:
        origin, why = problems[0]
        return _failed(CheckName.ETAG_EXPOSED, f"A browser page from {origin} cannot read the ETag of a file: {why}.")
    if not seen:
        return Check(
            name=CheckName.ETAG_EXPOSED,
            result=CheckResult.SKIPPED,
            message="No file could be read with a signed URL, so nothing is known of its headers.",
        )
    return Check(
        name=CheckName.ETAG_EXPOSED,
        result=CheckResult.PASSED,
        message="Browsers at W&B's address can read the ETag of a file.",
    )


def _failed(name: CheckName, message: str) -> Check:
    return Check(name=name, result=CheckResult.FAILED, message=message, remedy=_REMEDY)
