"""Completion: each shell's script is valid there, knows every command and flag, and kubectl is answered as it asks."""

import shutil
import subprocess
import sys

import pytest

from wandb_byob.cli import COMMANDS, main
from wandb_byob.cli.completion import candidates, kubectl

PEOPLES = [name for name, command in COMMANDS.items() if command.help]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_knows_all(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that people call, and its flags; what only a Job calls is not offered."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [name for name in PEOPLES if name not in script] == []
    assert "with-cluster" in script
    assert "probe" not in script.replace("probe-port", "").replace("probe_port", "").replace("probe under", "").split()


def test_bash_completes(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Bash itself, with the script loaded, offers what may follow."""
    bash = shutil.which("bash")
    assert bash is not None
    main(["completion", "bash"])
    script = capsys.readouterr().out
    ask = 'COMP_WORDS=(byob do); COMP_CWORD=1; COMP_LINE="byob do"; COMP_POINT=7; _shtab_byob byob do byob; echo "${COMPREPLY[@]}"'
    done = subprocess.run([bash, "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["doctor"], done.stderr


def test_kubectl_is_answered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Candidates with their help after a tab, then kubectl's own word: no files beside commands, files beside flags."""
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-byob", "do"])
    assert kubectl() == 0
    assert capsys.readouterr().out.splitlines() == [f"doctor\t{COMMANDS['doctor'].help}", ":4"]
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-byob", "doctor", "--no-d"])
    kubectl()
    *offered, directive = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in offered] == ["--no-data-path"]
    assert directive == ":0"


def test_nothing_is_offered_for_what_is_not_there() -> None:
    assert list(candidates(["swim", "--"])) == []
    assert [line.split("\t")[0] for line in candidates([])] == PEOPLES
