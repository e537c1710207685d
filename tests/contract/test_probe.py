"""The data-path probe on real stores: all is well, it costs what it may, and it leaves nothing behind."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contract import probing
from contract.probing import contents, context, failing, new_bucket, one, with_result
from testbed.proxy import FaultyProxy
from testbed.stores import Store
from wandb_byob.decide.probes import CALLS
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.clean_up import CleanUp
from wandb_byob.providers.s3 import S3Provider
from wandb_byob.providers.s3.probe import S3Door
from wandb_byob.providers.s3.session import Clients
from wandb_byob.providers.s3.signed import signed_access
from wandb_byob.providers.s3.target import target_of

STORES = ("versitygw", "minio", "moto")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """Each S3 server in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found


def test_healthy(store: Store) -> None:
    """On a bucket as W&B wants it every check of the data path passes, under every declared path for itself."""
    bucket = new_bucket(store)
    checks = S3Provider().probe(context(store, bucket, paths=("", "teams/a")))
    assert with_result(checks, CheckResult.PASSED) == {check.name for check in checks}
    for path in ("", "teams/a"):
        assert {check.name for check in checks if check.path == path} >= {*CALLS, CheckName.KEY_ENCODING}
    assert {one(checks, name).path for name in (CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED)} == {""}


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
def test_leaves_nothing(store: Store, versioning: str) -> None:
    """After a probe the bucket holds exactly what it held before: no object, no version, no delete marker more."""
    bucket = new_bucket(store, versioning=versioning)
    client = store.client()
    client.put_object(Bucket=bucket, Key="teams/a/run/file.bin", Body=b"theirs")
    client.close()
    before = contents(store, bucket)
    checks = S3Provider().probe(context(store, bucket, paths=("", "teams/a")))
    assert contents(store, bucket) == before
    assert {check.result for check in checks if check.name == CheckName.CLEAN_UP} == {CheckResult.PASSED}


def test_names_are_unique(store: Store) -> None:
    """No two checks have the same name and path, which is the list key of status.checks."""
    checks = S3Provider().probe(context(store, new_bucket(store), paths=("", "a", "b")))
    assert max(Counter((check.name, check.path) for check in checks).values()) == 1


