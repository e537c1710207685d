"""A running list of addresses turned into BucketStores: what each entry becomes, or what keeps it from becoming one."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import addresses
from wandb_byob.decide.addresses import Address

_AWS_REGION: Final = re.compile(
    r"(?:.*\.)?s3(?:\.dualstack)?[.-](?P<region>[a-z]{2,8}(?:-[a-z]+)+-\d{1,2})(?:\.vpce)?\.amazonaws\.com(?:\.cn)?"
)
_AWS: Final = ("amazonaws.com", "amazonaws.com.cn")
_SUBDOMAIN: Final = re.compile(r"[@/][^@/]+\.(?:cwobject|cwlota)\.com/?$")
_UNFIT: Final = re.compile(r"[^a-z0-9-]+")
_LONGEST_NAME: Final = 50
_EXPANDED: Final = {"{{": "Helm", "$(": "Kubernetes"}


@dataclass(frozen=True, kw_only=True, repr=False)
class Draft:
    """One entry as a BucketStore: the fields of its specification, and what its Secret holds (None: there are no keys in it).

    `doubts` are sentences about what is odd in the entry, which goes on working.
    """

    name: str
    shown: str
    spec: Mapping[str, Any]
    secret: Mapping[str, str] | None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Left:
    """One entry that stays in the variable as it is and becomes nothing; `why` quotes nothing of it."""

    shown: str
    why: str


def drafts(entries: Sequence[str], *, region: str = "") -> tuple[tuple[Draft, ...], tuple[Left, ...]]:
    """Return what each entry becomes; `region` is where buckets of AWS are whose entry does not say it (`AWS_REGION` of W&B)."""
    made: list[Draft] = []
    left: list[Left] = []
    known: set[str] = set()
    shown = addresses.redact_all(entries)
    for text, identity, redacted in zip(entries, addresses.identities(entries), shown, strict=True):
        why = _unfit(text, identity, known)
        address = addresses.parse(text.strip()) if not why else None
        block = _block(address, region) if address is not None else why
        if address is None or isinstance(block, str):
            left.append(Left(shown=redacted, why=str(block)))
            continue
        known.add(str(identity))
        name = _name(address.bucket, {each.name for each in made})
        made.append(
            Draft(name=name, shown=redacted, spec=block, secret=_secret(address), doubts=_doubts(text, address))
        )
    return tuple(made), tuple(left)


def _unfit(text: str, identity: str | None, known: set[str]) -> str:
    wrong = addresses.lint(text)
    if wrong is not None:
        return f"{wrong}; correct it, or remove it"
    for mark, who in _EXPANDED.items():
        if mark in text:
            return f"it holds {mark}, which {who} would expand; write the value out, percent-encoded"
    if identity is None:
        return "a key with an unescaped character tears it apart; percent-encode the keys"
    if identity == addresses.COREWEAVE_SHARED:
        return "it makes CoreWeave selectable and names no bucket; it is kept, and belongs to no BucketStore"
    return "an entry before it names the same bucket" if identity in known else ""


def _block(address: Address, region: str) -> dict[str, Any] | str:
    match address.scheme:
        case "gs":
            return {"provider": "GCS", "gcs": {"bucket": address.bucket}}
        case "az":
            account = address.host.partition(".")[0]
            return {"provider": "Azure", "azure": {"storageAccount": account, "container": address.bucket}}
        case "cw":
            return {"provider": "CoreWeave", "coreWeave": {"bucket": address.bucket}}
        case "s3":
            return _s3(address, region)


def _s3(address: Address, region: str) -> dict[str, Any] | str:
    query = dict(address.query)
    host = address.host.partition(":")[0].lower()
    if not host or host.endswith(_AWS):
        named = _AWS_REGION.fullmatch(host)
        there = query.get("region") or (named["region"] if named else "") or region
        if not there:
            return "it names no region; say with --region where the bucket is (AWS_REGION of W&B's pods)"
        return {"provider": "S3", "s3": {"bucket": address.bucket, "region": there}}
    # W&B's own defaults, where the entry says nothing: http, and us-west-1.
    scheme = "https" if query.get("tls") == "true" else "http"
    store = {
        "bucket": address.bucket,
        "endpoint": f"{scheme}://{address.host}",
        "region": query.get("region") or "us-west-1",
    }
    return {"provider": "S3Compatible", "s3Compatible": store}


def _secret(address: Address) -> dict[str, str] | None:
    if not address.password:
        return None
    if address.scheme == "az":
        return {"accountKey": address.password}
    if address.scheme == "gs":
        key = {"type": "service_account", "client_email": address.user, "private_key": address.password}
        return {"serviceAccount.json": json.dumps(key)}
    return {"accessKeyID": address.user, "secretAccessKey": address.password}


def _doubts(text: str, address: Address) -> tuple[str, ...]:
    query = dict(address.query)
    aws = not address.host or address.host.partition(":")[0].lower().endswith(_AWS)
    found = []
    if text.strip() != text:
        found.append("It has white space around it.")
    if address.scheme == "s3" and not aws and "tls" not in query:
        found.append("It does not say tls, so that W&B uses http.")
    if address.scheme == "s3" and not aws and "region" not in query:
        found.append("It does not say region, so that W&B uses us-west-1.")
    if address.prefix:
        found.append(
            "It names a path below the bucket, which no address of a team's bucket has: the path belongs to the team."
        )
    if address.scheme == "cw" and _SUBDOMAIN.search(text.partition("?")[0]):
        found.append("The bucket is written as a subdomain; W&B's table of addresses has cwobject.com/<bucket>.")
    return tuple(found)


def _name(bucket: str, taken: set[str]) -> str:
    """Return a name for the object that is made of the bucket's, and is not taken."""
    base = _UNFIT.sub("-", bucket.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "bucket"
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name not in taken)


def bucket_store(draft: Draft, *, namespace: str, instance: str) -> dict[str, Any]:
    """Return the BucketStore: it changes nothing about the bucket, and is checked as W&B uses it."""
    source = (
        {"source": "Secret", "secretRef": {"name": draft.name}} if draft.secret is not None else {"source": "Ambient"}
    )
    # Nobody outside W&B's pods can sign for what W&B's own identity reads.
    seen_from = {} if draft.secret is not None else {"from": "Workload"}
    return _object(
        "BucketStore",
        draft.name,
        namespace,
        spec={
            **draft.spec,
            "instanceRef": {"name": instance},
            "credentials": source,
            "managementPolicy": "Observe",
            "adoptionPolicy": "Adopt",
            "verification": {"dataPath": True, **seen_from},
        },
    )


def secret(draft: Draft, *, namespace: str) -> dict[str, Any] | None:
    """Return the Secret with the entry's keys, None where it has none; the label wakes us when it changes."""
    if draft.secret is None:
        return None
    body = _object("Secret", draft.name, namespace, labels={"byob.wandb.com/watch": "true"})
    return {**body, "apiVersion": "v1", "type": "Opaque", "stringData": dict(draft.secret)}


def team_storage(draft: Draft, *, namespace: str) -> dict[str, Any]:
    """Return the form of a team's storage, to be completed: which team it is, and under which path, only W&B knows."""
    spec = {"team": "TEAM", "bucketStoreRef": {"name": draft.name}, "path": "PATH"}
    return _object("TeamStorage", "TEAM", namespace, spec=spec)


def _object(kind: str, name: str, namespace: str, **rest: Any) -> dict[str, Any]:
    labels = {"labels": rest.pop("labels")} if "labels" in rest else {}
    metadata = {"name": name, "namespace": namespace, **labels}
    return {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": metadata, **rest}
