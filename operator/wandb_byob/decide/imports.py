"""A running list of addresses, and the instance's own bucket, turned into BucketStores: what each becomes, or what keeps it from that."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wandb_byob.decide import address_lists, addresses, storage
from wandb_byob.decide.addresses import Address
from wandb_byob.decide.bucket_names import check_bucket_name
from wandb_byob.decide.rollouts.variable import AWS_KMS_KEY, AWS_REGION
from wandb_byob.decide.soundness import is_path
from wandb_byob.decide.storage import Bucket, Present, Unreadable
from wandb_byob.model.checks import CheckResult

_AWS_REGION: Final = re.compile(
    r"(?:.*\.)?s3(?:\.dualstack)?[.-](?P<region>[a-z]{2,8}(?:-[a-z]+)+-\d{1,2})(?:\.vpce)?\.amazonaws\.com(?:\.cn)?"
)
_SUBDOMAIN: Final = re.compile(r"[@/][^@/]+\.(?:cwobject|cwlota)\.com/?$")
_UNFIT: Final = re.compile(r"[^a-z0-9-]+")
_UNESCAPED: Final = re.compile(r"[^A-Za-z0-9._~%-]")
_LONGEST_NAME: Final = 50
_SHARED: Final = "it makes CoreWeave selectable and names no bucket; it is kept, and belongs to no BucketStore"
_EXPANDED: Final = {"{{": "Helm", "$(": "Kubernetes"}
_REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z]+)+-[0-9]{1,2}", re.ASCII)
_KMS_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True, repr=False)
class Draft:
    """One entry as a BucketStore: the fields of its specification, and what its Secret holds (None: there are no keys in it).

    `doubts` are sentences about what is odd in the entry, which goes on working. `path` is where in it the instance's own files lie, `identity`
    which bucket it is.
    """

    name: str
    shown: str
    spec: Mapping[str, Any]
    secret: Mapping[str, str] | None
    doubts: tuple[str, ...] = ()
    path: str = ""
    identity: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """One entry that stays in the variable as it is and becomes nothing; `why` quotes nothing of it.

    `served`: its bucket has a BucketStore all the same, or it names none. `number` is its place in the list, from 1 on, by which it is
    found where nothing of it can be shown; 0: it is in none.
    """

    shown: str
    why: str
    served: bool = False
    number: int = 0


def drafts(
    entries: Sequence[str],
    *,
    region: str = "",
    known: Mapping[str, str] | None = None,
    taken: Collection[str] = (),
) -> tuple[tuple[Draft, ...], tuple[Left, ...]]:
    """Return what each entry becomes; `region` is where buckets of AWS are whose entry does not say it (`AWS_REGION` of W&B).

    `known` are BucketStores that are there, by the identities of their buckets; `taken` are names that no object may get.
    """
    made: list[Draft] = []
    left: list[Left] = []
    there = {identity: f"BucketStore {name} is there for it" for identity, name in (known or {}).items()}
    there[addresses.COREWEAVE_SHARED] = _SHARED
    shown = address_lists.redact(entries)
    listed = zip(entries, address_lists.identities(entries), shown, strict=True)
    for number, (text, identity, redacted) in enumerate(listed, 1):
        why = _unfit(text, identity, there)
        address = addresses.parse(text.strip()) if not why else None
        block = _block(address, str(identity), region) if address is not None else why
        if address is None or isinstance(block, str):
            served = block == there.get(str(identity))
            left.append(Left(shown=redacted, why=str(block), served=served, number=number))
            continue
        there[str(identity)] = "an entry before it names the same bucket"
        name = _name(address.bucket, {*taken, *(each.name for each in made)})
        doubts = _doubts(text, address, aws=addresses.in_aws(str(identity)))
        secret = _secret(address)
        made.append(Draft(name=name, shown=redacted, spec=block, secret=secret, doubts=doubts, identity=str(identity)))
    return tuple(made), tuple(left)


def own(present: Sequence[Present], *, region: str = "", taken: Collection[str] = ()) -> Draft | Left:
    """Return what W&B's own bucket becomes, which each component tells of; `region` and `taken` as for `drafts`."""
    shown = " and ".join(dict.fromkeys(each.shown for each in present))
    buckets = [each for each in present if isinstance(each, Bucket)]
    first = max(buckets, key=lambda each: bool(each.region), default=None)
    unreadable = next((each.why for each in present if isinstance(each, Unreadable)), "")
    if first is None or unreadable:
        return Left(shown=shown, why=unreadable)
    why = _unfit_for_instance(first, buckets)
    block = why or _block(_in_region(first.address, first.region), first.identity, region)
    refused = block if isinstance(block, str) else _not_taken(block, first)
    if isinstance(block, str) or refused:
        return Left(shown=shown, why=refused)
    if first.kms_key:
        block["s3"]["kmsKeyARN"] = first.kms_key
    name, secret = _name(first.address.bucket, taken), _secret(first.address)
    return Draft(name=name, shown=shown, spec=block, secret=secret, path=first.path, identity=first.identity)


