"""A bucket in Google Cloud Storage as its JSON API shows it, and what it must become for W&B.

Only what is missing is changed, and CORS rules, IAM bindings and labels of others stay.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.clouds.cors import EXPOSED, MAX_AGE_SECONDS
from wandb_byob.decide.probing.browsers import METHODS, PUT_HEADERS, request_headers
from wandb_byob.model import names
from wandb_byob.model.checks import CheckName

OWNER_LABEL: Final = "wandb-byob-uid"
ROLE: Final = "roles/storage.admin"
RETENTION_SECONDS: Final = 7 * 24 * 3600
DEFAULT_LOCATION: Final = "US"
SERVICE_ACCOUNT_SUFFIX: Final = ".gserviceaccount.com"
_LOCATION: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_ADOPTED, _ADOPTED_LABEL = "adopted:", "adopted-"  # a label's value holds no colon
_ACCOUNTS: Final = {
    "MultiTenantCloud": "wandb-integration@wandb-production.iam.gserviceaccount.com",
    "DedicatedCloud": "deploy@wandb-production.iam.gserviceaccount.com",
}


def reader_of(deployment_type: str, identity: str | None) -> str:
    """Return the service account that W&B reads the bucket as without a key; "" where that is not known."""
    own = (identity or "").strip()
    return _ACCOUNTS.get(deployment_type, own if own.endswith(SERVICE_ACCOUNT_SUFFIX) else "")


def rule(origins: Sequence[str]) -> Mapping[str, Any]:
    """Return the CORS rule that W&B needs.

    `responseHeader` is both the headers that a page may send and those that it may read: GCS has no field exposeHeaders.
    """
    return {
        "origin": list(origins),
        "method": list(METHODS),
        "responseHeader": sorted({EXPOSED, *(header.title() for header in PUT_HEADERS)}),
        "maxAgeSeconds": MAX_AGE_SECONDS,
    }


@dataclass(frozen=True, kw_only=True)
class LifecycleDelete:
    """A lifecycle rule that deletes live objects, under `prefixes` (none: everywhere)."""

    prefixes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GcsState:
    """The configuration of a bucket; `soft_delete` is in seconds, 0 where it is off."""

    location: str = ""
    labels: Mapping[str, str]
    cors: tuple[Mapping[str, Any], ...] = ()
    uniform_access: bool = False
    public_access_prevented: bool = False
    soft_delete: int = 0
    versioning: bool = False
    deletes: tuple[LifecycleDelete, ...] = ()
    metageneration: str = ""
    project_number: str = ""

    @property
    def tags(self) -> Mapping[str, str]:
        """The mark of ownership in the form that all providers share (decide.bucket_owner)."""
        value = self.labels.get(OWNER_LABEL, "")
        adopted = value.startswith(_ADOPTED_LABEL)
        return {names.OWNER_TAG: _ADOPTED + value.removeprefix(_ADOPTED_LABEL) if adopted else value} if value else {}


def state_of(resource: Mapping[str, Any]) -> GcsState:
    """Read a bucket resource; what has another shape than the API's counts as missing."""
    access = _mapping(resource.get("iamConfiguration"))
    return GcsState(
        location=_location(resource.get("location")),
        labels={str(key): str(value) for key, value in _mapping(resource.get("labels")).items()},
        cors=_mappings(resource.get("cors")),
        uniform_access=_mapping(access.get("uniformBucketLevelAccess")).get("enabled") is True,
        public_access_prevented=access.get("publicAccessPrevention") == "enforced",
        soft_delete=_number(_mapping(resource.get("softDeletePolicy")).get("retentionDurationSeconds")),
        versioning=_mapping(resource.get("versioning")).get("enabled") is True,
        deletes=tuple(_deletes(_mappings(_mapping(resource.get("lifecycle")).get("rule")))),
        metageneration=str(_number(resource.get("metageneration"))),
        project_number=str(_number(resource.get("projectNumber")) or ""),
    )


def _deletes(rules: Iterable[Mapping[str, Any]]) -> Iterable[LifecycleDelete]:
    for entry in rules:
        condition = _mapping(entry.get("condition"))
        only_old_versions = condition.get("isLive") is False or bool(
            {"numNewerVersions", "daysSinceNoncurrentTime", "noncurrentTimeBefore"} & set(condition)
        )
        if _mapping(entry.get("action")).get("type") == "Delete" and not only_old_versions:
            yield LifecycleDelete(prefixes=tuple(str(prefix) for prefix in _list(condition.get("matchesPrefix"))))


