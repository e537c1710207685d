"""The same story in each place of W&B's configuration: twenty teams, a broken one, a new key, a removal, a failed rollout, an uninstall.

What the user had there before is compared whole after every step, and the end is the same in all places.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest

from cluster.places import BEFORE, KEPT, theirs
from cluster.scenario import Scenario, address, wait_rest
from testbed.object_store import Keys
from testbed.processes import wait_for
from testbed.stages import Failure, PodSelector
from testbed.stores import VersityGW
from testbed.wandb import COMPONENTS, VARIABLE
from testbed.wandb_operator import Operated

pytestmark = pytest.mark.long

TEAMS: Final = [f"team-{number:02}" for number in range(20)]
ROTATED: Final = "team-07"
REMOVED: Final = "team-13"
NEXT: Final = "next"


def test_twenty_teams_and_what_becomes_of_them(here: Scenario, versitygw: VersityGW) -> None:
    """One rollout for twenty teams, none for a broken one, one for a new key, one for a removal, and a failed one goes back by itself."""
    before = theirs(here)
    with _step(here, before, rollouts=1):
        old = _twenty_teams(here, versitygw)
    with _step(here, before, rollouts=0):
        _a_broken_one(here, versitygw)
    with _step(here, before, rollouts=1):
        _a_new_key(here, versitygw, old)
    with _step(here, before, rollouts=1):
        _a_removal(here)
    with _step(here, before, rollouts=2):
        _a_failure(here, versitygw)
    with _step(here, before, rollouts=1):
        _once_more(here)
    assert _state(here) == _expected()
    _assert_no_key(here, versitygw)

    entries, revisions = here.entries(), here.wandb.revisions()
    here.installation.uninstall()
    wait_for(lambda: not here.installation.pods(), timeout=30, what="the operator's pods are gone")
    assert theirs(here) == before
    assert (here.entries(), here.wandb.revisions()) == (entries, revisions)


@contextmanager
def _step(here: Scenario, users: Mapping[str, Any], *, rollouts: int) -> Iterator[None]:
    """Within the block every component that reads files is rolled out so many times, and no more afterwards; what is the user's stays as it is."""
    wait_rest(here)
    before = here.wandb.revisions()
    yield
    wait_rest(here)
    assert here.wandb.revisions() == {name: revision + rollouts for name, revision in before.items()}
    assert theirs(here) == users


def _bucket(here: Scenario, team: str) -> str:
    return f"{here.namespace}-{team}"


def _twenty_teams(here: Scenario, store: VersityGW) -> Keys:
    """All at once. One bucket has keys of its own, which are returned."""
    mine = store.create_user(_bucket(here, "user"))
    here.apply(
        here.keys("versitygw-keys", store.keys),
        here.keys("rotated", mine),
        *(here.bucket_store(name, store) for name in TEAMS if name != ROTATED),
        here.bucket_store(ROTATED, store, credentials={"secretRef": {"name": "rotated"}}),
    )
    here.wait_condition("BucketStore", ROTATED, "Configured", "True")
    store.give_bucket(_bucket(here, ROTATED), mine.access_key)
    here.apply(*(here.team(name) for name in TEAMS))
    here.wait_ready("TeamStorage", *TEAMS, timeout=180)
    wait_rest(here)
    found = here.entries()
    assert tuple(found[: len(KEPT)]) == KEPT
    wanted = [address(store, _bucket(here, name), mine if name == ROTATED else None) for name in TEAMS]
    assert sorted(found[len(KEPT) :]) == sorted(wanted)
    return mine


def _a_broken_one(here: Scenario, store: VersityGW) -> None:
    entries = here.entries()
    here.apply(
        here.keys("wrong-keys", Keys(store.keys.access_key, "not-the-secret-of-this-key")),
        here.bucket_store("broken", store, secret="wrong-keys"),
        here.team("broken"),
    )
    told = here.wait_condition("TeamStorage", "broken", "BucketReady", "False")
    assert "Put both keys into the Secret" in told["message"]
    wait_rest(here)
    assert here.entries() == entries


def _a_new_key(here: Scenario, store: VersityGW, old: Keys) -> None:
    """It takes the old one's place in the list."""
    before = here.entries()
    position = before.index(address(store, _bucket(here, ROTATED), old))
    store.delete_user(old.access_key)
    new = store.create_user(old.access_key)
    here.apply(here.keys("rotated", new))
    entry = address(store, _bucket(here, ROTATED), new)
    _wait_entries(here, [*before[:position], entry, *before[position + 1 :]])