def test_budget(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """Where all is well a path costs PUT, PUT again, GET, HEAD, LIST and DELETE; the bucket GetBucketVersioning and one preflight a method."""
    proxy = faulty(versitygw)
    ctx = context(versitygw, new_bucket(versitygw), paths=("a", "b"), endpoint=proxy.endpoint)
    S3Provider().probe(ctx)
    calls = Counter(request.method for request in proxy.requests())
    assert calls == {"PUT": 4, "GET": 5, "HEAD": 2, "DELETE": 2, "OPTIONS": 3}
    listed = [request for request in proxy.requests(method="GET") if "list-type=2" in request.query]
    assert len(listed) == 2


def test_budget_with_versions(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A bucket with versioning costs one listing of versions more, and three deletions: two versions and the marker."""
    proxy = faulty(versitygw)
    ctx = context(versitygw, new_bucket(versitygw, versioning="Enabled"), endpoint=proxy.endpoint)
    S3Provider().probe(ctx)
    calls = Counter(request.method for request in proxy.requests())
    assert calls == {"PUT": 2, "GET": 3, "HEAD": 1, "DELETE": 4, "OPTIONS": 3}


def test_writes_only_under_declared_paths(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """Every request that writes names a key in the probe's own folder of a declared path."""
    proxy, bucket = faulty(versitygw), new_bucket(versitygw)
    S3Provider().probe(context(versitygw, bucket, paths=("teams/a", "teams/b"), endpoint=proxy.endpoint))
    written = {request.path for request in proxy.requests(method="PUT|DELETE|POST")}
    allowed = tuple(f"/{bucket}/teams/{name}/.wandb-byob-probe/" for name in "ab")
    assert written
    assert all(path.startswith(allowed) for path in written)


def test_no_paths_no_writes(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """Where no path is declared nothing is written; browsers' preflights are still asked."""
    proxy = faulty(versitygw)
    checks = S3Provider().probe(context(versitygw, new_bucket(versitygw), paths=(), endpoint=proxy.endpoint))
    assert {request.method for request in proxy.requests()} == {"OPTIONS"}
    assert one(checks, CheckName.PREFLIGHT).result is CheckResult.PASSED
    assert one(checks, CheckName.ETAG_EXPOSED).result is CheckResult.SKIPPED


def test_signs_the_extra_parameter(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """Signed URLs carry W&B's X-User in what is signed: a store that checks signatures took them."""
    proxy = faulty(versitygw)
    S3Provider().probe(context(versitygw, new_bucket(versitygw), endpoint=proxy.endpoint))
    signed = [request for request in proxy.requests() if "X-Amz-Signature" in request.query]
    assert [request.method for request in signed] == ["PUT", "GET", "HEAD"]
    assert all("X-User=" in request.query and request.status == 200 for request in signed)


def test_preflights_ask_as_a_browser(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """GET, HEAD and PUT are asked for from W&B's origin, PUT with the headers that a browser announces."""
    proxy = faulty(versitygw)
    S3Provider().probe(context(versitygw, new_bucket(versitygw), endpoint=proxy.endpoint))
    asked = {
        request.headers["Access-Control-Request-Method"]: request.headers
        for request in proxy.requests(method="OPTIONS")
    }
    assert set(asked) == {"GET", "HEAD", "PUT"}
    assert {headers["Origin"] for headers in asked.values()} == {probing.ORIGIN}
    assert asked["PUT"]["Access-Control-Request-Headers"] == "content-md5,content-type"


def test_every_origin_is_asked(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A second origin that CORS does not allow fails the checks, by name."""
    proxy, other = faulty(versitygw), "https://other.example.com"
    ctx = context(versitygw, new_bucket(versitygw), endpoint=proxy.endpoint, origins=(probing.ORIGIN, other))
    checks = S3Provider().probe(ctx)
    assert failing(checks) == {CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}
    assert other in one(checks, CheckName.PREFLIGHT).message
    assert other in one(checks, CheckName.ETAG_EXPOSED).message


@contextmanager
def s3_door(look: Context) -> Iterator[S3Door]:
    """The door that a probe goes through."""
    clients, target = Clients(), target_of(look.spec)
    assert look.data is not None
    with clients.open(look, look.data) as client:
        access = signed_access(look, target, look.data)
        yield S3Door(client=client, context=look, target=target, access=access, open_client=clients.open)


@pytest.mark.parametrize("versioning", ["", "Enabled"])
def test_old_leftovers_go(store: Store, versioning: str) -> None:
    """What a probe left that was killed goes with a probe an hour later; until then it may be another's, and stays."""
    bucket, folder = new_bucket(store, versioning=versioning), "teams/a/.wandb-byob-probe/"
    client = store.client()
    for key in (f"{folder}1-abandoned", "teams/a/run/file.bin"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    S3Provider().probe(context(store, bucket))
    assert [key for key, _ in contents(store, bucket)] == [f"{folder}1-abandoned", "teams/a/run/file.bin"]
    client.close()
    with s3_door(context(store, bucket)) as door:
        later = CleanUp(
            folder=folder,
            sweepers=door.sweepers(),
            errors=door.errors,
            now=datetime.now(UTC) + timedelta(hours=2),
        )
        stale = later.stale(door.list(folder).items)
        assert later.delete(stale, keys=frozenset(), uncertain=versioning != "") == ()
    assert [key for key, _ in contents(store, bucket)] == ["teams/a/run/file.bin"]


def test_nobody_signs_for_wandb(versitygw: Store) -> None:
    """Without credentials that sign as W&B does, nothing is tried and nothing is claimed."""
    ctx = replace(context(versitygw, "never-asked-for"), data=None)
    assert S3Provider().probe(ctx) == ()