def _unfit_for_instance(first: Bucket, buckets: Sequence[Bucket]) -> str:
    if not all(storage.same(each, first) for each in buckets):
        return "W&B's components do not have the same bucket, keys and encryption; give all of them the same"
    if not first.known:
        return "its keys are not known here, since a Secret or a key of it is not there; put it there"
    if first.kms_key and not (addresses.in_aws(first.identity) and _KMS_KEY.fullmatch(first.kms_key)):
        return f"{AWS_KMS_KEY} is no ARN of a key of AWS; write arn:aws:kms:<region>:<account>:key/<id> there, or remove it"
    if first.path and not is_path(first.path):
        return "spec.storage.path takes segments of letters, digits, . _ and -, and its path has others; it can only stay as it is"
    return ""


def _not_taken(block: Mapping[str, Any], bucket: Bucket) -> str:
    """Return what the API server would refuse of it; W&B has it all the same."""
    check = check_bucket_name(block["provider"], bucket.address.bucket)
    if check.result is CheckResult.FAILED:
        return f"a BucketStore does not take its name. {check.message.rstrip('.')}; it can only stay as it is"
    region = block.get("s3", {}).get("region")
    if region is not None and not _REGION.fullmatch(region):
        return f"its region is none of AWS; correct {AWS_REGION}, or region= in the address"
    return ""


def _in_region(address: Address, region: str) -> Address:
    """Return the address with its region stated: for the instance W&B takes AWS_REGION where the address says nothing."""
    query = {**({"region": region} if region else {}), **dict(address.query)}
    return replace(address, query=tuple(sorted(query.items())))


def _unfit(text: str, identity: str | None, there: Mapping[str, str]) -> str:
    wrong = addresses.lint(text)
    if wrong is not None:
        return f"{wrong}; correct it, or remove it"
    for mark, who in _EXPANDED.items():
        if mark in text:
            return f"it holds {mark}, which {who} would expand; write the value out, percent-encoded"
    if identity is None:
        return "a key with an unescaped character tears it apart; percent-encode the keys"
    return there.get(identity, "")


def _block(address: Address, identity: str, region: str) -> dict[str, Any] | str:
    match address.scheme:
        case "gs":
            return {"provider": "GCS", "gcs": {"bucket": address.bucket}}
        case "az":
            account = address.host.partition(".")[0]
            return {"provider": "Azure", "azure": {"storageAccount": account, "container": address.bucket}}
        case "cw":
            return {"provider": "CoreWeave", "coreWeave": {"bucket": address.bucket}}
        case "s3":
            return _s3(address, region, aws=addresses.in_aws(identity))


