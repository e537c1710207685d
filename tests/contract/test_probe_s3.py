"""What the data-path probe costs with the S3 API, and what it does about leftovers there."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from contract.probing import contents, context, new_bucket
from contract.results import Behaviour
from testbed.proxy import FaultyProxy
from testbed.stores import Store
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.clean_up import CleanUp
from wandb_byob.providers.s3 import S3Provider
from wandb_byob.providers.s3.probe import S3Door
from wandb_byob.providers.s3.session import Clients
from wandb_byob.providers.s3.signed import signed_access
from wandb_byob.providers.s3.target import target_of

pytestmark = pytest.mark.behaviour(Behaviour.DATA_PATH)


@pytest.fixture(params=["versitygw", "minio", "moto"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each S3 server in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found


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
