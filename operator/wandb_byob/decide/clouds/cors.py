"""CORS of an S3 bucket: whether a browser at W&B's front end can use pre-signed URLs, and the rule that lets it.

Rules are in the form of the S3 API (AllowedMethods, AllowedOrigins, …), so that those of others stay as they are. S3
applies the first rule that matches a request's origin, method and headers; so a rule of ours stands first, since one
of others that matches without exposing ETag would hide it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide.probing.browsers import METHODS, request_headers

CorsRule = Mapping[str, Any]

EXPOSED: Final = "ETag"
MAX_AGE_SECONDS: Final = 3000
RULE_ID: Final = "wandb-byob"


def rule(origins: Sequence[str]) -> CorsRule:
    """Return the rule that W&B needs: its documented sample, but for its own front end only."""
    return {
        "ID": RULE_ID,
        "AllowedHeaders": ["*"],
        "AllowedMethods": list(METHODS),
        "AllowedOrigins": list(origins),
        "ExposeHeaders": [EXPOSED],
        "MaxAgeSeconds": MAX_AGE_SECONDS,
    }


def problems(rules: Sequence[CorsRule], origins: Iterable[str], *, put_headers: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what a browser at each origin could not do, one sentence each; nothing if the rules are enough.

    `put_headers`: what a PUT carries at this store besides the usual headers.
    """
    found = [
        problem
        for origin in origins
        for method in METHODS
        if (problem := _problem(rules, origin, method, request_headers(method, put_headers)))
    ]
    return tuple(dict.fromkeys(found))


def merged(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[CorsRule, ...]:
    """Return the rules with ours added (or renewed) where they are not enough; else the very same rules."""
    if not problems(rules, origins):
        return tuple(rules)
    return (rule(origins), *(other for other in rules if other.get("ID") != RULE_ID))


def _problem(rules: Sequence[CorsRule], origin: str, method: str, headers: Sequence[str]) -> str:
    about_origin = [entry for entry in rules if _matches_any(origin, entry.get("AllowedOrigins", ()))]
    if not about_origin:
        return f"no rule allows the origin {origin}"
    about_method = [entry for entry in about_origin if method in entry.get("AllowedMethods", ())]
    if not about_method:
        return f"no rule allows {method} from {origin}"
    matching = [entry for entry in about_method if _allows_headers(entry, headers)]
    if not matching:
        return f"no rule allows the headers {', '.join(headers)} with {method} from {origin}"
    if not _exposes(matching[0]):
        return f"the rule for {method} from {origin} does not expose {EXPOSED}"
    return ""


def _allows_headers(entry: CorsRule, headers: Iterable[str]) -> bool:
    allowed = [str(pattern).lower() for pattern in entry.get("AllowedHeaders", ())]
    return all(_matches_any(header, allowed) for header in headers)


def _exposes(entry: CorsRule) -> bool:
    exposed = {str(header).lower() for header in entry.get("ExposeHeaders", ())}
    return EXPOSED.lower() in exposed or "*" in exposed


def _matches_any(text: str, patterns: Iterable[str]) -> bool:
    return any(_matches(text, str(pattern)) for pattern in patterns)


def _matches(text: str, pattern: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)
