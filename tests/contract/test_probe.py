"""The data-path probe at every site: all is well, it writes only where it may, and it leaves nothing behind."""

from collections import Counter
from dataclasses import replace

import pytest

from contract.results import Behaviour
from contract.site import ORIGIN, PATH, Need, Place, Site
from contract.sites import at
from wandb_byob.decide.probing.probes import CALLS
from wandb_byob.model.checks import Check, CheckName, CheckResult

pytestmark = pytest.mark.behaviour(Behaviour.DATA_PATH)
FOLDER = ".wandb-byob-probe"
WRITES = "PUT|POST|DELETE|PATCH"


def failing(checks: tuple[Check, ...]) -> set[CheckName]:
    """The names of the checks that failed or warn."""
    return {check.name for check in checks if check.result in (CheckResult.FAILED, CheckResult.WARNING)}


def test_healthy(site: Site) -> None:
    """On a bucket as the operator makes it every check of the data path passes, under every declared path for itself."""
    site.look()
    checks = site.probe(paths=("", PATH))
    assert {check.result for check in checks} == {CheckResult.PASSED}
    for path in ("", PATH):
        assert {check.name for check in checks if check.path == path} >= {*CALLS, CheckName.KEY_ENCODING}
    assert {check.path for check in checks if check.name in (CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED)} == {""}


def test_names_are_unique(site: Site) -> None:
    """No two checks have the same name and path, which is the list key of status.checks."""
    site.look()
    checks = site.probe(paths=("", "a", "b"))
    assert max(Counter((check.name, check.path) for check in checks).values()) == 1


@pytest.mark.parametrize("versions", [True, False], ids=["versions", "no versions any more"])
def test_leaves_nothing(site: Site, place: Place, versions: bool) -> None:
    """After a probe the bucket holds exactly what it held before: no object, no version, no mark of a deletion more."""
    site.look()
    if not versions and CheckName.VERSIONING in place.repairs:
        site.take_away(CheckName.VERSIONING)
    site.put(f"{PATH}/run/file.bin", b"theirs")
    before = site.contents()
    checks = site.probe(paths=("", PATH))
    assert site.contents() == before
    assert {check.result for check in checks if check.name is CheckName.CLEAN_UP} == {CheckResult.PASSED}


def test_writes_only_under_declared_paths(site: Site, place: Place) -> None:
    """Every request that writes names a key in the probe's own folder of a declared path."""
    site.look()
    with site.behind() as (proxied, proxy):
        proxied.probe(paths=("teams/a", "teams/b"))
        written = [f"{request.path}?{request.query}" for request in proxy.requests(method=WRITES)]
    assert written
    allowed = (f"teams/a/{FOLDER}/", f"teams/b/{FOLDER}/", f"teams%2Fa%2F{FOLDER}%2F", f"teams%2Fb%2F{FOLDER}%2F")
    assert all(any(folder in target for folder in allowed) for target in written)


def test_no_paths_no_writes(site: Site) -> None:
    """Where no path is declared nothing is written; browsers' preflights are still asked."""
    site.look()
    with site.behind() as (proxied, proxy):
        checks = proxied.probe(paths=())
        assert {request.method for request in proxy.requests()} == {"OPTIONS"}
    found = {check.name: check.result for check in checks}
    assert found[CheckName.PREFLIGHT] is CheckResult.PASSED
    assert found[CheckName.ETAG_EXPOSED] is CheckResult.SKIPPED


def test_signs_the_extra_parameter(site: Site, place: Place) -> None:
    """Signed URLs carry W&B's X-User, and the server takes them."""
    site.look()
    with site.behind() as (proxied, proxy):
        proxied.probe()
        signed = proxy.requests(target=place.wire.signed)
    assert [request.method for request in signed] == ["PUT", "GET", "HEAD"]
    assert all("X-User=" in request.query and request.status in (200, 201) for request in signed)


def test_preflights_ask_as_a_browser(site: Site) -> None:
    """GET, HEAD and PUT are asked for from W&B's origin, PUT with the headers that a browser announces."""
    site.look()
    with site.behind() as (proxied, proxy):
        proxied.probe()
        asked = {
            request.headers["Access-Control-Request-Method"]: request.headers
            for request in proxy.requests(method="OPTIONS")
        }
    assert set(asked) == {"GET", "HEAD", "PUT"}
    assert {headers["Origin"] for headers in asked.values()} == {ORIGIN}
    assert {"content-md5", "content-type"} <= {*asked["PUT"]["Access-Control-Request-Headers"].split(",")}


@at(Need.PREFLIGHT)
def test_every_origin_is_asked(site: Site) -> None:
    """A second origin that CORS does not allow fails the checks, by name."""
    site.look()
    other = "https://other.example.com"
    checks = site.probe(tenant=replace(site.tenant, origins=(ORIGIN, other)))
    assert failing(checks) == {CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}
    assert all(other in check.message for check in checks if check.name in failing(checks))


def test_nobody_signs_for_wandb(site: Site) -> None:
    """Without credentials that sign as W&B does, nothing is tried and nothing is claimed."""
    assert site.probe(data=None) == ()
