"""Logs: one line per record, with the object it is about, redacted as a whole.

Redaction is done where a line is made, so it covers arguments, extras and tracebacks, of our own loggers and of everybody's
(kopf, botocore, urllib3, google, azure): all of them end in the one handler that is set up here. In JSON each value is redacted by
itself: a Secret that holds a piece of JSON's own syntax must not be able to spoil the lines.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Protocol, TextIO

from wandb_byob.model.keys import ObjectKey
from wandb_byob.runtime.workers import current_object

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("json", "console")
# What these say at debug level is whole requests and answers, thousands of lines a minute.
_CHATTY: Final = ("botocore", "boto3", "s3transfer", "urllib3", "google", "azure", "aiohttp", "asyncio", "kopf")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What kopf gives its own records for its own formatters.
_DROPPED: Final = frozenset({"k8s_ref", "k8s_skip", "settings"})


class Redacts(Protocol):
    """Takes secrets out of a text."""

    def redact(self, text: str) -> str:
        """Return the text without secrets."""


class _Formatter(logging.Formatter):
    """What both forms share."""

    def __init__(self, keeper: Redacts) -> None:
        super().__init__()
        self._keeper = keeper

    def _traceback(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        if record.stack_info:
            parts.append(record.stack_info)
        return "\n".join(parts)


class JsonFormatter(_Formatter):
    """A JSON object a line: `ts`, `level`, `msg`, `logger`, `object` (`Kind/namespace/name`), whatever extra, `exc`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, Any] = {
            "ts": _timestamp(record),
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
            "logger": record.name,
        }
        if about := _about(record):
            entry["object"] = about
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD | _DROPPED | entry.keys()}
        if text := self._traceback(record):
            entry["exc"] = text
        return json.dumps(self._redacted(entry), ensure_ascii=False)

    def _redacted(self, value: Any) -> Any:
        match value:
            case bool() | int() | float() | None:
                return value
            case dict():
                return {str(key): self._redacted(each) for key, each in value.items()}
            case list() | tuple():
                return [self._redacted(each) for each in value]
            case _:
                return self._keeper.redact(str(value))


class ConsoleFormatter(_Formatter):
    """For people: time, level, object, text; tracebacks below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        about = _about(record)
        head = f"{_timestamp(record)[11:23]} {record.levelname:<7} "
        text = "\n".join(filter(None, (record.getMessage(), self._traceback(record))))
        return self._keeper.redact(f"{head}{f'[{about}] ' if about else ''}{text}")


def set_up(keeper: Redacts, *, form: str, level: str, stream: TextIO | None = None) -> None:
    """Send every logger's records, warnings and uncaught exceptions, redacted, to standard error."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter((JsonFormatter if form == "json" else ConsoleFormatter)(keeper))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):
        logging.getLogger(__name__).critical(
            "An error that nothing handles", exc_info=(kind, error or kind(), traceback)
        )


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _about(record: logging.LogRecord) -> str:
    about: ObjectKey | str | None = vars(record).get("object") or current_object.get()
    return str(about) if about else ""
