"""`byob tree` as it is drawn: readable with fifty teams, complete in a pipe, its status by what is not Ready."""

import json
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.resources import bucket_store, condition, team_storage, wandb_instance
from wandb_byob.cli import main

READY = {"conditions": [condition("Ready")]}
FAILED = {"conditions": [condition("Ready", "False", reason="ChecksFailed", message="Check CORS: no rule.")]}


class Terminal(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def tree(folder: Path, *bodies: dict[str, Any], arguments: tuple[str, ...] = ()) -> int:
    (folder / "a.yaml").write_text(yaml.safe_dump_all(bodies))
    return main(["tree", "-f", str(folder), *arguments])


def fifty(bad: int = 0) -> list[dict[str, Any]]:
    teams = [
        team_storage(f"team-{n:02}", spec={"path": f"teams/{n}"}, status=FAILED if n < bad else READY)
        for n in range(50)
    ]
    return [wandb_instance(status=READY), bucket_store(status=READY), *teams]


def test_fifty_teams_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are Ready are folded, never one that is not; the columns stand below each other; --all shows all."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    assert tree(tmp_path, *fifty(bad=2)) == 1
    lines = shown.getvalue().splitlines()
    assert len([line for line in lines if "TeamStorage" in line]) == 7
    assert "   └─ … 43 more" in shown.getvalue()
    assert max(map(len, lines)) <= 100
    columns = {line.index(word) for line in lines for word in (" True ", " False ") if word in line}
    assert len(columns) == 1
    assert sum("Check CORS: no rule." in line for line in lines) == 2
    tree(tmp_path, *fifty(), arguments=("--all",))
    assert shown.getvalue().count("TeamStorage team-a/") == 57


def test_a_pipe_gets_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tree(tmp_path, *fifty()) == 0
    shown = capsys.readouterr().out
    assert shown.count("TeamStorage") == 50
    assert "more" not in shown.partition("Isolation")[0]


def test_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same, nested, with the notes on isolation."""
    assert tree(tmp_path, *fifty(bad=1), arguments=("-o", "json")) == 1
    found = json.loads(capsys.readouterr().out)
    (instance,) = found["trees"]
    assert instance["ready"] == "True"
    (bucket,) = instance["children"]
    assert (len(bucket["children"]), bucket["children"][0]["reason"]) == (50, "ChecksFailed")
    assert found["isolation"][0].startswith("Teams team-00")


def test_the_instances_own_bucket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the table in the columns of the others, in a document as a child; where it is not set, not everything is Ready."""
    storage = {"address": "gs://old", "source": "Kept"}
    told = condition("StorageConfigured", "False", reason="StorageWouldChange", message="It would hide files.")
    instance = wandb_instance(status={"conditions": [condition("Ready"), told], "storage": storage})
    assert tree(tmp_path, instance) == 1
    shown = capsys.readouterr().out
    assert "└─ instance storage False StorageWouldChange kept from before, gs://old" in " ".join(shown.split())
    assert "It would hide files." in shown
    assert tree(tmp_path, instance, arguments=("-o", "yaml")) == 1
    (found,) = yaml.safe_load(capsys.readouterr().out)["trees"]
    assert found["children"] == [
        {
            "name": "instance storage",
            "ready": "False",
            "reason": "StorageWouldChange",
            "detail": "kept from before, gs://old",
            "message": "It would hide files.",
        }
    ]


def test_nothing_to_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    assert tree(tmp_path, secret) == 2
    assert "There are no objects" in capsys.readouterr().err
