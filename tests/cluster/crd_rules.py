"""A table of the CRDs' rules: for each one what the API server accepts, what it refuses, and how the refusal reads."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any

import yaml

Change = Mapping[str, Any]
"""Values by their path in the object, such as `spec.s3.bucket`; None removes the field."""

API_VERSION = "byob.wandb.com/v1alpha1"
FILES = Path(__file__).parents[2] / "crds"
CRDS: dict[str, dict[str, Any]] = {
    crd["spec"]["names"]["kind"]: crd
    for crd in (yaml.safe_load(path.read_text()) for path in sorted(FILES.glob("*.yaml")))
}
KEYS = {"secretRef": {"name": "keys"}}
SPECS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": (
        "BucketStore",
        {"provider": "S3", "s3": {"bucket": "acme-wandb", "region": "eu-central-1"}, "credentials": KEYS},
    ),
    "coreWeave": ("BucketStore", {"provider": "CoreWeave", "coreWeave": {"bucket": "acme-wandb"}, "credentials": KEYS}),
    "gcs": ("BucketStore", {"provider": "GCS", "gcs": {"bucket": "acme-wandb"}, "credentials": {"source": "Ambient"}}),
    "azure": (
        "BucketStore",
        {"provider": "Azure", "azure": {"storageAccount": "acme", "container": "wandb"}, "credentials": KEYS},
    ),
    "s3Compatible": (
        "BucketStore",
        {
            "provider": "S3Compatible",
            "s3Compatible": {
                "bucket": "acme-wandb",
                "endpoint": "https://minio.example.com:9000",
                "region": "us-east-1",
            },
            "credentials": KEYS,
        },
    ),
    "team": ("TeamStorage", {"bucketStoreRef": {"name": "acme"}}),
    "self-managed": (
        "WandbInstance",
        {
            "deploymentType": "SelfManaged",
            "host": "https://wandb.example.com",
            "target": {"workloads": {"selector": {"matchLabels": {"app.kubernetes.io/instance": "wandb"}}}},
        },
    ),
    "multi-tenant": (
        "WandbInstance",
        {"deploymentType": "MultiTenantCloud", "host": "https://wandb.ai", "wandbOrgID": "T3JnYW5pemF0aW9u"},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: the object it is tried on, the field a refusal names, and words of the refusal.

    A rule that locks fields has a `status`: the object is made, gets that status, and the changes are tried as updates.
    """

    base: str
    field: str
    says: str
    good: tuple[Change, ...]
    bad: tuple[Change, ...]
    given: Change = default(default_factory=dict)
    status: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Kind of the object it is tried on."""
        return SPECS[self.base][0]

    def object(self, change: Change | None = None) -> dict[str, Any]:
        """The object to send, with this change."""
        return changed(manifest(self.base), {**self.given, **(change or {})})


def manifest(base: str) -> dict[str, Any]:
    """A small valid object."""
    kind, spec = SPECS[base]
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": base.lower()}, "spec": deepcopy(spec)}


def path_of(namespace: str, document: dict[str, Any], *, name: bool = False) -> str:
    """Where objects of this kind are in the API, or where this object is."""
    plural = CRDS[document["kind"]]["spec"]["names"]["plural"]
    where = f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}"
    return f"{where}/{document['metadata']['name']}" if name else where


def changed(document: dict[str, Any], change: Change) -> dict[str, Any]:
    """The document with some of its fields set or removed."""
    for path, value in change.items():
        *parents, last = path.split(".")
        inner = document
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = deepcopy(value)
    return document


def each(path: str, *values: Any) -> tuple[Change, ...]:
    """One change for each value of a field."""
    return tuple({path: value} for value in values)


def of(
    base: str, path: str, says: str, *, good: tuple[Any, ...], bad: tuple[Any, ...], given: Change | None = None
) -> Rule:
    """A rule about the value of one field."""
    return Rule(base=base, field=path, says=says, good=each(path, *good), bad=each(path, *bad), given=given or {})


def durations(
    base: str, path: str, *, low: str, high: str, below: str | None, above: str, given: Change | None = None
) -> Rule:
    """The rule of a duration between two bounds."""
    wrong = ("5 minutes", "1d", "1.5h", "-1m", "5", "", "NaN", "1e999", "m", "5m ", "5M", above)
    says = f"{path.removeprefix('spec.')} must be a duration"
    return of(
        base, path, says, good=(low, high, "1h30m", "90m0s"), bad=(*wrong, below) if below else wrong, given=given
    )


def origins(path: str) -> tuple[str, ...]:
    """What is no origin, whatever the field."""
    return (
        "wandb.example.com",
        "https://",
        "ftp://a.example",
        "https://Wandb.example.com",
        f"https://{path}/",
        "https://u@a.example",
        "https://a.example?x",
        "https://a.example#x",
    )


def endpoints(base: str, path: str) -> list[Rule]:
    """The rules of an endpoint that a user names."""
    good = (
        "https://s3.example.com",
        "http://minio.storage.svc:9000",
        "https://10.0.0.1:65535/",
        "https://[fd00::1]:9000",
    )
    no_port = (
        "https://s3.example.com:0",
        "https://s3.example.com:65536",
        "https://s3.example.com:99999",
        "https://s3.example.com:x",
    )
    bad = (
        "s3.example.com",
        "file:///etc/passwd",
        "gopher://s3.example.com",
        "https://",
        "https://s3.example.com/bucket",
        "https://s3.example.com?a=b",
    )
    odd = (
        "https://s3.example.com#a",
        "https://s3.example.com\n",
        "https://s3 .example.com",
        "https://s3.example.com\\@evil",
        "HTTPS://s3.example.com",
        "https://-a",
    )
    return [
        of(
            base,
            path,
            "must not hold a user name or a key",
            good=good,
            bad=("https://AKIAEXAMPLE:very-secret@s3.example.com", "https://@s3.example.com"),
        ),
        of(base, path, "An endpoint is http:// or https://, a host", good=good, bad=(*no_port, *bad, *odd)),
    ]


def paths(base: str, path: str, given: Change | None = None) -> Rule:
    """The rule of a path in a bucket."""
    good = ("a", "teams/ml-research", "a.b/..c/d_e", "x" * 512)
    dots = ("..", ".", "../a", "a/../b", "a/./b", "a/..")
    bad = (
        "",
        "/a",
        "a/",
        "a//b",
        *dots,
        "%2e%2e",
        "a%2fb",
        "a\\b",
        "a b",
        "a\n",
        "a\tb",
        "ü",
        "a\u2024",
        "ａ",
        "a,b",
        "a?b",
        "a{{b",
        "$(A)",
        "a'b",
    )
    return of(base, path, "A path has letters, digits and ._- in segments", good=good, bad=bad, given=given)


def selectors(base: str, path: str, given: Change | None = None, *, empty: str) -> list[Rule]:
    """The rules of a label selector at this path."""
    one = f"{path}.matchExpressions"
    expressions = [[{"key": "team", "operator": "In", "values": ["ml"]}], [{"key": "team", "operator": "Exists"}]]
    cleared = {**(given or {}), f"{path}.matchLabels": None}
    return [
        Rule(
            base=base,
            field=path,
            says=empty,
            good=(*each(one, *expressions), {f"{path}.matchLabels": {"a": "b"}}),
            bad=each(path, {}, {"matchLabels": {}}),
            given=cleared,
        ),
        Rule(
            base=base,
            field=f"{one}[0].values",
            says="The operators In and NotIn need values.",
            good=each(one, *expressions),
            bad=each(one, [{"key": "team", "operator": "In"}], [{"key": "team", "operator": "NotIn", "values": []}]),
            given=given or {},
        ),
        Rule(
            base=base,
            field=f"{one}[0].values",
            says="The operators Exists and DoesNotExist take no values.",
            good=each(one, *expressions, [{"key": "team", "operator": "DoesNotExist", "values": []}]),
            bad=each(one, [{"key": "team", "operator": "Exists", "values": ["a"]}]),
            given=given or {},
        ),
    ]


def grants(base: str) -> list[Rule]:
    """The rules of allowedNamespaces."""
    path = "spec.allowedNamespaces"
    chosen = {"from": "Selector", "selector": {"matchLabels": {"team": "ml"}}}
    return [
        Rule(
            base=base,
            field=f"{path}.selector",
            says="With from Selector, allowedNamespaces.selector must say",
            good=each(path, chosen, {"from": "All"}, {}),
            bad=each(path, {"from": "Selector"}),
        ),
        Rule(
            base=base,
            field=f"{path}.selector",
            says="allowedNamespaces.selector is for from Selector only.",
            good=each(path, chosen, {"from": "Same"}),
            bad=each(
                path,
                {"from": "All", "selector": {"matchLabels": {"team": "ml"}}},
                {"selector": {"matchLabels": {"team": "ml"}}},
            ),
        ),
        *selectors(
            base,
            f"{path}.selector",
            {f"{path}.from": "Selector", f"{path}.selector.matchLabels": {"team": "ml"}},
            empty="An empty selector would match everything.",
        ),
    ]