def _a_removal(here: Scenario) -> None:
    """Held until it is confirmed; then the entry goes, and the object after it."""
    path, before = here.path("TeamStorage", REMOVED), here.entries()
    here.cluster.delete(path)
    here.wait_condition("TeamStorage", REMOVED, "Ready", "False", reason="DeletionBlocked")
    assert here.entries() == before
    here.cluster.patch(path, {"metadata": {"annotations": {"byob.wandb.com/confirm-delete": REMOVED}}})
    here.cluster.wait(path, lambda found: found is None, timeout=90, what="the confirmed TeamStorage is gone")
    _wait_entries(here, [entry for entry in before if f"/{_bucket(here, REMOVED)}?" not in entry])
    assert len(here.entries()) == len(before) - 1


def _a_failure(here: Scenario, store: VersityGW) -> None:
    """Pods with the next configuration crash: W&B returns to the one before."""
    before, secrets = here.entries(), here.wandb.secret_names()
    failing = PodSelector(namespace=here.namespace, other_secrets=_secrets_of_pods(here))
    with here.cluster.fail_pods(Failure.CRASH, failing):
        here.apply(here.bucket_store(NEXT, store), here.team(NEXT))
        told = here.wait_condition("WandbInstance", "wandb", "Configured", "False", reason="RolledBack")
        assert "CrashLoopBackOff" in told["message"]
        here.wait_condition("WandbInstance", "wandb", "RolledOut", "True")
        wait_rest(here)
        assert here.entries() == before
        assert here.wandb.secret_names() == secrets


def _secrets_of_pods(here: Scenario) -> list[str]:
    """Every Secret that a variable of W&B's pods comes from, the user's own too: a pod with another one has the next configuration."""
    variables = (
        env for pod in here.wandb.pods() for each in pod["spec"]["containers"] for env in each.get("env") or ()
    )
    references = (env.get("valueFrom", {}).get("secretKeyRef") for env in variables)
    return sorted({reference["name"] for reference in references if reference})


def _once_more(here: Scenario) -> None:
    """A person asks to try again, and this time it works."""
    asked = {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "now"}}}
    here.cluster.patch(here.path("WandbInstance", "wandb"), asked)
    here.wait_ready("TeamStorage", NEXT)


def _wait_entries(here: Scenario, wanted: list[str]) -> None:
    wait_for(lambda: here.wandb.variable() == {",".join(wanted)}, timeout=60, what="W&B's pods have the new list")


def _state(here: Scenario) -> dict[str, Any]:
    """How it ended, without what differs from place to place and run to run."""
    listed = [entry.rpartition("@")[2].partition("?")[0] for entry in here.entries()]
    status = here.get("WandbInstance", "wandb")["status"]
    return {
        "entries": sorted(entry.rpartition("/")[2].removeprefix(f"{here.namespace}-") for entry in listed),
        "sources": sorted(entry["source"] for entry in status["entries"]),
        "instance": _conditions(here, "WandbInstance", "wandb"),
        "teams": {name: _conditions(here, "TeamStorage", name)["Ready"] for name in (*_LEFT, "broken")},
        "secrets": len(_our_secrets(here) & {status["secretName"], status["lastGoodSecretName"]}),
        "workloads": sorted({workload["state"] for workload in status["workloads"]}),
        "components": len(here.wandb.revisions()),
    }


_LEFT: Final = (*(name for name in TEAMS if name != REMOVED), NEXT)


def _expected() -> dict[str, Any]:
    kept = sorted(entry.rpartition("@")[2].partition("?")[0].rpartition("/")[2] for entry in KEPT)
    return {
        "entries": sorted([*kept, *_LEFT]),
        "sources": ["BucketStore"] * len(_LEFT) + ["Kept"] * len(KEPT),
        "instance": {
            "Accepted": "True",
            "Configured": "True",
            "RolledOut": "True",
            "Ready": "True",
            "Reconciling": "False",
            "Stalled": "False",
        },
        "teams": dict.fromkeys(_LEFT, "True") | {"broken": "False"},
        "secrets": 1,
        "workloads": ["Current"],
        "components": len(COMPONENTS),
    }


def _conditions(here: Scenario, kind: str, name: str) -> dict[str, str]:
    return {each["type"]: each["status"] for each in here.get(kind, name)["status"]["conditions"]}


def _our_secrets(here: Scenario) -> set[str]:
    path = f"/api/v1/namespaces/{here.namespace}/secrets?labelSelector=byob.wandb.com/instance"
    return {secret["metadata"]["name"] for secret in here.cluster.get(path)["items"]}


def _assert_no_key(here: Scenario, store: VersityGW) -> None:
    """W&B's operator logs its whole object, so that no key may ever stand in it; nor does one in a pod template."""
    text = str(here.wandb.body()) if isinstance(here.wandb, Operated) else ""
    text += str(here.wandb.deployments())
    assert store.keys.secret_key not in text
    assert "se%2Fcret" not in text
    assert VARIABLE in text
    assert all(each["name"] in text for each in BEFORE)
