"""The bucket for the instance as W&B's own operator has it: `global.bucket` in the values of W&B's chart (v1), `externalObjectStore` (v2).

Our Secret holds the whole bucket as one text, from which both forms follow, and beside it the keys that they refer to. The chart puts
keys into a URL as they are, so that they are percent-encoded for it (but Azure's, which stands alone); v2 encodes them itself.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from wandb_byob.decide import storage
from wandb_byob.decide.addresses import Address
from wandb_byob.decide.rollouts.variable import (
    AWS_KMS_KEY,
    AWS_REGION,
    AZURE_KEY,
    BUCKET,
    CHART_BUCKET,
    MARK,
    OBJECT_STORE,
    EnvVar,
    Settings,
)
from wandb_byob.decide.storage import Bucket, Present, Unreadable
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

Wire = Mapping[str, Any]

FORMS: Final = (CHART_BUCKET, OBJECT_STORE)
PROVIDERS: Final = {"s3": "s3", "cw": "cw", "gs": "gcs", "az": "az"}
ACCESS_KEY: Final = "ACCESS_KEY"
SECRET_KEY: Final = "SECRET_KEY"  # noqa: S105 (the name that the chart gives the key by default)
_CHART_TEXTS: Final = ("provider", "name", "path", "region", "kmsKey")
_SELECTORS: Final = (
    "provider", "endpoint", "port", "accessKey", "secretKey", "bucket", "path", "region", "tlsEnabled", "forcePathStyle",
)  # fmt: skip
_TLS: Final = "tls"


def settings(bucket: Bucket, form: str) -> Settings:
    """Return what is wanted of W&B's own operator; raises `Stalled` for what this form has no place for."""
    scheme = bucket.address.scheme
    if form == OBJECT_STORE and bucket.kms_key:
        raise Stalled(
            Reason.INVALID_SPEC,
            "W&B's operator v2 has no place for a KMS key of the instance's bucket. Make the key the bucket's default encryption, and "
            "remove kmsKeyARN from the BucketStore.",
        )
    if form == CHART_BUCKET and scheme == "gs" and bucket.address.password:
        raise Stalled(
            Reason.INVALID_SPEC,
            "W&B's chart takes no key for a bucket of Cloud Storage. Let W&B's pods use their own identity: credentials.source Ambient in "
            "the BucketStore.",
        )
    return {form: dumps(bucket), MARK: "/".join(part for part in (bucket.identity, bucket.path) if part)}


def dumps(found: Present) -> str:
    """Return a bucket as one text, equal for equal buckets."""
    if isinstance(found, Unreadable):
        return json.dumps({"unreadable": found.shown, "why": found.why})
    address = found.address
    parts = {
        "scheme": address.scheme,
        "user": address.user,
        "password": address.password,
        "host": address.host,
        "bucket": address.bucket,
        "path": found.path,
        "query": sorted(map(list, address.query)),
        "region": found.region,
        "kmsKey": found.kms_key,
        "known": found.known,
    }
    return json.dumps(parts, sort_keys=True)


def loads(text: str) -> Present:
    """Return what `dumps` was given; raises ValueError or KeyError for any other text."""
    given = json.loads(text)
    if "unreadable" in given:
        return Unreadable(given["unreadable"], given["why"])
    address = Address(
        scheme=given["scheme"],
        user=given["user"],
        password=given["password"],
        host=given["host"],
        bucket=given["bucket"],
        prefix=given["path"],
        query=tuple((key, value) for key, value in given["query"]),
    )
    return Bucket(address=address, region=given["region"], kms_key=given["kmsKey"], known=given["known"])


def entry(form: str, text: str, *, secret: str) -> EnvVar:
    """Return what is to stand in the object, once the bucket is in the Secret of this name."""
    bucket = loads(text)
    if isinstance(bucket, Unreadable):
        raise ValueError("no bucket")
    if form == OBJECT_STORE:
        return {key: {"name": secret, "key": key} for key in _selected(bucket)}
    named = secret if bucket.address.password else ""
    keys = {"secretName": named, "accessKeyName": ACCESS_KEY, "secretKeyName": SECRET_KEY}
    # Empty texts too, and keys that are no part of it: what a lower level has of them would be merged in.
    return {**_chart(bucket), "accessKey": "", "secretKey": "", "secret": keys}


def data(form: str, text: str) -> Mapping[str, str]:
    """Return the keys that our Secret has for it, beside the text itself."""
    bucket = loads(text)
    if isinstance(bucket, Unreadable):
        raise ValueError("no bucket")
    if form == OBJECT_STORE:
        return _selected(bucket)
    user, password = bucket.address.user, bucket.address.password
    if bucket.address.scheme == "az":
        return {ACCESS_KEY: password} if password else {}
    return {ACCESS_KEY: quote(user, safe=""), SECRET_KEY: quote(password, safe="")} if password else {}


