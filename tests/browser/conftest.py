"""Fixtures of the browser tests."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from browser.page import visit
from browser.sites import BEFORE, KEY, SITES, Visit, Visited
from contract.site import ORIGIN
from contract.sites import site_of
from testbed import browser


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have a browser before the first test, in sight and outside its timeout."""
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    in_sight: AbstractContextManager[None] = capture.global_and_fixture_disabled() if capture else nullcontext()
    if not session.config.option.collectonly:
        with in_sight:
            taken = browser.path()
            print(f"browser: {browser.version(taken)} ({taken})", flush=True)


@pytest.fixture(params=SITES)
def visited(request: pytest.FixtureRequest) -> Visited:
    """Each kind of provider at each store, with a bucket that the operator has just made there and an object in it."""
    made = Visited(name=request.param, site=site_of(request, request.param))
    made.site.look()
    made.site.put(KEY, BEFORE.encode())
    return made


@pytest.fixture
def open_page(tmp_path: Path) -> Visit:
    """`open_page(visited, origin)`: W&B's page at this origin (by default the instance's host) uses its signed URLs."""
    return lambda visited, origin=ORIGIN: visit(origin, visited.requests(), folder=tmp_path)
