"""The proxy breaks what it is told to, and nothing else."""

import http.client
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from testbed import certificates
from testbed import http as testbed_http
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import VersityGW, s3_client


@pytest.fixture
def proxy(faulty: Callable[[VersityGW], FaultyProxy], versitygw: VersityGW) -> FaultyProxy:
    """A proxy before versitygw, which checks signatures over the Host header."""
    return faulty(versitygw)


@pytest.fixture
def bucket(versitygw: VersityGW) -> str:
    """A bucket with the object `key`, which holds ten bytes."""
    name = f"proxy-{uuid.uuid4().hex[:12]}"
    client = versitygw.client()
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="key", Body=b"0123456789")
    client.close()
    return name


@contextmanager
def _answer(proxy: FaultyProxy, target: str = "/health") -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request("GET", target)
        yield connection.getresponse()
    finally:
        connection.close()


def test_without_a_fault_signed_requests_pass_and_are_recorded(
    proxy: FaultyProxy, versitygw: VersityGW, bucket: str
) -> None:
    client = versitygw.client(endpoint=proxy.endpoint)
    assert client.head_object(Bucket=bucket, Key="key")["ContentLength"] == 10
    assert client.list_objects_v2(Bucket=bucket, Prefix="k")["KeyCount"] == 1
    client.delete_object(Bucket=bucket, Key="key")
    client.close()
    seen = [(each.method, each.path, each.status) for each in proxy.requests()]
    assert seen == [("HEAD", f"/{bucket}/key", 200), ("GET", f"/{bucket}", 200), ("DELETE", f"/{bucket}/key", 204)]
    assert "prefix=k" in proxy.requests(method="GET")[0].query
    assert proxy.requests()[0].headers["Host"] == f"127.0.0.1:{proxy.port}"


def test_a_status_replaces_the_answer_as_often_as_told(proxy: FaultyProxy, versitygw: VersityGW, bucket: str) -> None:
    proxy.add(
        Fault(method="GET", target=f"^/{bucket}/key", times=1, status=503, body=b"<Error><Code>SlowDown</Code></Error>")
    )
    client = versitygw.client(endpoint=proxy.endpoint)
    client.put_object(Bucket=bucket, Key="key", Body=b"new")
    with pytest.raises(ClientError, match="SlowDown"):
        client.get_object(Bucket=bucket, Key="key")
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"new"
    client.close()
    assert [(each.status, each.faulted) for each in proxy.requests()] == [(200, False), (503, True), (200, False)]


def test_a_write_can_happen_although_the_client_is_told_otherwise(
    proxy: FaultyProxy, versitygw: VersityGW, bucket: str
) -> None:
    client = versitygw.client(endpoint=proxy.endpoint)
    with proxy.fault(Fault(method="PUT", status=500, forward_first=True)), pytest.raises(ClientError, match="500"):
        client.put_object(Bucket=bucket, Key="key", Body=b"new")
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"new"
    client.close()


def test_a_reset_ends_the_connection_without_an_answer(proxy: FaultyProxy) -> None:
    with proxy.fault(Fault(reset=True)), pytest.raises(ConnectionResetError), _answer(proxy):
        pass
    assert proxy.requests()[0].status == 0
    with _answer(proxy) as answer:
        assert answer.status == 200


def test_a_truncated_body_is_shorter_than_announced(proxy: FaultyProxy) -> None:
    with (
        proxy.fault(Fault(truncate_after=1)),
        _answer(proxy) as answer,
        pytest.raises(http.client.IncompleteRead) as cut,
    ):
        answer.read()
    assert len(cut.value.partial) == 1


def test_an_endless_body_goes_on_until_the_client_hangs_up(proxy: FaultyProxy) -> None:
    with proxy.fault(Fault(endless=True)), _answer(proxy) as answer:
        assert len(answer.read(5_000_000)) == 5_000_000


def test_a_delay_comes_before_the_answer(proxy: FaultyProxy) -> None:
    start = time.monotonic()
    with proxy.fault(Fault(delay=0.3)), _answer(proxy) as answer:
        assert answer.status == 200
    assert time.monotonic() - start >= 0.3


def test_the_proxy_speaks_tls_where_it_has_a_certificate(versitygw: VersityGW, bucket: str, tmp_path: Path) -> None:
    authority = certificates.Authority(tmp_path)
    pair = authority.issue("proxy")
    with FaultyProxy(versitygw.port, certificate=pair.certificate, key=pair.key) as proxy:
        client = s3_client(proxy.endpoint, versitygw.keys, authority=authority.certificate)
        assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"0123456789"
        client.close()


def test_a_store_that_is_away_is_a_bad_gateway(proxy: FaultyProxy, tmp_path: Path) -> None:
    with FaultyProxy(1) as before_nothing:
        assert testbed_http.request(before_nothing.endpoint).status == 502
