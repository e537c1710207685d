"""Fixtures of the contract tests."""

import pytest

from contract.coreweave import site_at
from contract.provisioning import Site
from contract.sites import IDS, SITES


@pytest.fixture(params=SITES, ids=IDS)
def site(request: pytest.FixtureRequest) -> Site:
    """Each kind of provider at each store, with a bucket name of its own."""
    kind, store = request.param
    if kind == "CoreWeave":
        return site_at(request.getfixturevalue("coreweave"))
    return Site(kind=kind, store=request.getfixturevalue(store))


@pytest.fixture
def name(site: Site) -> str:
    """The site's key in the tables above."""
    return f"{site.kind}-{site.store.name}"
