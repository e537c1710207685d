"""Who is to be woken when something changes: a small reverse index over what is remembered of each object.

Fed by watch events instead of `kopf.index`: an index of Kopf's holds values per key without telling what changed, and the question
here is whom a change concerns, which needs the state before and after. Not safe for several threads: the caller locks.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wandb_byob.decide.targets import selects
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime import references
from wandb_byob.runtime.references import Facts, InstancesOf, SecretName, Target


@dataclass(frozen=True)
class Wake:
    """Whom to look at: the object itself, and those that its change concerns; `new` where it was not known before."""

    itself: bool = False
    new: bool = False
    others: frozenset[ObjectKey] = frozenset()


@dataclass(slots=True)
class _Workload:
    digest: int
    matched: tuple[ObjectKey, ...]


@dataclass
class Index:
    """Facts by object, and referrers by what they refer to."""

    _facts: dict[ObjectKey, Facts] = field(default_factory=dict)
    _referrers: dict[Target, set[ObjectKey]] = field(default_factory=dict)
    _instances: dict[str, set[ObjectKey]] = field(default_factory=dict)
    _yielding: dict[int, set[ObjectKey]] = field(default_factory=dict)
    _secrets: dict[SecretName, int] = field(default_factory=dict)
    _workloads: dict[tuple[str, str, str], _Workload] = field(default_factory=dict)

    def objects(self) -> tuple[ObjectKey, ...]:
        """Return all objects of ours that are known."""
        return tuple(self._facts)

    def observe(self, key: ObjectKey, obj: Mapping[str, Any]) -> Wake:
        """Take an object as it is now."""
        before, after = self._facts.get(key), references.facts(key.kind, obj)
        if before == after:
            return Wake()
        self._replace(key, before, after)
        if before is None or before.shown != after.shown:
            others = self._around(key, before) | self._around(key, after) | self._rivals(before)
        elif before.state != after.state:
            others = self._told_of_state(key, after)
        else:
            others = frozenset()
        # A status that was wiped (restored from a backup, say) must be written anew.
        wiped = before is not None and before.has_conditions and not after.has_conditions
        itself = before is None or before.own != after.own or wiped
        return Wake(itself=itself, new=before is None, others=others - {key})

    def forget(self, key: ObjectKey) -> Wake:
        """Take note that an object is gone."""
        before = self._facts.get(key)
        if before is None:
            return Wake()
        others = self._around(key, before) | self._rivals(before)
        self._replace(key, before, None)
        return Wake(itself=True, others=others - {key})

    def secret(self, name: SecretName, version: str | None, *, listed: bool) -> frozenset[ObjectKey]:
        """Take a Secret's resourceVersion (None: it is gone) and return who refers to it, where that is news.

        What is `listed` and not known yet is none: the first listing shows everything.
        """
        before = self._secrets.pop(name, None)
        if version is not None:
            self._secrets[name] = hash(version)
        if before == self._secrets.get(name) or (listed and before is None):
            return frozenset()
        return frozenset(self._referrers.get(name, ()))

    def workload(self, kind: str, obj: Mapping[str, Any], *, event: str | None) -> frozenset[ObjectKey]:
        """Take a Deployment or StatefulSet and return the WandbInstances that it concerns, or did before, where it has changed."""
        metadata = obj["metadata"]
        namespace = metadata["namespace"]
        where = (kind, sys.intern(namespace), metadata["name"])
        before = self._workloads.pop(where, None)
        if event == "DELETED":
            return frozenset(before.matched if before else ())
        digest = references.workload_digest(obj)
        matched = tuple(self._selecting(namespace, metadata["name"], metadata.get("labels") or {}))
        self._workloads[where] = _Workload(digest, matched)
        if (before.digest == digest) if before is not None else event is None:
            return frozenset()
        return frozenset(matched) | frozenset(before.matched if before else ())

    def _selecting(self, namespace: str, name: str, labels: Mapping[str, str]) -> Iterator[ObjectKey]:
        for key in self._instances.get(namespace, ()):
            workloads = self._facts[key].workloads
            if workloads is not None and selects(workloads, name=name, labels=labels):
                yield key

    def _replace(self, key: ObjectKey, before: Facts | None, after: Facts | None) -> None:
        for target in before.refers_to if before else ():
            referrers = self._referrers[target]
            referrers.discard(key)
            if not referrers:
                del self._referrers[target]
        for target in after.refers_to if after else ():
            self._referrers.setdefault(target, set()).add(key)
        if after is None:
            self._facts.pop(key, None)
        else:
            self._facts[key] = after
        if key.kind is Kind.WANDB_INSTANCE:
            _put(self._instances.setdefault(key.namespace, set()), key, member=after is not None)
        # A team and its BucketStore often have one name, and then the claim and the place are one.
        for claim in {*before.claims, *before.places} if before is not None and before.yields else ():
            waiting = self._yielding[claim]
            waiting.discard(key)
            if not waiting:
                del self._yielding[claim]
        for claim in {*after.claims, *after.places} if after is not None and after.yields else ():
            self._yielding.setdefault(claim, set()).add(key)

    def _around(self, key: ObjectKey, known: Facts | None) -> frozenset[ObjectKey]:
        """Return all neighbours: what refers to the object, what it refers to, and what is two steps away along a store."""
        found = set(self._referrers.get(key, ()))
        if key.kind is Kind.WANDB_INSTANCE:
            found |= self._referrers.get(InstancesOf(key.namespace), set())
        for target in known.refers_to if known else ():
            found |= self._resolve(target)
        if key.kind is Kind.WANDB_INSTANCE:
            found |= {team for store in found for team in self._referrers.get(store, ())}
        if key.kind is Kind.TEAM_STORAGE:
            found |= {instance for store in set(found) for instance in self._instances_of(store)}
        return frozenset(found)

    def _told_of_state(self, key: ObjectKey, known: Facts) -> frozenset[ObjectKey]:
        """Return whom a mere change of status concerns: bucket → teams and instance, instance → teams, team → instance."""
        around = self._around(key, known)
        match key.kind:
            case Kind.BUCKET_STORE:
                return around
            case Kind.WANDB_INSTANCE:
                # A store that is being deleted may be held by its entry in the instance's configuration.
                return frozenset(each for each in around if each.kind is Kind.TEAM_STORAGE or self._facts[each].leaving)
            case Kind.TEAM_STORAGE:
                return frozenset(each for each in around if each.kind is Kind.WANDB_INSTANCE)

    def _rivals(self, before: Facts | None) -> frozenset[ObjectKey]:
        """Return those that gave way for something that this object asked for until now: they may get it when it changes."""
        if before is None:
            return frozenset()
        claims = before.claims if before.yields else (*before.claims, *before.places)
        return frozenset(key for claim in claims for key in self._yielding.get(claim, ()))

    def _instances_of(self, store: ObjectKey) -> set[ObjectKey]:
        known = self._facts.get(store)
        targets = known.refers_to if known is not None else ()
        return {instance for target in targets for instance in self._resolve(target)}

    def _resolve(self, target: Target) -> set[ObjectKey]:
        match target:
            case SecretName():
                return set()
            case InstancesOf(namespace=namespace):
                return set(self._instances.get(namespace, ()))
            case ObjectKey():
                return {target} if target in self._facts else set()


def _put(members: set[ObjectKey], key: ObjectKey, *, member: bool) -> None:
    (members.add if member else members.discard)(key)
