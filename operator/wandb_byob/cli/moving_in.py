"""What `byob import` finds and writes: the places that set the list, and the instance's own bucket, an object for each, and what applying it would do."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wandb_byob.cli import applying, documents, imported_instance, output, own_bucket, sources
from wandb_byob.cli.applying import Drafts, Files
from wandb_byob.cli.imported_instance import Imported
from wandb_byob.cli.sources import SourceError
from wandb_byob.decide import imports, scim
from wandb_byob.decide.address_lists import split
from wandb_byob.decide.precedence import Found
from wandb_byob.decide.rollouts.variable import MARK
from wandb_byob.kube import gather
from wandb_byob.kube.client import BUCKET_STORES, SECRETS
from wandb_byob.model.api import BucketStore
from wandb_byob.model.errors import DomainError
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_target import Target
from wandb_byob.reconcile.survey import survey, survey_bucket

TEAMS: Final = "teamstorages.yaml"
_FORM: Final = """\
# Forms to be completed: write what stands in capital letters, or remove the line (PATH) or the whole form, then take the # away.
# Where several teams of yours share a bucket without sub-paths, each needs pathOverlap: Allow.
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Import:
    """What was found and is to be written; `restart` says what becomes of W&B when all of it is applied and every bucket has a team.

    `places` are those of the list, `own_places` those of the instance's own bucket. `instance` says what becomes of a WandbInstance that is
    there ("": there is none). There are no empty `files`.
    """

    places: tuple[Found, ...]
    own_places: tuple[Found, ...]
    drafts: Drafts
    teams: tuple[str, ...]
    files: Files
    instance: str
    restart: str
    in_the_way: tuple[str, ...]

    @property
    def forms(self) -> bool:
        """Say whether there are teams to be completed."""
        return TEAMS in self.files


def look(arguments: argparse.Namespace) -> Import:
    """Read W&B's configuration and teams; raises SourceError, DomainError, KubeError, ManifestError, ScimError and OSError."""
    source = sources.open_cluster(arguments, namespace=arguments.namespace)
    world = sources.world(source)
    imported = imported_instance.find(arguments, source)
    spec = imported.instance.spec
    teams = _teams(arguments, spec.host.rstrip("/"))
    target, untold = own_bucket.read(world, imported.instance)
    places = survey(world, source.namespace, target)
    # Each once, in the order in which they are found: W&B's components may have different lists.
    listed = (entry for each in places if each.read for entry in split(each.value or "", spec.file_stores.separator))
    drafts = _drafts(world, imported, tuple(dict.fromkeys(listed)), target, given=arguments.region)
    literal = any(each.read and each.literal for each in places)
    applied = applying.plan(source, imported, drafts, literal=literal)
    if drafts.own.store and not applied.rollout.has_storage:
        drafts = replace(drafts, own=own_bucket.refused(drafts.own, applied.rollout))
        applied = applying.plan(source, imported, drafts, literal=literal)
    forms = imports.team_storages(drafts.made, teams, namespace=source.namespace)
    return Import(
        places=places,
        own_places=survey_bucket(world, source.namespace, target) if drafts.own.found else (),
        drafts=drafts,
        teams=teams,
        files={name: bodies for name, bodies in {**applied.objects, TEAMS: forms}.items() if bodies},
        instance=applied.instance,
        restart=applied.restart,
        in_the_way=tuple(dict.fromkeys(filter(None, (*_traps(target), untold, *applied.in_the_way)))),
    )


def _traps(target: Target) -> Iterator[str]:
    """Yield what comes into play only when something is written: it is told now, too."""
    for workload in target.situation.workloads:
        for reading in workload.readings:
            if reading.refusal is not None and reading.slot.setting != MARK:
                yield reading.refusal.message


def _teams(arguments: argparse.Namespace, host: str) -> tuple[str, ...]:
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
    url = arguments.scim_url or f"{host}/scim"
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


def _region(target: Target) -> str:
    """Return AWS_REGION of W&B's containers, where it stands there in plain."""
    containers = (each for body in target.bodies.values() for each in body["spec"]["template"]["spec"]["containers"])
    env = (each for container in containers for each in container.get("env") or ())
    return next((str(each.get("value", "")) for each in env if each["name"] == "AWS_REGION"), "")


def _drafts(world: World, imported: Imported, entries: Sequence[str], target: Target, *, given: str | None) -> Drafts:
    """Return the drafts under names that nothing in the namespace has: applying them must not overwrite anybody's Secret."""
    namespace = imported.instance.metadata.namespace
    region = given if given is not None else _region(target)
    known = {
        identity: store.metadata.name
        for store in gather.all_valid(world.kube.list(BUCKET_STORES, namespace), BucketStore)
        if (identity := _identity(world, store))
    }
    taken: set[str] = set()
    while True:
        made, left = imports.drafts(entries, region=region, known=known, taken=taken)
        own = own_bucket.stays(target, imported.instance) or own_bucket.find(
            target, region=region, known=known, made=made, taken=taken
        )
        drafts = Drafts(made=made, left=left, own=own)
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


def write(folder: Path, files: Files) -> None:
    """Write the files where no folder is yet, for the user alone; raises OSError."""
    folder.mkdir(mode=0o700, parents=True)
    for name, bodies in files.items():
        text = documents.dump_all(bodies)
        if name == TEAMS:
            # Which bucket a team has only W&B knows: as it stands, it applies nothing.
            text = _FORM + "".join(f"# {line}\n" for line in text.splitlines())
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
