"""What `byob import` finds and writes: the places that set the list, and the instance's own bucket, an object for each, and what applying it would do."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from wandb_byob.cli import manifests, output, own_bucket, rollouts, sources
from wandb_byob.cli.own_bucket import Own
from wandb_byob.cli.sources import Source, SourceError
from wandb_byob.decide import imports, scim
from wandb_byob.decide.address_lists import split
from wandb_byob.decide.imports import Draft, Left
from wandb_byob.decide.precedence import Found
from wandb_byob.decide.rollouts.variable import MARK
from wandb_byob.kube import gather, gather_instance
from wandb_byob.kube.client import BUCKET_STORES, SECRETS
from wandb_byob.model.api import BucketStore, WandbInstance
from wandb_byob.model.errors import DomainError
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_target import Target
from wandb_byob.reconcile.survey import survey, survey_bucket

Files = Mapping[str, Sequence[dict[str, Any]]]
TEAMS: Final = "teamstorages.yaml"
_RELEASE: Final = "wandb"
_FORM: Final = """\
# Forms to be completed: write what stands in capital letters, or remove the line (PATH) or the whole form, then take the # away.
# Where several teams of yours share a bucket without sub-paths, each needs pathOverlap: Allow.
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Import:
    """What was found and is to be written; `restart` says what becomes of W&B when all of it is applied and every bucket has a team.

    `own` is the instance's own bucket, and `own_places` are where it is set.
    """

    places: tuple[Found, ...]
    own_places: tuple[Found, ...]
    made: tuple[Draft, ...]
    left: tuple[Left, ...]
    own: Own
    teams: tuple[str, ...]
    files: Files
    restart: str
    in_the_way: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class _Drafts:
    """What the entries of the list and the instance's own bucket become."""

    made: tuple[Draft, ...]
    left: tuple[Left, ...]
    own: Own = field(default_factory=Own)

    @property
    def written(self) -> tuple[Draft, ...]:
        """Return those that are to be BucketStores."""
        return (*self.made, *((self.own.made,) if self.own.made is not None else ()))


def look(arguments: argparse.Namespace) -> Import:
    """Read W&B's configuration and teams; raises SourceError, DomainError, KubeError, ManifestError, ScimError and OSError."""
    teams = _teams(arguments)
    source = sources.open_cluster(arguments, namespace=arguments.namespace)
    world = sources.world(source)
    instance = _instance(arguments, source)
    target, untold = own_bucket.read(world, instance)
    places = survey(world, source.namespace, target)
    # Each once, in the order in which they are found: W&B's components may have different lists.
    listed = (entry for each in places if each.read for entry in split(each.value or "", arguments.separator))
    entries = tuple(dict.fromkeys(listed))
    drafts = _drafts(world, source.namespace, entries, target, given=arguments.region)
    literal = any(each.read and each.literal for each in places)
    objects = _objects(instance, drafts, take_ownership=literal)
    rollout = _rollout(source, objects, drafts.made, name=instance.metadata.name)
    if drafts.own.store and not rollout.has_storage:
        drafts = replace(drafts, own=own_bucket.refused(drafts.own, rollout))
        objects = _objects(instance, drafts, take_ownership=literal)
        rollout = _rollout(source, objects, drafts.made, name=instance.metadata.name)
    # One that comes into play only when something is written is told now, too.
    traps = (
        reading.refusal.message
        for workload in target.situation.workloads
        for reading in workload.readings
        if reading.refusal is not None and reading.slot.setting != MARK
    )
    return Import(
        places=places,
        own_places=survey_bucket(world, source.namespace, target) if drafts.own.found else (),
        made=drafts.made,
        left=drafts.left,
        own=drafts.own,
        teams=teams,
        files={**objects, TEAMS: imports.team_storages(drafts.made, teams, namespace=source.namespace)},
        restart=_restart(rollout, literal=literal),
        in_the_way=tuple(dict.fromkeys(filter(None, (*traps, untold, rollout.refusal, *rollout.left_out)))),
    )


def _teams(arguments: argparse.Namespace) -> tuple[str, ...]:
    given = arguments.scim_credentials
    if not given:
        return ()
    from wandb_byob.providers.scim import teams
    from wandb_byob.providers.tls import trust

    bundle = arguments.scim_ca_file.read_text() if arguments.scim_ca_file is not None else None
    try:
        trusted = trust(bundle)
    except ValueError as error:
        raise SourceError(f"--scim-ca-file {arguments.scim_ca_file}: {error}") from None
    url = arguments.scim_url or f"{arguments.host}/scim"
    with output.progress("Reading the names of W&B's teams"):
        return teams(url, scim.credentials(_text(given)), trust=trusted)


def _text(given: str) -> str:
    """Return what stands in a file, standard input or a variable; an argument would be seen by everybody on the machine."""
    kind, _, name = given.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise SourceError(f"--scim-credentials: there is no environment variable {name}.")
        return os.environ[name]
    return sys.stdin.read() if given == "-" else Path(given).read_text(encoding="utf-8")


