"""Log lines: one JSON object each, with the object they are about and without secrets, whoever writes them."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.redaction import Redactor
from wandb_byob.runtime import logs
from wandb_byob.runtime.workers import current_object

SECRET = 'pa"ss/word+1234'


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Set logging up as the process does, and put everything back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    levels = {name: logging.getLogger(name).level for name in logs._CHATTY}
    keeper = Redactor()
    keeper.learn_values([SECRET])
    stream = io.StringIO()
    logs.set_up(keeper, form="json", level="debug", stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, sys.excepthook, threading.excepthook = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_has_time_level_text_logger_and_extras(output: io.StringIO) -> None:
    logging.getLogger("a.b").info("hello %s", "world", extra={"count": 3, "what": object})
    (record,) = records(output)
    assert (record["level"], record["msg"], record["logger"], record["count"]) == ("info", "hello world", "a.b", 3)
    assert record["ts"].endswith("Z")
    assert len(record["ts"]) == len("2026-01-01T00:00:00.000Z")


def test_a_record_within_a_look_names_the_object(output: io.StringIO) -> None:
    token = current_object.set(ObjectKey(Kind.BUCKET_STORE, "ns", "data"))
    logging.getLogger("any.library").warning("careful")
    current_object.reset(token)
    logging.getLogger("any.library").warning("careful")
    assert [record.get("object") for record in records(output)] == ["BucketStore/ns/data", None]


@pytest.mark.parametrize(
    "logger", ["wandb_byob.x", "kopf.objects", "botocore.auth", "urllib3.connectionpool", "google.auth"]
)
def test_no_logger_shows_a_secret_in_text_arguments_extras_or_tracebacks(output: io.StringIO, logger: str) -> None:
    try:
        raise RuntimeError(f"refused {SECRET}")
    except RuntimeError:
        logging.getLogger(logger).exception("url %s", f"https://x/{SECRET}", extra={"body": {"key": SECRET}})
    (record,) = records(output)
    assert "RuntimeError: refused [redacted]" in record["exc"]
    assert SECRET not in output.getvalue()
    assert json.dumps(SECRET)[1:-1] not in output.getvalue()


def test_a_secret_that_looks_like_json_spoils_no_line() -> None:
    """Whoever may write a Secret must not be able to make our log unreadable."""
    keeper = Redactor()
    keeper.learn_values(['", "level": "', '"msg": "'])
    line = logs.JsonFormatter(keeper).format(logging.LogRecord("x", logging.INFO, "p", 1, 'say "msg": "', (), None))
    assert json.loads(line)["msg"] == "say [redacted]"


def test_line_breaks_never_make_two_lines(output: io.StringIO) -> None:
    logging.getLogger("x").info("one\ntwo\r\u2028three")
    assert len(output.getvalue().strip("\n").split("\n")) == 1


def test_libraries_do_not_chat_even_at_debug_level(output: io.StringIO) -> None:
    logging.getLogger("botocore.parsers").debug("the whole answer")
    logging.getLogger("wandb_byob.x").debug("ours")
    assert [record["msg"] for record in records(output)] == ["ours"]


def test_warnings_and_uncaught_errors_are_records_too(output: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"old {SECRET}", DeprecationWarning, stacklevel=1)
    failing = threading.Thread(target=lambda: 1 / 0)
    failing.start()
    failing.join()
    sys.excepthook(ValueError, ValueError(SECRET), None)
    levels = [record["level"] for record in records(output)]
    assert levels == ["warning", "critical", "critical"]
    assert "ZeroDivisionError" in output.getvalue()
    assert SECRET not in output.getvalue()


def test_the_console_form_is_for_people() -> None:
    record = logging.LogRecord("x", logging.WARNING, "p", 1, "careful %s", (SECRET,), None)
    record.object = "BucketStore/ns/data"
    keeper = Redactor()
    keeper.learn_values([SECRET])
    line = logs.ConsoleFormatter(keeper).format(record)
    assert line[12:] == " WARNING [BucketStore/ns/data] careful [redacted]"
