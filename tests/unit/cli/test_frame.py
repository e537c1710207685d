"""The frame of the command line: quick help, lazy commands, clear statuses."""

import subprocess
import sys
import time

import pytest

from wandb_byob.cli import COMMANDS, main

HEAVY = ("kopf", "boto3", "aiohttp", "urllib3", "prometheus_client", "google", "azure", "kubernetes", "yaml")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    listed = {name: command.help for name, command in COMMANDS.items() if command.help}
    assert all(f"{name} {text}" in shown for name, text in listed.items())
    assert set(COMMANDS) - set(listed) == {"probe"}, "what only a Job calls"
    assert " probe " not in shown


@pytest.mark.parametrize(
    "arguments", [["--help"], *([name, "--help"] for name, command in COMMANDS.items() if command.help)], ids=" ".join
)
def test_help_imports_nothing_heavy_and_is_quick(arguments: list[str]) -> None:
    """In a fresh process. The import list is what makes it quick anywhere; half a second of its own time is the promise."""
    code = f"import sys\nfrom wandb_byob.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
    code += f"import time\nprint('HEAVY', sorted(sys.modules.keys() & set({HEAVY!r})), time.process_time())"
    began = time.process_time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("HEAVY [] ")
    assert float(last.split()[-1]) < 0.5
    assert time.process_time() - began < 0.5


def test_without_a_command_the_help_is_shown_and_the_status_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["opreator"])
    assert ended.value.code == 2
    assert "opreator" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip().endswith(version("wandb-byob"))


def test_as_a_kubectl_plugin_it_calls_itself_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/kubectl-byob"])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: kubectl byob")


@pytest.mark.parametrize("command", ["doctor", "plan", "policy", "import"])
@pytest.mark.parametrize("host", ["wandb.example.com", "https://wandb.example.com/home", "ftp://wandb.example.com"])
def test_an_address_of_wandb_that_no_browser_sends(capsys: pytest.CaptureFixture[str], command: str, host: str) -> None:
    """Told by the flag, before anything is looked at."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--host", host])
    assert ended.value.code == 2
    assert f"argument --host: {host} is not an address as browsers show it." in capsys.readouterr().err