def _instance(arguments: argparse.Namespace, source: Source) -> WandbInstance:
    labels = {"app.kubernetes.io/instance": arguments.release or _RELEASE}
    target: dict[str, Any] = {"workloads": {"selector": {"matchLabels": labels}}}
    if arguments.workloads:
        target = {"workloads": {"names": [name.strip() for name in arguments.workloads.split(",")]}}
    elif not arguments.release and (owner := arguments.weights_and_biases or _owner(source)):
        target = {"weightsAndBiases": {"name": owner}}
    spec = {"deploymentType": "SelfManaged", "host": arguments.host, "target": target}
    if arguments.separator != ",":
        spec["fileStores"] = {"separator": arguments.separator}
    metadata = {"name": arguments.name, "namespace": source.namespace}
    body = {"apiVersion": "byob.wandb.com/v1alpha1", "kind": "WandbInstance", "metadata": metadata, "spec": spec}
    return gather.typed(body, WandbInstance)


def _owner(source: Source) -> str:
    """Return the name of the only object of W&B's own operator, "" where there is none; its workloads are not to be written to."""
    names = gather_instance.owners(source.kube, source.namespace)
    if len(names) > 1:
        raise SourceError(
            f"There are several WeightsAndBiases: {', '.join(names)}. Name one with --weights-and-biases."
        )
    return names[0] if names else ""


def _region(target: Target) -> str:
    """Return AWS_REGION of W&B's containers, where it stands there in plain."""
    containers = (each for body in target.bodies.values() for each in body["spec"]["template"]["spec"]["containers"])
    env = (each for container in containers for each in container.get("env") or ())
    return next((str(each.get("value", "")) for each in env if each["name"] == "AWS_REGION"), "")


def _drafts(world: World, namespace: str, entries: Sequence[str], target: Target, *, given: str | None) -> _Drafts:
    """Return the drafts under names that nothing in the namespace has: applying them must not overwrite anybody's Secret."""
    region = given if given is not None else _region(target)
    known = {
        identity: store.metadata.name
        for store in gather.all_valid(world.kube.list(BUCKET_STORES, namespace), BucketStore)
        if (identity := _identity(world, store))
    }
    taken: set[str] = set()
    while True:
        made, left = imports.drafts(entries, region=region, known=known, taken=taken)
        own = own_bucket.find(target, region=region, known=known, made=made, taken=taken)
        drafts = _Drafts(made=made, left=left, own=own)
        there = {
            each.name
            for each in drafts.written
            if any(world.kube.get(kind, namespace, each.name) is not None for kind in (SECRETS, BUCKET_STORES))
        }
        if not there:
            return drafts
        taken |= there


def _identity(world: World, store: BucketStore) -> str:
    provider = world.providers.get(store.spec.provider)
    try:
        return provider.identity(store.spec) if provider is not None else ""
    except (DomainError, ValueError):
        return ""


def _objects(instance: WandbInstance, drafts: _Drafts, *, take_ownership: bool) -> dict[str, list[dict[str, Any]]]:
    namespace, name = instance.metadata.namespace, instance.metadata.name
    spec = output.wire(instance.spec) | drafts.own.storage
    if take_ownership:
        spec["fileStores"] = {**spec.get("fileStores", {}), "takeOwnership": True}
    metadata = {"name": name, "namespace": namespace}
    body = {"apiVersion": instance.api_version, "kind": instance.kind, "metadata": metadata, "spec": spec}
    keys = (imports.secret(draft, namespace=namespace) for draft in drafts.written)
    return {
        "wandbinstance.yaml": [body],
        "secrets.yaml": [each for each in keys if each is not None],
        "bucketstores.yaml": [
            imports.bucket_store(each, namespace=namespace, instance=name) for each in drafts.written
        ],
    }


def _rollout(source: Source, objects: Files, made: Sequence[Draft], *, name: str) -> rollouts.Rollout:
    """Return what the operator would do to W&B once everything is applied and each bucket has a team."""
    bodies = [body for listed in objects.values() for body in listed]
    bodies += imports.sample_teams(made, namespace=source.namespace)
    applied = manifests.applied(bodies, namespace=source.namespace, where="What was made of the list")
    kube = manifests.Overlay(applied, source.kube)
    overlaid = Source(kube=kube, namespace=source.namespace, label=source.label, uids=True, cluster=source.cluster)
    world = sources.world(overlaid, allowed_endpoints=sources.every_endpoint(overlaid))
    found = rollouts.rollout(world, ObjectKey(Kind.WANDB_INSTANCE, source.namespace, name))
    return found or rollouts.Rollout(instance=name)


def _restart(rollout: rollouts.Rollout, *, literal: bool) -> str:
    if rollout.refusal:
        return "W&B is left as it is until what is told below is mended"
    if not rollout.restarts:
        return "W&B is not restarted, since no entry changes"
    changed = [each.address for each in rollout.entries if each.change != "Stays"]
    why = []
    if literal:
        why.append("the value becomes a reference to a Secret")
    if changed:
        why.append(f"{len(changed)} of its entries {'is' if len(changed) == 1 else 'are'} new ({', '.join(changed)})")
    reason = " and ".join(why) or "its workloads do not have the same list"
    return f"W&B is restarted once, since {reason}"


def write(folder: Path, files: Files) -> None:
    """Write the files where no folder is yet, for the user alone; raises OSError."""
    folder.mkdir(mode=0o700, parents=True)
    for name, bodies in files.items():
        text = yaml.safe_dump_all(bodies, sort_keys=False, allow_unicode=True)
        if name == TEAMS:
            # Which bucket a team has only W&B knows: as it stands, it applies nothing.
            text = _FORM + "".join(f"# {line}\n" for line in text.splitlines())
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
