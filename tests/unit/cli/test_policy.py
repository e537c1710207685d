"""`byob policy`: JSON for a file, commands for a shell."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.resources import bucket_store, wandb_instance
from wandb_byob.cli import main


def policy(folder: Path, *words: str, **spec: Any) -> int:
    (folder / "a.yaml").write_text(yaml.safe_dump_all([bucket_store(spec=spec), wandb_instance()]))
    return main(["policy", "-f", str(folder), *words])


def test_all_documents_and_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All by their names; with --only the document itself, as a file wants it."""
    assert policy(tmp_path) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["cors", "bucket-policy", "user-policy", "versioning", "encryption", "public-access-block"]
    assert policy(tmp_path, "--only", "cors") == 0
    assert json.loads(capsys.readouterr().out) == found["cors"]


def test_commands_can_be_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell reads each as one command whose last word is the document; the rest is comments."""
    assert policy(tmp_path, "--format", "cli") == 0
    blocks = capsys.readouterr().out.strip().split("\n\n")
    commands = [shlex.split(block, comments=True) for block in blocks]
    assert [words[:3] for words in commands[:2]] == [
        ["aws", "s3api", "put-bucket-cors"],
        ["aws", "s3api", "put-bucket-policy"],
    ]
    assert all(json.loads(words[-1]) for words in commands)


def test_a_store_without_a_common_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document stands in comments, so that pasting it does nothing."""
    block = {
        "provider": "S3Compatible",
        "s3": None,
        "s3Compatible": {"bucket": "b", "region": "r", "endpoint": "https://s"},
    }
    assert policy(tmp_path, "--format", "cli", "--only", "user-policy", **block) == 0
    shown = capsys.readouterr().out
    assert shlex.split(shown, comments=True) == []
    assert "s3:PutObject" in shown


def test_what_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert policy(tmp_path, "--only", "iam") == 2
    assert "There is no document iam for this bucket. There are: cors," in capsys.readouterr().err
