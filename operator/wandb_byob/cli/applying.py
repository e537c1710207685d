"""The objects of what `byob import` has found, and what applying them would do to W&B."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wandb_byob.cli import manifests, rollouts, sources
from wandb_byob.cli.imported_instance import Imported
from wandb_byob.cli.own_bucket import Own
from wandb_byob.cli.rollouts import Rollout
from wandb_byob.cli.sources import Source
from wandb_byob.decide import imports
from wandb_byob.decide.imports import Draft, Left
from wandb_byob.model.keys import Kind, ObjectKey

Files = Mapping[str, Sequence[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True, repr=False)
class Drafts:
    """What the entries of the list and the instance's own bucket become."""

    made: tuple[Draft, ...]
    left: tuple[Left, ...]
    own: Own = field(default_factory=Own)

    @property
    def written(self) -> tuple[Draft, ...]:
        """Return those that are to be BucketStores."""
        return (*self.made, *((self.own.made,) if self.own.made is not None else ()))


@dataclass(frozen=True, kw_only=True, repr=False)
class Applied:
    """The objects by file, and what applying them does; `instance` is what becomes of a WandbInstance that is there ("": there is none)."""

    objects: Files
    rollout: Rollout
    literal: bool
    instance: str

    @property
    def in_the_way(self) -> Iterator[str]:
        """Yield what keeps the operator from doing it."""
        yield self.rollout.refusal
        yield from self.rollout.left_out

    @property
    def restart(self) -> str:
        """Return whether W&B restarts, and why."""
        rollout = self.rollout
        if rollout.refusal:
            return "W&B is left as it is until what is told below is mended"
        if not rollout.restarts:
            return "W&B is not restarted, since no entry changes"
        changed = [each.address for each in rollout.entries if each.change != "Stays"]
        new = f"{len(changed)} of its entries {'is' if len(changed) == 1 else 'are'} new ({', '.join(changed)})"
        why = (
            "the value becomes a reference to a Secret" if self.literal else "",
            new if changed else "",
        )
        lacking = ", ".join(each.workload for each in rollout.restarts if each.differs)
        return f"W&B is restarted once, since {' and '.join(filter(None, why)) or f'the list is not the same in {lacking}'}"


def plan(source: Source, imported: Imported, drafts: Drafts, *, literal: bool) -> Applied:
    """Return the objects, and what the operator would do once they are applied and each bucket of the list has a team."""
    added = imported.added(drafts.own.storage, take_ownership=literal)
    manifest = imported.manifest(added)
    objects = _objects(manifest, drafts, imported)
    return Applied(
        objects=objects,
        rollout=_rollout(source, objects, drafts.made, name=imported.name),
        literal=literal,
        instance=imported.told(added),
    )


def _objects(manifest: dict[str, Any] | None, drafts: Drafts, imported: Imported) -> Files:
    namespace = imported.instance.metadata.namespace
    keys = (imports.secret(draft, namespace=namespace) for draft in drafts.written)
    stores = [imports.bucket_store(each, namespace=namespace, instance=imported.name) for each in drafts.written]
    return {
        "wandbinstance.yaml": [manifest] if manifest is not None else [],
        "secrets.yaml": [each for each in keys if each is not None],
        "bucketstores.yaml": stores,
    }


def _rollout(source: Source, objects: Files, made: Sequence[Draft], *, name: str) -> Rollout:
    bodies = [body for listed in objects.values() for body in listed]
    bodies += imports.sample_teams(made, namespace=source.namespace)
    applied = manifests.applied(bodies, namespace=source.namespace, where="What was made of the list")
    kube = manifests.Overlay(applied, source.kube)
    overlaid = Source(kube=kube, namespace=source.namespace, label=source.label, uids=True, cluster=source.cluster)
    world = sources.world(overlaid, allowed_endpoints=sources.every_endpoint(overlaid))
    found = rollouts.rollout(world, ObjectKey(Kind.WANDB_INSTANCE, source.namespace, name))
    return found or Rollout(instance=name)