def creation(*, uid: str, bucket: str, location: str, origins: Sequence[str]) -> Mapping[str, Any]:
    """Return the whole resource of a new bucket: one request makes it complete, marked as ours from its first moment."""
    return {
        "name": bucket,
        "location": location,
        "labels": {OWNER_LABEL: uid},
        "cors": [rule(origins)],
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": True},
            "publicAccessPrevention": "enforced",
        },
        "softDeletePolicy": {"retentionDurationSeconds": str(RETENTION_SECONDS)},
        "versioning": {"enabled": True},
    }


def patch(state: GcsState, *, uid: str, created: bool, origins: Sequence[str]) -> Mapping[CheckName, Mapping[str, Any]]:
    """Return what is missing by the check that it mends, to be sent as one request; nothing where nothing is.

    Uniform access and the prevention of public access are only set where we made the bucket: they would take rights
    from others.
    """
    found: dict[CheckName, Mapping[str, Any]] = {}
    if not state.tags:
        mark = bucket_owner.tagged({}, uid, created=created)[names.OWNER_TAG]
        found[CheckName.OWNER] = {"labels": {OWNER_LABEL: mark.replace(_ADOPTED, _ADOPTED_LABEL)}}
    if cors_problems(state.cors, origins):
        found[CheckName.CORS] = {"cors": [rule(origins), *state.cors]}
    if not state.versioning:
        found[CheckName.VERSIONING] = {"versioning": {"enabled": True}}
    if state.soft_delete == 0:
        found[CheckName.SOFT_DELETE] = {"softDeletePolicy": {"retentionDurationSeconds": str(RETENTION_SECONDS)}}
    if created and not state.uniform_access:
        found[CheckName.UNIFORM_ACCESS] = {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    if created and not state.public_access_prevented:
        found[CheckName.PUBLIC_ACCESS] = {"iamConfiguration": {"publicAccessPrevention": "enforced"}}
    return found


def as_one(parts: Mapping[CheckName, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the parts as the body of one request."""
    body: dict[str, Any] = {}
    for part in parts.values():
        for key, value in part.items():
            body[key] = {**body[key], **value} if isinstance(body.get(key), dict) else value
    return body


def cors_problems(rules: Sequence[Mapping[str, Any]], origins: Iterable[str]) -> tuple[str, ...]:
    """Return what a browser at each origin could not do, one sentence each; nothing if the rules are enough."""
    found = (_cors_problem(rules, origin, method) for origin in origins for method in METHODS)
    return tuple(dict.fromkeys(problem for problem in found if problem))


def _cors_problem(rules: Sequence[Mapping[str, Any]], origin: str, method: str) -> str:
    matching = [
        entry
        for entry in rules
        if {origin, "*"} & set(map(str, _list(entry.get("origin"))))
        and {method, "*"} & set(map(str, _list(entry.get("method"))))
    ]
    if not matching:
        return f"no rule allows {method} from {origin}"
    # GCS takes the first rule that matches.
    headers = {str(header).lower() for header in _list(matching[0].get("responseHeader"))}
    missing = [name for name in (*request_headers(method), EXPOSED.lower()) if not {name, "*"} & headers]
    return f"the rule for {method} from {origin} lacks {', '.join(missing)} in responseHeader" if missing else ""


def is_granted(policy: Mapping[str, Any], account: str) -> bool:
    """Say whether an IAM policy gives the account our role without a condition."""
    return any(
        binding.get("role") == ROLE and "condition" not in binding and _member(account) in _list(binding.get("members"))
        for binding in _mappings(policy.get("bindings"))
    )


def granted(policy: Mapping[str, Any], account: str) -> Mapping[str, Any]:
    """Return the policy with the account in our role; every other binding, the etag and conditions stay."""
    bindings = [dict(binding) for binding in _mappings(policy.get("bindings"))]
    for binding in bindings:
        if binding.get("role") == ROLE and "condition" not in binding:
            binding["members"] = [*_list(binding.get("members")), _member(account)]
            break
    else:
        bindings.append({"role": ROLE, "members": [_member(account)]})
    return {**policy, "version": 3, "bindings": bindings}


def _member(account: str) -> str:
    return f"serviceAccount:{account}"


def _location(value: object) -> str:
    text = str(value)
    return text if _LOCATION.fullmatch(text) else "an unknown location"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(entry for entry in _list(value) if isinstance(entry, dict))


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