def _s3(address: Address, region: str, *, aws: bool) -> dict[str, Any] | str:
    query = dict(address.query)
    host = address.host.partition(":")[0].lower()
    if aws:
        named = _AWS_REGION.fullmatch(host)
        there = query.get("region") or (named["region"] if named else "") or region
        if not there:
            return "it names no region; say with --region where the bucket is (AWS_REGION of W&B's pods)"
        return {"provider": "S3", "s3": {"bucket": address.bucket, "region": there}}
    if not address.password:
        return "it has no keys, which a store that is not AWS' own asks for; write them into it, percent-encoded"
    # W&B's own defaults, where the entry says nothing: http, and us-west-1.
    scheme = "https" if query.get("tls") == "true" else "http"
    store = {
        "bucket": address.bucket,
        "endpoint": f"{scheme}://{address.host}",
        "region": query.get("region") or "us-west-1",
    }
    style = {"addressingStyle": "Virtual"} if query.get("forcePathStyle") == "false" else {}
    return {"provider": "S3Compatible", "s3Compatible": {**store, **style}}


def _secret(address: Address) -> dict[str, str] | None:
    if not address.password:
        return None
    if address.scheme == "az":
        return {"accountKey": address.password}
    if address.scheme == "gs":
        key = {"type": "service_account", "client_email": address.user, "private_key": address.password}
        return {"serviceAccount.json": json.dumps(key)}
    return {"accessKeyID": address.user, "secretAccessKey": address.password}


def _doubts(text: str, address: Address, *, aws: bool) -> tuple[str, ...]:
    query, elsewhere = dict(address.query), address.scheme == "s3" and not aws
    keys = text.partition("://")[2].rpartition("@")[0]
    written = text.partition("?")[0].rstrip("/")
    odd = {
        "It has white space around it.": text.strip() != text,
        "Its keys hold characters that are not percent-encoded: W&B may read another key.": bool(
            _UNESCAPED.search(keys.replace(":", "", 1))
        ),
        "It does not say tls, so that W&B uses http.": elsewhere and "tls" not in query,
        "It does not say region, so that W&B uses us-west-1.": elsewhere and "region" not in query,
        "It does not say region, so that W&B uses its own AWS_REGION, or us-west-1.": aws and "region" not in query,
        "It names a path below the bucket, which no address of a team's bucket has: the path belongs to the team.": bool(
            address.prefix
        ),
        "The bucket is written as a subdomain; W&B's table of addresses has cwobject.com/<bucket>.": (
            address.scheme == "cw" and bool(_SUBDOMAIN.search(written))
        ),
    }
    return tuple(sentence for sentence, holds in odd.items() if holds)


def _name(given: str, taken: Collection[str], *, otherwise: str = "bucket") -> str:
    """Return a name for an object that is made of a bucket's, or a team's, and is not taken."""
    base = _UNFIT.sub("-", given.lower()).strip("-")[:_LONGEST_NAME].strip("-") or otherwise
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


def team_storages(made: Sequence[Draft], teams: Sequence[str], *, namespace: str) -> tuple[dict[str, Any], ...]:
    """Return the forms of the teams' storage, to be completed: which bucket a team has, and under which path, only W&B knows.

    One for each team, or where those are not known, for each bucket.
    """
    if not teams:
        return tuple(_team_storage("TEAM", "TEAM", each.name, namespace=namespace, path="PATH") for each in made)
    bucket = made[0].name if len(made) == 1 else "BUCKETSTORE"
    names: dict[str, str] = {}
    for team in teams:
        names[team] = _name(team, set(names.values()), otherwise="team")
    return tuple(_team_storage(name, team, bucket, namespace=namespace, path="PATH") for team, name in names.items())


def sample_teams(made: Sequence[Draft], *, namespace: str) -> tuple[dict[str, Any], ...]:
    """Return a team for each bucket, to tell what becomes of W&B as soon as all of them have one."""
    return tuple(_team_storage(each.name, each.name, each.name, namespace=namespace) for each in made)


def _team_storage(name: str, team: str, bucket: str, *, namespace: str, path: str = "") -> dict[str, Any]:
    spec = {"team": team, "bucketStoreRef": {"name": bucket}} | ({"path": path} if path else {})
    return _object("TeamStorage", name, namespace, spec=spec)


def _object(kind: str, name: str, namespace: str, **rest: Any) -> dict[str, Any]:
    labels = {"labels": rest.pop("labels")} if "labels" in rest else {}
    metadata = {"name": name, "namespace": namespace, **labels}
    return {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": metadata, **rest}
