"""What commands print on a terminal and in a pipe."""

import io
import json
import sys

import pytest
import yaml

from wandb_byob.cli.output import Row, Screen, complain, emit, printable, progress


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def screen(stream: io.StringIO, **environ: str) -> Screen:
    return Screen(stream, environ=environ)


ROWS = [
    Row(
        ("CORS", "Failed", "Browsers cannot use the bucket, whatever else is right with it."),
        colour="red",
        notes=("Add a rule that lets them in.",),
    ),
    "under teams/a",
    Row(("PutObject", "Passed", "Written."), colour="green"),
]


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coloured, broken at the width, with what to do below the message."""
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    screen(stream, TERM="xterm", NO_COLOR="1").table(("CHECK", "RESULT", "MESSAGE"), ROWS)
    assert stream.getvalue().splitlines() == [
        "CHECK      RESULT  MESSAGE",
        "CORS       Failed  Browsers cannot use the bucket, whatever",
        "                   else is right with it.",
        "                   → Add a rule that lets them in.",
        "under teams/a",
        "PutObject  Passed  Written.",
    ]
    coloured = Terminal()
    screen(coloured, TERM="xterm").table(("CHECK", "RESULT", "MESSAGE"), ROWS)
    assert "\x1b[31mFailed\x1b[0m" in coloured.getvalue()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_none_are_wanted(environ: dict[str, str]) -> None:
    stream = Terminal()
    screen(stream, **environ).table(("A", "B", "C"), ROWS)
    assert "\x1b" not in stream.getvalue()


def test_in_a_pipe_lines_are_whole() -> None:
    """One line for each message and one for each remedy, however long."""
    stream = io.StringIO()
    screen(stream).table(("A", "B", "C"), [Row(("x", "y", "word " * 100), notes=("do " * 100,))])
    assert [len(line) > 250 for line in stream.getvalue().splitlines()[1:]] == [True, True]


def test_nothing_steers_the_terminal() -> None:
    """What a store or somebody's variable says may hold escapes: they are shown as what they are, unprintable."""
    stream = Terminal()
    screen(stream, NO_COLOR="1").table(("A", "B", "C"), [Row(("a\x1b[2J", "b", "c\x07\rd"))])
    screen(stream, NO_COLOR="1").line("\x1b]0;title\x07")
    assert not {"\x1b", "\x07", "\r"} & set(stream.getvalue())
    assert printable("é ✓ \u202e") == "é ✓ \N{REPLACEMENT CHARACTER}"


def test_documents(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"a": ["é", 1], "b": {"c": None}}
    emit(document, "json")
    assert json.loads(capsys.readouterr().out) == document
    emit(document, "yaml")
    assert yaml.safe_load(capsys.readouterr().out) == document


def test_progress_leaves_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal it is wiped out, elsewhere it is not shown; complaints name the command."""
    with progress("Looking"):
        pass
    complain("doctor", "no\x1b[2Jthing")
    assert capsys.readouterr().err == "byob doctor: no\N{REPLACEMENT CHARACTER}[2Jthing\n"
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress("Looking"):
        assert stream.getvalue() == "\rLooking ..."
    assert stream.getvalue().endswith("\r\x1b[2K")
