"""hack/docs.py: what it derives is current, and only real output gets into the documents."""

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """hack/docs.py as a module whose documents are a README with two places for output."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "hack" / "docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (
        "before\n<!-- output: one -->\n<!-- end of output -->\nbetween\n<!-- output: two -->\n<!-- end of output -->\n"
    )
    (tmp_path / "README.md").write_text(text)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def paste(docs: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setattr(sys, "argv", ["docs.py", "paste", name])
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    docs.main()


def test_output_goes_into_its_place(docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without colours; pasting again replaces it, and nothing else changes."""
    paste(docs, monkeypatch, "one", "old\n")
    paste(docs, monkeypatch, "one", "\x1b[32mREADY\x1b[0m   \nyes\n")
    assert (tmp_path / "README.md").read_text() == (
        "before\n<!-- output: one -->\n```console\nREADY\nyes\n```\n<!-- end of output -->\nbetween\n"
        "<!-- output: two -->\n<!-- end of output -->\n"
    )


@pytest.mark.parametrize("output", ["", f"{Path.home()}/.cache/x", "```"])
def test_output_that_does_not_belong_there(docs: ModuleType, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    """Nothing, a folder of this machine, or what would end the code block."""
    with pytest.raises(SystemExit):
        paste(docs, monkeypatch, "one", output)


def test_an_unknown_place_is_named(docs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="there are one, two"):
        paste(docs, monkeypatch, "three", "x")


def test_a_command_that_is_not_there_is_found(docs: ModuleType, tmp_path: Path) -> None:
    """Documents, messages and CRDs may name only commands that exist; `kubectl get byob` and the chart's name are none."""
    (tmp_path / "docs").mkdir()
    for name in ("crds/a.yaml", "operator/wandb_byob/b.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("from wandb_byob import x  # Run `byob swim`.")
    (tmp_path / "docs" / "checks.md").write_text("".join(f"| `{name.value}` |\n" for name in docs.CheckName))
    (tmp_path / "README.md").write_text(
        "`byob release` `kubectl get byob all` `helm upgrade wandb-byob charts` `byob fly`"
    )
    found = [("README.md", "fly"), ("crds/a.yaml", "swim"), ("operator/wandb_byob/b.py", "swim")]
    assert list(docs.problems()) == [
        f"{file} names `byob {name}`, and there is no such command." for file, name in found
    ]
