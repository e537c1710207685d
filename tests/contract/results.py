"""What the contract tests showed, for docs/providers.md: each test says which behaviour it shows, where it ran, and which check failed alone.

With `--results FILE` the whole run is written down at its end, from all of its processes; report.py makes the page of it.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest

from contract.sites import SITES
from wandb_byob.model.checks import Check, CheckName

Alone = Callable[[Collection[Check], CheckName], Check]
_STORES: Final = ("versitygw", "minio", "moto")
_PROPERTY: Final = "contract"
_FAILING: Final = "fails"


class Behaviour(StrEnum):
    """The rows of the matrix."""

    CREATE = "create"
    CREATE_AGAIN = "create again: a second look writes nothing"
    INTERRUPTED = "an operator that is killed in the middle"
    ADOPT = "adopt and merge"
    REFUSE = "refuse what is not ours"
    OBSERVE = "observe: plan and write nothing"
    DRIFT = "drift and its correction"
    DATA_PATH = "the data path, and nothing is left behind"
    CHECKS = "checks fail in turn, each with its remedy"
    DELETE = "delete only what is ours and empty"
    THROTTLED = "throttling"
    TIMEOUT = "a store that is down, slow or breaks off"
    REGION = "a wrong region"
    KEYS = "a wrong or an expired key"
    PERMISSIONS = "a missing permission is named"
    HOSTILE = "truncated, huge and lying replies"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One test: where it is and what it says, the behaviour and site, why it is not run elsewhere, which checks it has seen fail alone."""

    test: str
    says: str
    passed: bool
    behaviour: str = ""
    site: str = ""
    not_at: dict[str, str]
    failing: tuple[str, ...] = ()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--results FILE`."""
    parser.addoption("--results", type=Path, help="write what the contract tests showed into this file")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks; collect the reports of all processes where they come together."""
    config.addinivalue_line("markers", "behaviour(name): the row of docs/providers.md that a test belongs to")
    config.addinivalue_line("markers", "at(name): the column, where the test has no `site`")
    config.addinivalue_line("markers", "not_at(reasons): where it is not run, and why")
    file = config.getoption("--results")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(file))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the test's report what the page needs."""
    item.user_properties.append((_PROPERTY, _about(item)))


def note_failing(item: pytest.Item, check: CheckName) -> None:
    """Note that a check was seen to fail alone."""
    item.user_properties.append((_FAILING, check.value))


def site_name(item: pytest.Item) -> str:
    """The column that a test belongs to, "" for none."""
    parameters: dict[str, Any] = (
        item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    )
    given = [value for value in parameters.values() if isinstance(value, str)]
    if mark := item.get_closest_marker("at"):
        return str(mark.args[0])
    if chosen := [value for value in given if value in SITES]:
        return chosen[0]
    stores = {*given, *getattr(item, "fixturenames", ())} & set(_STORES)
    return f"S3Compatible-{stores.pop()}" if len(stores) == 1 else ""


def _about(item: pytest.Item) -> dict[str, Any]:
    behaviour, not_at = item.get_closest_marker("behaviour"), item.get_closest_marker("not_at")
    function = getattr(item, "function", None)
    says = (function.__doc__ or function.__name__.removeprefix("test_").replace("_", " ")) if function else ""
    return {
        "test": item.nodeid.partition("[")[0],
        "says": says.strip(),
        "behaviour": str(behaviour.args[0]) if behaviour else "",
        "site": site_name(item),
        "not_at": not_at.args[0] if not_at else {},
    }


class _Collector:
    """Gathers reports, and writes them down at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the report of a test's call, or of a set-up that failed."""
        if report.when == "call" or (report.when == "setup" and not report.passed):
            known: dict[str, Any] = dict(report.user_properties)
            if _PROPERTY in known:
                failing = tuple(str(value) for name, value in report.user_properties if name == _FAILING)
                self._results.append(Result(**known[_PROPERTY], passed=report.passed, failing=failing))

    def pytest_sessionfinish(self) -> None:
        """Write them."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps([asdict(result) for result in self._results], indent=1))


def read(file: Path) -> list[Result]:
    """What a run has written."""
    return [Result(**{**each, "failing": tuple(each["failing"])}) for each in json.loads(file.read_text())]
