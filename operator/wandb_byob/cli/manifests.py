"""Manifests on disk as a source of objects: what a cluster would be asked for, read from YAML files.

They are held to the API's types, unknown fields are refused as by `kubectl apply`, and defaults are filled in. The CRDs' further
rules (CEL) are the API server's; those that matter for a look at a bucket are checked again by the core.
"""

import base64
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec.inspect
import yaml

from wandb_byob.cli import fitting
from wandb_byob.decide import soundness
from wandb_byob.kube.client import (
    BUCKET_STORES,
    CONFIG_MAPS,
    NAMESPACES,
    SECRETS,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    Body,
    KubeClient,
    KubeError,
    PatchType,
    Resource,
)
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_RESOURCES: Final = {
    resource.kind: resource
    for resource in (WANDB_INSTANCES, BUCKET_STORES, TEAM_STORAGES, SECRETS, CONFIG_MAPS, NAMESPACES)
}
_TYPES: Final[Mapping[str, type[BucketStore | TeamStorage | WandbInstance]]] = {
    "BucketStore": BucketStore,
    "TeamStorage": TeamStorage,
    "WandbInstance": WandbInstance,
}
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ManifestError(Exception):
    """A file cannot be used; the text names the file, the object and the field, and quotes nothing of a Secret."""


class Manifests:
    """A KubeClient over objects in memory: reads answer from them, writes are refused."""

    def __init__(self, bodies: Iterable[Body] = ()) -> None:
        self._objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        for body in bodies:
            self.add(body)

    def add(self, body: Body) -> None:
        """Put one object in, in place of one of its kind and name."""
        self._objects[_key(body)] = dict(body)

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one object; a namespace is there as soon as somebody asks for it."""
        found = self._objects.get((resource.plural, namespace, name))
        if found is None and resource is NAMESPACES:
            return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
        return found

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Return the objects of a namespace ("": of all) that have these labels and fields, each `path=value`."""
        wanted = [(["metadata", "labels", key], value) for key, value in _pairs(labels)]
        wanted += [(path.split("."), value) for path, value in _pairs(fields)]
        return [
            body
            for (plural, where, _), body in self._objects.items()
            if plural == resource.plural
            and namespace in ("", where)
            and all(_field(body, path) == value for path, value in wanted)
        ]

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        """Refuse."""
        raise _read_only()

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Body, *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:
        """Refuse."""
        raise _read_only()

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Refuse."""
        raise _read_only()

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        """Return None: files do not tell in which version a cluster stores a kind."""
        return None


class Overlay(Manifests):
    """Manifests before a cluster: what is in no file is read there. An object of the same name lends its uid and status."""

    def __init__(self, bodies: Iterable[Body], cluster: KubeClient) -> None:
        super().__init__(bodies)
        self._cluster = cluster

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the object of the files, else of the cluster."""
        mine = self._objects.get((resource.plural, namespace, name))
        live = self._cluster.get(resource, namespace, name) if mine is None or mine["kind"] in _TYPES else None
        return _as_applied(mine, live) if mine is not None else live

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Return the objects of both; what the files change may have left the selection of the cluster, or entered it."""
        mine = super().list(resource, namespace, labels=labels, fields=fields)
        live = {place(body): body for body in self._cluster.list(resource, namespace, labels=labels, fields=fields)}
        known = {(where, name) for plural, where, name in self._objects if plural == resource.plural}
        others = [body for where, body in live.items() if where not in known]
        return [*(_as_applied(body, self._live(resource, body, live)) for body in mine), *others]

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        """Return the version in which the cluster stores the kind."""
        return self._cluster.stored_version(resources)

    def _live(
        self, resource: Resource, body: Body, listed: Mapping[tuple[str, str], dict[str, Any]]
    ) -> dict[str, Any] | None:
        return listed.get(place(body)) or self._cluster.get(resource, *place(body))


def _key(body: Body) -> tuple[str, str, str]:
    return (_RESOURCES[body["kind"]].plural, *place(body))


def place(body: Body) -> tuple[str, str]:
    """Return namespace and name of an object."""
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _as_applied(mine: dict[str, Any], live: Body | None) -> dict[str, Any]:
    """Return the object as the API server would show it after it was applied."""
    if live is None or mine["kind"] not in _TYPES:
        return mine
    changed = live.get("spec") != mine["spec"]
    given = dict(live["metadata"]) | {"generation": live["metadata"].get("generation", 0) + changed}
    return mine | {"metadata": given, "status": live.get("status") or {}}


def _pairs(selector: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (pair.partition("=") for pair in selector.split(",") if pair)]


def _field(body: Body, path: Sequence[str]) -> Any:
    found: Any = body
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _read_only() -> KubeError:
    return KubeError("manifests on disk are only read", status=405)


def load(paths: Sequence[str], *, namespace: str) -> list[dict[str, Any]]:
    """Read files, folders (their YAML and JSON files) and standard input ("-"); raises ManifestError, also for an object that is there twice.

    `namespace` is that of objects that name none. Kinds that are of no concern here are passed over.
    """
    found: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}
    for where, document in _numbered(paths):
        for body in _flattened(document):
            taken = _taken(body, where, namespace)
            if taken is None:
                continue
            before, _ = found.setdefault(_key(taken), (where, taken))
            if found[_key(taken)][1] is not taken:
                raise _twice(taken, before, where)
    if not found:
        raise ManifestError(f"There are no objects in {', '.join(paths)}.")
    return [body for _, body in found.values()]


def _numbered(paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield each document with what to call it."""
    for file in (file for path in paths for file in _files(path)):
        for number, document in enumerate(_documents(file), 1):
            yield f"{file}, document {number}", document


