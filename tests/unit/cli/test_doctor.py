"""`byob doctor` as a command: its statuses, its summary, its documents (tests/console runs it against real stores)."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.resources import bucket_store, team_storage, wandb_instance
from unit.scripted import Scripted, secret
from wandb_byob.cli import main
from wandb_byob.model.checks import CheckName


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The one store there is, in the place of all clouds."""
    found = Scripted(there=True)
    monkeypatch.setattr("wandb_byob.providers.registry.providers", lambda endpoints: {"S3": found})
    return found


def doctor(folder: Path, *words: str, bodies: list[dict[str, Any]] | None = None) -> int:
    given = bodies or [bucket_store(), team_storage(spec={"path": "teams/ml"}), wandb_instance(), secret()]
    (folder / "a.yaml").write_text(yaml.safe_dump_all(given))
    return main(["doctor", "-f", str(folder), *words])


def test_healthy(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row, those under a path below their heading, and how many of each."""
    assert doctor(tmp_path) == 0
    shown = capsys.readouterr().out
    assert "Seen from this machine (" in shown
    assert shown.index("CORS        Passed") < shown.index("under teams/ml") < shown.index("PutObject   Passed")
    assert "0 failed, 3 passed." in shown


def test_quiet(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what failed or warns, with what to do; nothing passed over in the count."""
    store.bad = {CheckName.CORS: "No rule."}
    assert doctor(tmp_path, "--quiet") == 1
    shown = capsys.readouterr().out
    assert "BucketName" not in shown
    assert "→ Repair it." in shown
    assert "1 failed (CORS), 2 passed." in shown


def test_several(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """One that cannot be checked leaves no verdict; one that fails is one, whatever becomes of others."""
    other = bucket_store("other", spec={"credentials": {"secretRef": {"name": "none"}}})
    bodies = [bucket_store(), other, team_storage(), wandb_instance(), secret()]
    assert doctor(tmp_path, bodies=bodies) == 2
    summary = capsys.readouterr().out.partition("BUCKETSTORE")[2]
    assert "team-a/data   Passed" in summary
    assert "team-a/other  Unknown  Secret none does not exist" in summary
    store.bad = {CheckName.CORS: "No rule."}
    assert doctor(tmp_path, bodies=bodies) == 1


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_documents(tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str], form: str, read: Any) -> None:
    """The same for programs: nothing else is on standard output."""
    store.bad_paths = {"teams/ml"}
    assert doctor(tmp_path, "-o", form) == 1
    (found,) = read(capsys.readouterr().out)["bucketStores"]
    assert (found["result"], found["identity"]) == ("Failed", "s3://amazonaws.com/data")
    assert found["checks"][-1] == {
        "name": "PutObject",
        "path": "teams/ml",
        "result": "Failed",
        "message": "Refused.",
        "remedy": "Grant s3:PutObject.",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--allowed-endpoints", "not an endpoint"), "allowedEndpoints"),
        (("--path", "../x"), "--path"),
        (("--gcs-endpoint", "gopher://x"), "--gcs-endpoint"),
        (("nobody",), "There is no BucketStore nobody"),
    ],
)
def test_what_makes_no_sense(
    tmp_path: Path, store: Scripted, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """Is said before any call, with status 2."""
    assert doctor(tmp_path, *words) == 2
    assert said in capsys.readouterr().err
    assert store.calls == []
