"""Fixtures of the contract tests, and the record of what they showed (results.py)."""

from collections.abc import Collection

import pytest

from contract import results
from contract.results import Alone
from contract.site import Place, Site
from contract.sites import SITES, site_of
from wandb_byob.model.checks import Check, CheckName, CheckResult

pytest_addoption = results.pytest_addoption
pytest_configure = results.pytest_configure
pytest_runtest_setup = results.pytest_runtest_setup


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> Site:
    """Each kind of provider at each server, with a bucket name of its own."""
    return site_of(request, request.param)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """What the site costs and lacks."""
    return SITES[results.site_name(request.node)]


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> Alone:
    """`alone(checks, name)`: exactly this check failed, or warns where none failed, and says what to do; kept for docs/providers.md."""

    def found(checks: Collection[Check], name: CheckName) -> Check:
        wrong = [check for check in checks if check.result in (CheckResult.FAILED, CheckResult.WARNING)]
        assert {check.name for check in wrong} == {name}, wrong
        assert all(check.remedy for check in wrong)
        results.note_failing(request.node, name)
        return wrong[0]

    return found
