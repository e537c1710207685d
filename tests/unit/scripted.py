"""A world for reconcilers without a cloud: a provider that does as it is told, and keepers of what was said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from unit.memory_kube import MemoryKube
from wandb_byob.decide import addresses
from wandb_byob.decide.rollouts.configuration import Configuration, secret_body
from wandb_byob.decide.rollouts.variable import VARIABLE
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import Config
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import BucketFacts, Change, Context, Provider, Provisioned
from wandb_byob.reconcile.base import World

START = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)


@dataclass
class Scripted:
    """A Provider of one bucket; `calls` are the store's calls in order, `fail` may raise in any, `contexts` holds each call's context.

    `withdrawn` are those in which it was to take back what is outside of the bucket.
    """

    there: bool = False
    created: bool = False
    bad: dict[CheckName, str] = field(default_factory=dict)
    bad_paths: set[str] = field(default_factory=set)
    invalid: Check | None = None
    planned: tuple[Change, ...] = ()
    fail: Callable[[str], None] = lambda call: None
    calls: list[str] = field(default_factory=list)
    contexts: dict[str, Context] = field(default_factory=dict)
    withdrawn: list[Context] = field(default_factory=list)

    def validate(self, context: Context) -> tuple[Check, ...]:
        named = Check(name=CheckName.BUCKET_NAME, result=CheckResult.PASSED, message="The name is right.")
        return (named,) if self.invalid is None else (named, self.invalid)

    def identity(self, spec: BucketStoreSpec) -> str:
        return f"s3://amazonaws.com/{bucket_name_of(spec)}"

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        keys = credentials if isinstance(credentials, AccessKey) else Ambient()
        host = "" if isinstance(keys, Ambient) else "s3.eu-central-1.amazonaws.com"
        return addresses.s3(bucket_name_of(spec), keys, host=host, region="eu-central-1").reveal()

    def exists(self, context: Context) -> bool:
        self._call("exists", context)
        return self.there

    def provision(self, context: Context) -> Provisioned:
        self._call("provision", context)
        if not self.there and context.intended:
            self.there = self.created = True
        checks = tuple(
            Check(name=name, result=CheckResult.FAILED, message=message, remedy="Repair it.")
            for name, message in self.bad.items()
        )
        if CheckName.CORS not in self.bad:
            checks += (Check(name=CheckName.CORS, result=CheckResult.PASSED, message="The rules are right."),)
        facts = BucketFacts(
            created=self.created,
            adopted=not self.created,
            owner="",
            region="eu-central-1",
            url="https://data",
            identity=self.identity(context.spec),
        )
        return Provisioned(facts=facts if self.there else None, checks=checks, planned=self.planned)

    def probe(self, context: Context) -> tuple[Check, ...]:
        self._call(f"probe {','.join(path or '/' for path in context.paths)}", context)
        return tuple(
            Check(
                name=CheckName.PUT_OBJECT,
                result=CheckResult.FAILED,
                message="Refused.",
                remedy="Grant s3:PutObject.",
                path=path,
            )
            if path in self.bad_paths
            else Check(name=CheckName.PUT_OBJECT, result=CheckResult.PASSED, message="Written.", path=path)
            for path in context.paths
        )

    def withdraw(self, context: Context) -> None:
        self.withdrawn.append(context)
        self.fail("withdraw")

    def delete(self, context: Context) -> None:
        self._call("delete", context)
        self.there = False

    def _call(self, name: str, context: Context) -> None:
        self.calls.append(name)
        self.contexts[name.split()[0]] = context
        self.fail(name)


def bucket_name_of(spec: BucketStoreSpec) -> str:
    """The bucket's name."""
    return (
        spec.s3.bucket
        if spec.s3 is not None
        else spec.s3_compatible.bucket
        if spec.s3_compatible is not None
        else "none"
    )


@dataclass
class Told:
    """The Events that were published."""

    events: list[tuple[str, bool, str, str]] = field(default_factory=list)

    def publish(self, key: ObjectKey, *, uid: str, warning: bool, reason: str, message: str) -> None:
        self.events.append((str(key), warning, reason, message))


class Counted(NullRecorder):
    """What is counted of checks: the latest of each BucketStore."""

    def __init__(self) -> None:
        self.latest: dict[ObjectKey, tuple[Check, ...]] = {}

    def checks(self, key: ObjectKey, checks: tuple[Check, ...]) -> None:
        self.latest[key] = checks


@dataclass
class Keeper:
    """Learns values and redacts them where they stand."""

    values: set[str] = field(default_factory=set)

    def learn(self, credentials: Credentials) -> None:
        self.values.update(credentials.secrets())

    def redact(self, text: str) -> str:
        for value in self.values:
            text = text.replace(value, "[redacted]")
        return text


@dataclass
class Stage:
    """A world whose clock the test moves."""

    kube: MemoryKube
    provider: Scripted = field(default_factory=Scripted)
    told: Told = field(default_factory=Told)
    keeper: Keeper = field(default_factory=Keeper)
    counted: Counted = field(default_factory=Counted)
    now: datetime = START
    config: Mapping[str, Any] = field(default_factory=dict)
    providers: Mapping[str, Provider] | None = None

    @property
    def world(self) -> World:
        """What a reconciler is given."""
        given = {"release_namespace": "byob", "namespaces": ("team-a", "team-b", "prod")} | dict(self.config)
        both: Mapping[str, Provider] = {"S3": self.provider, "S3Compatible": self.provider}
        return World(
            kube=self.kube,
            providers=both if self.providers is None else self.providers,
            config=Config(**given),
            recorder=self.counted,
            events=self.told,
            secrets=self.keeper,
            fence=lambda: None,
            now=lambda: self.now,
        )

    def wait(self, after: timedelta) -> None:
        """Let time pass."""
        self.now += after


def secret(name: str = "keys", *, namespace: str = "team-a", **data: str) -> dict[str, Any]:
    """A Secret with an access key, unless said otherwise (base64, as stored)."""
    import base64

    values = data or {"accessKeyID": "AKIACANARY", "secretAccessKey": "canary/secret+value"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def namespace_object(name: str, *, terminating: bool = False, **labels: str) -> dict[str, Any]:
    """A namespace."""
    meta: dict[str, Any] = {"name": name, "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": meta | ({"deletionTimestamp": "2026-11-22T12:00:00Z"} if terminating else {}),
    }


def file_stores_secret(identity: str) -> dict[str, Any]:
    """The Secret `wandb-file-stores-x`, by which a WandbInstance gave W&B this bucket."""
    configuration = Configuration(
        values={VARIABLE: "s3://data"}, separator=",", provenance={identity: "uid"}, before={}
    )
    body = secret_body(configuration, instance="wandb", namespace="team-a", uid="uid-wandb")
    made = {"name": "wandb-file-stores-x", "creationTimestamp": "2026-11-22T10:00:00Z", "uid": "uid-x"}
    return body | {"metadata": body["metadata"] | made}