def stands(form: str, env: EnvVar | None, wanted: EnvVar) -> bool:
    """Say whether what is in the object is what is wanted; fields that are none of a bucket's do not count."""
    given = env or {}
    if form == OBJECT_STORE:
        return all(given.get(key) == wanted.get(key) for key in _SELECTORS)
    texts = (*_CHART_TEXTS, "accessKey", "secretKey")
    return all(given.get(key) == wanted[key] for key in texts) and all(
        (given.get("secret") or {}).get(key) == value for key, value in wanted["secret"].items()
    )


def _chart(bucket: Bucket) -> dict[str, str]:
    address = bucket.address
    name, path = address.bucket, bucket.path
    if address.scheme == "az":
        name = f"{address.host}/{address.bucket}"
    elif address.scheme == "s3" and address.host:
        # The chart makes s3://keys@<name>/<path> of it.
        query = "&".join(f"{key}={value}" for key, value in address.query)
        place = "/".join(part for part in (address.bucket, path) if part)
        name, path = address.host, f"{place}?{query}" if query else place
    texts = (PROVIDERS[address.scheme], name, path, bucket.region, bucket.kms_key)
    return dict(zip(_CHART_TEXTS, texts, strict=True))


def from_chart(values: Wire, *, keys: tuple[str, str] | None) -> Present | None:
    """Return which bucket the values mean, None for none; `keys` are those that the chart would take (None: they are not known)."""
    given = {key: str(values.get(key) or "") for key in (*_CHART_TEXTS, "accessKey", "secretKey")}
    if not given["name"]:
        return None
    scheme = next(
        (scheme for scheme, provider in PROVIDERS.items() if provider == given["provider"]), given["provider"]
    )
    user, password = keys or ("$(KEY)", "$(SECRET)")
    userinfo = f"{user}:{password}@" if scheme in ("s3", "cw") and (user or password) else ""
    path = f"/{given['path']}" if given["path"] else ""
    found = storage.from_variables(
        {
            BUCKET: f"{scheme}://{userinfo}{given['name']}{path}",
            AWS_REGION: given["region"],
            AWS_KMS_KEY: given["kmsKey"],
            AZURE_KEY: user if scheme == "az" else "",
        }
    )
    # The region is told twice where the store is no cloud's own.
    if isinstance(found, Bucket) and found.region and given["region"] not in ("", found.region):
        return replace(found, region=given["region"])
    return found


def _selected(bucket: Bucket) -> dict[str, str]:
    """Return the values that v2's fields select."""
    address, query = bucket.address, dict(bucket.address.query)
    azure = address.scheme == "az"
    host, _, port = address.host.rpartition(":") if not azure else ("", "", "")
    values = {
        "provider": "azure" if azure else PROVIDERS[address.scheme],
        "endpoint": host,
        "port": port,
        "accessKey": address.host if azure else address.user,
        "secretKey": address.password,
        "bucket": address.bucket,
        "path": bucket.path,
        "region": bucket.region,
        "tlsEnabled": query.get(_TLS, "") if host else "",
        "forcePathStyle": query.get("forcePathStyle", "true") if host else "",
    }
    return {key: values[key] for key in _SELECTORS if values[key]}


def from_selected(values: Mapping[str, str]) -> Present | None:
    """Return which bucket the values that v2's fields select mean, None for none."""
    given = {key: values.get(key) or "" for key in _SELECTORS}
    if not given["bucket"]:
        return None
    schemes = {"": "s3", "s3": "s3", "gcs": "gs", "azure": "az"}
    scheme = schemes.get(given["provider"])
    if scheme is None:
        why = "W&B's operator v2 has buckets of s3, gcs and azure; correct what its field provider selects"
        return Unreadable(f"a bucket of provider {given['provider']}", why)
    bucket, _, prefix = given["bucket"].strip("/").partition("/")
    azure = scheme == "az"
    host = f"{given['endpoint']}:{given['port'] or 443}" if given["endpoint"] else ""
    query = [("region", given["region"]), (_TLS, given["tlsEnabled"] or "false")] if host else []
    if host and given["forcePathStyle"] == "false":
        query.append(("forcePathStyle", "false"))
    address = Address(
        scheme="s3" if scheme == "s3" else "gs" if scheme == "gs" else "az",
        user="" if azure else given["accessKey"],
        password=given["secretKey"],
        host=given["accessKey"] if azure else host,
        bucket=bucket,
        prefix="/".join(part for part in (prefix, given["path"]) if part),
        query=tuple(sorted((key, value) for key, value in query if value)),
    )
    return Bucket(address=address, region=given["region"])
