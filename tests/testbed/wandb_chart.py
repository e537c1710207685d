"""What W&B's chart, and its operator v2, make of their input: the environment of W&B's components."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

_VALUE = re.compile(r"\{\{ *\.Values\.([\w.]+) *\}\}")


class ClashError(Exception):
    """W&B's operator cannot go on."""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two sets of values; raises ClashError where a text meets a map under one key."""
    result = dict(copy.deepcopy(below))
    for key, value in above.items():
        there = result.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            result[key] = merged(there, value)
        elif there is not None and isinstance(value, Mapping) != isinstance(there, Mapping):
            raise ClashError(f"cannot overwrite {key}: a map meets something else")
        else:
            result[key] = copy.deepcopy(value)
    return result


def chart_env(values: Mapping[str, Any], component: str, *, old: bool) -> list[dict[str, Any]]:
    """The env of a component as the chart renders it: the last level wins; `old` charts give `app` only the extraEnv."""
    everywhere, own = values.get("global") or {}, values.get(component) or {}
    global_env = everywhere.get("env") or {}
    levels = [
        {} if global_env else everywhere.get("extraEnv"),
        {} if old and component == "app" else global_env,
        own.get("extraEnv"),
        own.get("env"),
        next((each.get("env") for each in (own.get("sizing") or {}).values()), {}),
        next((each.get("env") for each in (own.get("containers") or {}).values()), {}),
    ]
    env: dict[str, dict[str, Any]] = {}
    for level in levels:
        if level and not isinstance(level, Mapping):
            raise ClashError("the chart expects a map of variables")
        for name, value in (level or {}).items():
            env[name] = {"name": name, **value} if isinstance(value, Mapping) else {"name": name, "value": value}
    return [_rendered(each, values) for each in env.values()]


def _rendered(entry: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as Helm's `tpl` leaves it: here it knows only the values themselves."""
    if "value" not in entry:
        return dict(entry)
    text = _VALUE.sub(lambda found: str(_at(values, found[1].split("."))), str(entry["value"]))
    if "{{" in text:
        raise ClashError("the template cannot be rendered")
    return {**entry, "value": text}


def _at(values: Any, path: Sequence[str]) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def chart_bucket(values: Mapping[str, Any], release: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What the chart makes of the bucket: the ConfigMap, and the variables of every component; nothing where there is none."""
    everywhere = values.get("global") or {}
    named, default = everywhere.get("bucket") or {}, everywhere.get("defaultBucket") or {}
    bucket = named if named.get("name") else default
    if not bucket.get("name"):
        return {}, []
    given = {
        "secretName": "",
        "accessKeyName": "ACCESS_KEY",
        "secretKeyName": "SECRET_KEY",
        **(named.get("secret") or {}),
    }
    secret = given["secretName"] or f"{release}-bucket"
    place = "$(BUCKET_NAME)/$(BUCKET_PATH)" if bucket.get("path") else "$(BUCKET_NAME)"
    keys = "$(BUCKET_ACCESS_KEY):$(BUCKET_SECRET_KEY)@" if given["secretName"] or bucket.get("accessKey") else ""
    schemes = {"s3": f"s3://{keys}", "cw": f"cw://{keys}", "gcs": "gs://", "az": "az://"}
    url = f"{schemes[bucket['provider']]}{place}"

    def from_secret(name: str, key: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}

    env = [
        from_secret("AZURE_STORAGE_KEY", given["accessKeyName"]),
        from_secret("BUCKET_ACCESS_KEY", given["accessKeyName"]),
        from_secret("BUCKET_SECRET_KEY", given["secretKeyName"]),
        *({"name": name, "value": url} for name in ("BUCKET", "GORILLA_FILE_STORE", "GORILLA_STORAGE_BUCKET")),
    ]
    texts = {"BUCKET_NAME": "name", "BUCKET_PATH": "path", "AWS_REGION": "region", "AWS_S3_KMS_ID": "kmsKey"}
    return {name: str(bucket.get(key) or "") for name, key in texts.items()}, env


def connection_url(values: Mapping[str, str]) -> str:
    """The address that W&B's operator v2 makes of what its selectors give; it writes neither tls nor region."""
    provider, keys = values.get("provider", "s3"), ""
    if provider == "azure":
        keys = f":{quote(values['secretKey'], safe='')}@" if "secretKey" in values else ""
        place = f"{values['accessKey']}/{values['bucket']}"
    else:
        if "accessKey" in values:
            keys = f"{quote(values['accessKey'], safe='')}:{quote(values['secretKey'], safe='')}@"
        host = f"{values['endpoint']}:{values['port']}/" if "endpoint" in values else ""
        place = f"{host}{values['bucket']}"
    scheme = {"s3": "s3", "gcs": "gs", "azure": "az"}[provider]
    path = f"/{values['path']}" if values.get("path") else ""
    return f"{scheme}://{keys}{place}{path}"
