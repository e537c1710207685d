"""`byob address`: redacted by default, with keys only where they are asked for, and then with a word about it."""

from pathlib import Path

import pytest
import yaml

from unit.resources import bucket_store, team_storage, wandb_instance
from unit.scripted import secret
from wandb_byob.cli import main

REDACTED = "s3://***:***@s3.eu-central-1.amazonaws.com/data?region=eu-central-1&tls=true"
REVEALED = REDACTED.replace("***:***", "AKIACANARY:canary%2Fsecret%2Bvalue")


def address(folder: Path, *words: str, keys: bool = True, ambient: bool = False) -> int:
    spec = {"credentials": {"source": "Ambient"}} if ambient else {}
    bodies = [bucket_store(spec=spec), team_storage(), wandb_instance(), *([secret()] if keys else [])]
    (folder / "a.yaml").write_text(yaml.safe_dump_all(bodies))
    return main(["address", "-f", str(folder), *words])


@pytest.mark.parametrize("words", [(), ("data",), ("team-a/data",), ("ml",), ("teamstorage/ml",)])
def test_redacted_without_reading_the_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """By the BucketStore's name or a team's; the Secret need not be there."""
    assert address(tmp_path, *words, keys=False) == 0
    assert capsys.readouterr().out == f"{REDACTED}\n"


def test_the_flags_of_the_other_commands_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What doctor, plan and policy are told of W&B may stay where address takes their place."""
    told = (
        "--host",
        "https://wandb.example.com",
        "--deployment-type",
        "DedicatedCloud",
        "--identity",
        "arn",
        "--organization-id",
        "o",
    )
    assert address(tmp_path, "data", *told) == 0
    assert capsys.readouterr().out == f"{REDACTED}\n"


def test_with_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Percent-encoded, alone on standard output; standard error says what it is and holds no key."""
    assert address(tmp_path, "data", "--reveal") == 0
    shown = capsys.readouterr()
    assert shown.out == f"{REVEALED}\n"
    assert "holds the keys of BucketStore team-a/data" in shown.err
    assert "CANARY" not in shown.err


def test_an_address_without_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """W&B's pods sign with their own identity: there is nothing to hide, and that is said."""
    assert address(tmp_path, "data", "--reveal", ambient=True) == 0
    shown = capsys.readouterr()
    assert shown.out == "s3://data\n"
    assert "holds no keys of" in shown.err


def test_keys_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert address(tmp_path, "data", "--reveal", keys=False) == 2
    assert "Secret keys does not exist" in capsys.readouterr().err
