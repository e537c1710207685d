"""`byob plan` as a command (tests/console runs it against real stores, tests/cluster against W&B's workloads)."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.resources import bucket_store, team_storage, wandb_instance
from unit.scripted import Scripted, secret
from wandb_byob.cli import main
from wandb_byob.model.checks import CheckName
from wandb_byob.providers.base import Change

CHANGES = (Change(name="Owner", message="Tag it."), Change(name="CORS", message="Add a rule."))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The one store there is, with two changes to be made."""
    found = Scripted(there=True, planned=CHANGES, bad={CheckName.CORS: "No rule."})
    monkeypatch.setattr("wandb_byob.providers.registry.providers", lambda endpoints: {"S3": found})
    return found


def plan(folder: Path, *words: str, **spec: Any) -> int:
    bodies = [bucket_store(spec={"adoptionPolicy": "Adopt", **spec}), team_storage(), wandb_instance(), secret()]
    (folder / "a.yaml").write_text(yaml.safe_dump_all(bodies))
    return main(["plan", "-f", str(folder), *words])


def test_what_it_lists(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """The changes; a check that they repair is not in the way, and no object is written into the bucket."""
    assert plan(tmp_path) == 0
    shown = capsys.readouterr().out
    assert "In the bucket: 2 changes" in shown
    assert "In the way" not in shown
    assert "What becomes of W&B is not told" in shown
    assert store.calls == ["provision"]


@pytest.mark.parametrize(
    ("spec", "said", "status"),
    [
        ({"managementPolicy": "Observe"}, "2 changes, made with managementPolicy Manage only", 0),
        ({"provisioning": None}, "nothing, since spec.provisioning gives no keys", 1),
        ({"adoptionPolicy": "Refuse"}, "In the way: The bucket data existed before", 1),
        ({"credentials": {"secretRef": {"name": "none"}}}, "Could not be told. Secret none does not exist", 2),
    ],
)
def test_what_keeps_them_from_being_made(
    tmp_path: Path,
    store: Scripted,
    capsys: pytest.CaptureFixture[str],
    spec: dict[str, Any],
    said: str,
    status: int,
) -> None:
    """Is told with its field, and is in the status."""
    assert plan(tmp_path, **spec) == status
    assert said in capsys.readouterr().out


def test_what_fails_besides(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """A check that no change repairs stands in the way, in the document, too."""
    store.bad[CheckName.LIFECYCLE] = "All expires."
    assert plan(tmp_path, "-o", "json") == 1
    (found,) = json.loads(capsys.readouterr().out)["bucketStores"]
    assert found["changes"] == [{"check": change.name, "message": change.message} for change in CHANGES]
    assert found["inTheWay"] == ["Lifecycle: All expires. Repair it."]
