"""Fixtures for all tests: a cluster, object stores and faults. Each is started when the first test asks for it and ends with the session."""

import os
import re
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext

import pytest

from testbed import names, programs, sources, stores
from testbed.addresses import GoParser
from testbed.cluster import Cluster
from testbed.coreweave import CoreWeave, start_coreweave
from testbed.gcs import GoogleCloud, start_gcs
from testbed.proxy import FaultyProxy
from testbed.stores import Azurite, Minio, Store, VersityGW

# What each fixture runs. Built before the first test, in sight and outside its timeout.
_PROGRAMS = {
    "cluster": ("etcd", "kube-apiserver", "kwok"),
    "versitygw": ("versitygw",),
    "coreweave": ("versitygw",),
    "minio": ("minio",),
    "azurite": ("azurite-blob",),
    "fake_gcs": ("fake-gcs-server",),
    "gcs": ("fake-gcs-server",),
    "go_parser": ("addressparse",),
    "demo_folder": ("etcd", "kube-apiserver", "kwok", "helm", "minio", "versitygw"),
}


def _in_sight(config: pytest.Config) -> AbstractContextManager[None]:
    """What is written within goes to the terminal, not into a test's captured output."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    return capture.global_and_fixture_disabled() if capture else nullcontext()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold long tests: files are handed out to processes in this order."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs of the collected tests' fixtures where they are missing."""
    fixtures = {name for item in session.items if isinstance(item, pytest.Function) for name in item.fixturenames}
    if session.config.option.collectonly:
        return
    with _in_sight(session.config):
        for fixture in sorted(fixtures & set(_PROGRAMS)):
            for program in _PROGRAMS[fixture]:
                programs.path(program)


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """No test sees this machine's own cloud credentials, kubeconfig or proxies. Variables about certificate authorities stay: code has to cope."""
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if re.fullmatch(r"(AWS|AZURE|GOOGLE|CLOUDSDK)_(?!.*CA_).*|KUBECONFIG|.*_PROXY", name, re.IGNORECASE):
                environment.delenv(name)
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """One control plane for the session. Where none can be had the test fails: it is never skipped and never mocked."""
    with sources.obtain(tmp_path_factory.mktemp("cluster")) as found:
        with _in_sight(pytestconfig):
            print(f"\ncluster: {found.source}", flush=True)
        yield found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace for this test alone. Its removal is asked for at the end and not waited for."""
    name = cluster.create_namespace(f"test-{uuid.uuid4().hex[:8]}")
    yield name
    cluster.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityGW]:
    """versitygw: real signatures, CORS, preflight, versioning and users; no encryption, public access block or lifecycle."""
    store = stores.start_versitygw(tmp_path_factory.mktemp("versitygw"))
    yield store
    store.stop()


@pytest.fixture(scope="session", autouse=True)
def local_names() -> Iterator[None]:
    """Names below .localhost mean this machine, as a resolver that keeps to RFC 6761 has it; this machine's may not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", names.resolver(socket.getaddrinfo))
        yield


@pytest.fixture(scope="session")
def coreweave(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreWeave]:
    """CoreWeave's stand-in: versitygw with buckets in the host name behind TLS 1.3."""
    place = start_coreweave(tmp_path_factory.mktemp("coreweave"))
    yield place
    place.stop()


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """MinIO's community server: real signatures and policies, no CORS configuration."""
    store = stores.start_minio(tmp_path_factory.mktemp("minio"))
    yield store
    store.stop()


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The server of moto: AWS' whole API (S3, KMS, IAM, STS) without signatures."""
    store = stores.start_moto(tmp_path_factory.mktemp("moto"))
    yield store
    store.stop()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azurite's blob service; the store's keys are the account's name and key."""
    store = stores.start_azurite(tmp_path_factory.mktemp("azurite"))
    yield store
    store.stop()


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """fake-gcs-server: Cloud Storage's JSON API without credentials."""
    store = stores.start_fake_gcs(tmp_path_factory.mktemp("fake-gcs"))
    yield store
    store.stop()


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleCloud]:
    """Google Cloud Storage's stand-in: fake-gcs-server behind accounts, IAM and CORS."""
    place = start_gcs(tmp_path_factory.mktemp("gcs"))
    yield place
    place.stop()


@pytest.fixture
def faulty() -> Iterator[Callable[[Store], FaultyProxy]]:
    """`faulty(store)` puts a proxy before a store for this test: it records every request and breaks those that it is told to."""
    with ExitStack() as proxies:
        yield lambda store: proxies.enter_context(FaultyProxy(store.port, store_authority=store.authority))


@pytest.fixture(scope="session")
def go_parser() -> Iterator[GoParser]:
    """Go's net/url: `go_parser.parse(address)`."""
    with GoParser() as parser:
        yield parser
