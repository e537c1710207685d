"""`byob import` in each place of W&B's configuration: moving in with the buckets that W&B has already, without a restart where none is needed."""

import json
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster import moving_in
from cluster.instance_world import ESCAPED, InstanceWorld, address
from cluster.moving_in import PROVIDERS, documents, move_in, run, secret
from cluster.places import BEFORE
from testbed import scim, wandb
from testbed.wandb import VARIABLE
from testbed.wandb_operator import NAME, Operated

At = Callable[..., InstanceWorld]
OTHERS: Final = [each for each in BEFORE if each["name"] != VARIABLE]
REFERENCE: Final[Mapping[str, Any]] = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}  # fmt: skip
KEYS: Final = ("AKone", ESCAPED, "secret-of-aws", "secret-of-cw", "a2V5LW9mLWF6dXJl", "PRIVATE")


@pytest.fixture
def at(at: At) -> At:
    """The same, without a WandbInstance."""
    return lambda **options: moving_in.alone(at(**options))


@pytest.fixture(scope="module")
def entries() -> Sequence[str]:
    """Eight entries of all providers, as W&B has them; two mean nothing."""
    return moving_in.entries()


@pytest.mark.parametrize("literal", [False, True], ids=["referenced", "literal"])
def test_moving_in(at: At, tmp_path: Path, entries: Sequence[str], *, literal: bool) -> None:
    """A Secret that is referred to stays in place: no rollout. A literal becomes a reference: one. No entry changes a byte."""
    given = {"name": VARIABLE, "value": ",".join(entries)} if literal else REFERENCE
    here = at(env=[*OTHERS, given], before=[secret(",".join(entries))])
    done = run(here, tmp_path)
    assert done.status == 1, done.errors
    said = done.output + done.errors
    assert not [key for key in KEYS if key in said]
    assert "second ?" in said
    assert "write gs://" in said
    assert "The bucket is written as a subdomain" in said
    announced = "restarted once, since the value becomes a reference to a Secret" if literal else "W&B is not restarted"
    assert announced in said
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "byob").iterdir()} == {0o600}
    found = {each["metadata"]["name"]: each["spec"] for each in documents(tmp_path, "bucketstores")}
    assert {name: spec["provider"] for name, spec in found.items()} == PROVIDERS
    assert {(spec["managementPolicy"], spec["adoptionPolicy"]) for spec in found.values()} == {("Observe", "Adopt")}

    move_in(here, tmp_path)
    here.settle("Configured")
    here.settle()
    assert set(here.stand_in.revisions().values()) == {2 if literal else 1}
    assert here.entries() == list(entries)
    assert (here.secrets() == {}) is not literal
    told = here.condition("Configured")["message"]
    assert "no. 2: it has a second ?" in told
    assert "no. 6: W&B knows no gcs://" in told
    sources = {entry["source"] for entry in here.status()["entries"]}
    assert sources == {"BucketStore", "Kept"}


@pytest.mark.parametrize("place", ["workloads"])
def test_a_console_without_the_list_is_left_alone(at: At, tmp_path: Path, entries: Sequence[str]) -> None:
    """It never reads files: nothing of W&B is restarted for its sake."""
    here = at(env=[*OTHERS, REFERENCE], before=[secret(",".join(entries))])
    here.cluster.apply([wandb.workload("console")], namespace=here.namespace)
    here.stand_in.wait_available()
    done = run(here, tmp_path)
    assert "W&B is not restarted, since no entry changes" in done.output
    assert "-n " + here.namespace in done.output


def test_what_would_be_new_in_the_list_is_announced(at: At, tmp_path: Path) -> None:
    """A bucket at CoreWeave brings the bare cw:// along, and the announced restart is what comes of it."""
    entry = "cw://AKcw:secret-of-cw@cwobject.com/acme-cw?tls=true"
    here = at(env=[*OTHERS, REFERENCE], before=[secret(entry)])
    done = run(here, tmp_path)
    assert "W&B is restarted once, since 1 of its entries is new (cw://)." in done.output
    move_in(here, tmp_path)
    here.settle("Configured")
    here.settle()
    assert here.entries() == [entry, "cw://"]
    assert set(here.stand_in.revisions().values()) == {2}


def test_moving_in_again_leaves_what_is_there(at: At, tmp_path: Path, entries: Sequence[str]) -> None:
    """What has a BucketStore gets no second one, and no Secret of somebody else's is overwritten."""
    here = at(env=[*OTHERS, REFERENCE], before=[secret(",".join(entries)), secret("theirs", name="data", key="k")])
    assert run(here, tmp_path).status == 1
    assert {each["metadata"]["name"] for each in documents(tmp_path, "secrets")} == {
        *(PROVIDERS.keys() - {"data"}),
        "data-2",
    }
    here.apply(*documents(tmp_path, "secrets"), *documents(tmp_path, "bucketstores"))
    done = run(here, tmp_path, "-d", "again")
    assert "BucketStore data-2 is there for it" in done.output
    assert not (tmp_path / "again" / "bucketstores.yaml").exists()