def _twice(body: Body, first: str, second: str) -> ManifestError:
    """Return the error for an object that is in two documents, or in a list of one twice."""
    where = " and ".join(dict.fromkeys((first, second)))
    return ManifestError(
        f"{body['kind']} {'/'.join(filter(None, place(body)))} is there twice, in {where}. Keep one of the two."
    )


def applied(bodies: Iterable[Any], *, namespace: str, where: str) -> list[dict[str, Any]]:
    """Return objects of our own making as the API server would store them; raises ManifestError where it would refuse one."""
    return [taken for body in bodies if (taken := _taken(body, where, namespace)) is not None]


def _files(path: str) -> Iterator[str]:
    if path != "-" and Path(path).is_dir():
        yield from sorted(str(file) for file in Path(path).iterdir() if file.suffix in _SUFFIXES)
    else:
        yield path


def _documents(file: str) -> list[Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ManifestError(f"{file} is not a text in UTF-8.") from None
    try:
        return [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]
    except yaml.MarkedYAMLError as error:
        # The error's own text would quote the line, which may hold a key.
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ManifestError(f"{file}{line} is not YAML: {error.problem}.") from None
    except yaml.YAMLError:
        raise ManifestError(f"{file} is not YAML.") from None


def _flattened(document: Any) -> Iterator[Any]:
    if isinstance(document, Mapping) and document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from _flattened(item)
    else:
        yield document


def _taken(body: Any, where: str, namespace: str) -> dict[str, Any] | None:
    """Return the object with what the API server would add; None for a kind that is of no concern here."""
    if not isinstance(body, Mapping) or not isinstance(body.get("kind"), str):
        raise ManifestError(f"{where} is not a Kubernetes object.")
    kind = body["kind"]
    ours = str(body.get("apiVersion", "")).startswith(f"{names.GROUP}/")
    if ours and kind not in _TYPES:
        raise ManifestError(f"{where}: {names.GROUP} has no kind {kind}, but {', '.join(sorted(_TYPES))}.")
    if not ours and not (kind in ("Secret", "ConfigMap", "Namespace") and body.get("apiVersion") == "v1"):
        return None
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise ManifestError(f"{where}: the {kind} has no metadata.name.")
    within = {} if kind == "Namespace" else {"namespace": metadata.get("namespace") or namespace}
    name = metadata["name"]
    given = {"uid": f"{kind}/{within.get('namespace', '')}/{name}", "resourceVersion": "0"} | dict(metadata) | within
    found = {**body, "metadata": given}
    if ours:
        _require_valid(found, kind, f"{where}: {kind} {name}")
    return _with_data(found, f"{where}: {kind} {name}") if kind == "Secret" else found


def _require_valid(body: dict[str, Any], kind: str, where: str) -> None:
    if body.get("apiVersion") != names.API_VERSION:
        raise ManifestError(f"{where}: apiVersion is not {names.API_VERSION}, the only one that is known here.")
    spec = msgspec.inspect.type_info(get_type_hints(_TYPES[kind])["spec"])
    unknown = next(_unknown(body.get("spec"), spec, "spec"), None)
    if unknown is not None:
        raise ManifestError(f"{where}: there is no field {unknown}.")
    try:
        found = msgspec.convert(body, _TYPES[kind])
    except msgspec.ValidationError as error:
        raise ManifestError(f"{where}: {fitting.told(error, _TYPES[kind])}") from None
    field = soundness.unsound(found)
    if field:
        raise ManifestError(f"{where}: {field} has a value that it cannot have.")


def _unknown(value: Any, type_: msgspec.inspect.Type, path: str) -> Iterator[str]:
    """Yield the paths of fields that the type does not have."""
    if isinstance(type_, msgspec.inspect.UnionType):
        type_ = next((each for each in type_.types if isinstance(each, msgspec.inspect.StructType)), type_)
    if isinstance(type_, msgspec.inspect.StructType) and isinstance(value, Mapping):
        fields = {field.encode_name: field.type for field in type_.fields}
        for key, item in value.items():
            if key not in fields:
                yield f"{path}.{key}"
            else:
                yield from _unknown(item, fields[key], f"{path}.{key}")
    if isinstance(type_, msgspec.inspect.VarTupleType) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, type_.item_type, f"{path}[{number}]")


def _with_data(body: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a Secret with its `stringData` among its data, as the API server stores it."""
    given = body.pop("stringData", None) or {}
    if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
        raise ManifestError(f"{where}: stringData has a value that is not a text. Put it in quotes.")
    encoded = {str(key): base64.b64encode(value.encode()).decode() for key, value in given.items()}
    return body | {"data": {**(body.get("data") or {}), **encoded}}