def test_teams_are_read_by_scim(at: At, tmp_path: Path) -> None:
    """Each gets a form; the key comes from a file, a variable or standard input, and is shown nowhere."""
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))])
    teams = [f"Team {number:03}" for number in range(120)]
    with scim.running(teams=teams) as server:
        (tmp_path / "key").write_text(f"{server.user}:{server.key}\n")
        done = run(here, tmp_path, "--scim-url", server.url, "--scim-credentials", "key")
        again = run(here, tmp_path, "--scim-url", server.url, "--scim-credentials", "env:KEY", "-d", "again", environ={"KEY": f"{server.user}:{server.key}"})  # fmt: skip
        refused = run(here, tmp_path, "--scim-url", server.url, "--scim-credentials", "env:KEY", "-d", "no", environ={"KEY": ":wrong-key"})  # fmt: skip
        piped = run(here, tmp_path, "--scim-url", server.url, "--scim-credentials", "-", "-d", "piped", stdin=f"{server.user}:{server.key}\n")  # fmt: skip
        empty = run(here, tmp_path, "--scim-url", server.url, "--scim-credentials", "-", "-d", "no", stdin="")
    assert (done.status, again.status, piped.status, refused.status, empty.status) == (0, 0, 0, 2, 2), done.errors
    said = [each.output + each.errors for each in (done, again, piped)]
    assert server.key not in "".join(said)
    assert "user:key" in empty.errors
    assert "administrator" in refused.errors
    assert "wrong-key" not in refused.errors
    assert not (tmp_path / "no").exists()
    text = (tmp_path / "byob" / "teamstorages.yaml").read_text()
    assert all(line.startswith("# ") for line in text.splitlines())
    for folder in ("again", "piped"):
        assert text == (tmp_path / folder / "teamstorages.yaml").read_text(), folder
    forms = list(yaml.safe_load_all("\n".join(line.removeprefix("# ") for line in text.splitlines()[2:])))
    assert sorted(form["spec"]["team"] for form in forms) == teams
    assert {form["spec"]["bucketStoreRef"]["name"] for form in forms} == {"bucket-one"}
    assert len({form["metadata"]["name"] for form in forms}) == len(teams)


def test_a_folder_that_is_there_is_not_written_into(at: At, tmp_path: Path) -> None:
    here = at(env=[*OTHERS, REFERENCE], before=[secret(address("one"))])
    (tmp_path / "byob").mkdir()
    done = run(here, tmp_path)
    assert done.status == 2
    assert "--directory" in done.errors


def test_every_level_is_shown_with_what_wins(at: At, tmp_path: Path, place: str) -> None:
    """What is hidden is told and not imported; a level that wins over where we write stands in the way."""
    here = at(
        env=[*OTHERS, REFERENCE],
        before=[secret("gs://referenced"), secret("gs://in-the-bag", name="bag", key=VARIABLE)],
    )
    if not isinstance(here.stand_in, Operated):
        bag = {
            "spec": {
                "template": {"spec": {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "bag"}}]}]}}
            }
        }
        here.cluster.patch(here.deployment_path("app"), bag, content_type="application/strategic-merge-patch+json")
        done = run(here, tmp_path)
        assert "Secret stores, key list" in done.output
        assert "nobody: env of Deployment wandb-app, container app wins" in done.output
        assert [each["metadata"]["name"] for each in documents(tmp_path, "bucketstores")] == ["referenced"]
        assert done.status == 0
        return
    own = {"name": VARIABLE, "value": "gs://of-app"}
    if place == "v2":
        here.stand_in.edit({"wandb": {"legacyOverrides": {"app": {"env": [own]}}}})
    else:
        here.stand_in.edit(
            {"values": {"app": {"env": {VARIABLE: own["value"]}}, "global": {"extraEnv": {VARIABLE: "gs://dropped"}}}}
        )
        here.stand_in.console({"glue": {"env": {VARIABLE: "gs://of-glue"}}})
    done = run(here, tmp_path)
    assert done.status == 1
    made = {each["metadata"]["name"] for each in documents(tmp_path, "bucketstores")}
    assert made == ({"referenced", "of-app"} if place == "v2" else {"referenced", "of-app", "of-glue"})
    assert "every other component" in done.output
    assert "In the way:" in done.output
    assert "wins over" in done.output
    if place == "v1":
        assert "the chart drops global.extraEnv" in done.output
        assert f"Secret {NAME}-spec-user (the System Console)" in done.output


def test_the_file_of_a_bucket_of_google_is_a_key_file(at: At, tmp_path: Path, entries: Sequence[str]) -> None:
    here = at(env=[*OTHERS, REFERENCE], before=[secret(entries[3])])
    assert run(here, tmp_path).status == 0
    (body,) = documents(tmp_path, "secrets")
    key = json.loads(body["stringData"]["serviceAccount.json"])
    assert key["client_email"] == "robot@acme.iam.gserviceaccount.com"
    assert key["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
