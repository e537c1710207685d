"""The guarded transport: it connects only to what was checked, trusts only whom it was told to, and reads no more than it must."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contract.probing import context, failing, new_bucket, one
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import Store
from wandb_byob.decide.connections import Fault as Failed
from wandb_byob.decide.endpoints import Endpoint, Policy, parse_allow_list, parse_endpoint
from wandb_byob.model.checks import CheckName
from wandb_byob.providers import deadline
from wandb_byob.providers.s3 import S3Provider
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import GuardedSession, RetriedTransportError, Timeouts, TransportError

FIELD = "spec.s3Compatible.endpoint"
QUICK = Timeouts(connect=1, read=0.3, reply=0.5)


def policy(url: str, *allowed: str) -> Policy:
    """The policy for an endpoint with an administrator's list."""
    endpoint = parse_endpoint(url, field=FIELD)
    assert isinstance(endpoint, Endpoint)
    return Policy(endpoint=endpoint, allowed=parse_allow_list(allowed), field=FIELD)


def session(url: str, *allowed: str, **given: Any) -> GuardedSession:
    """A session with quick timeouts that trusts the system's authorities."""
    return GuardedSession(policy(url, *allowed), trust=given.pop("verifier", trust(None)), timeouts=QUICK, **given)


def fault_of(found: GuardedSession, url: str) -> Failed:
    """The fault that a GET ends with."""
    with pytest.raises(TransportError) as raised:
        found.request("GET", url)
    assert str(raised.value)
    assert raised.value.why.remedy
    return raised.value.fault


class Rebinding:
    """DNS that answers with an allowed address first and with another one from then on."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections, counts them in its backlog and says nothing; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def accepted(server: socket.socket) -> bool:
    """Whether anybody has connected."""
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_rebinding_is_harmless(versitygw: Store) -> None:
    """The address that was checked is the one connected to: DNS is asked once for a connection, not once more to connect."""
    dns = Rebinding("127.0.0.1", "169.254.169.254")
    url = f"http://store.example.com:{versitygw.port}"
    found = session(url, "store.example.com", resolve=dns)
    assert found.request("GET", f"{url}/health").status == 200
    assert dns.asked == 1


def test_rebound_address_is_refused(versitygw: Store) -> None:
    """A later connection asks DNS anew and is refused when the name has moved to a metadata address, list or not."""
    dns = Rebinding("127.0.0.1", "169.254.169.254")
    url = f"http://store.example.com:{versitygw.port}"
    found = session(url, "store.example.com", "0.0.0.0/0", resolve=dns)
    found.request("GET", f"{url}/health")
    found.close()
    assert fault_of(found, f"{url}/health") is Failed.NOT_ALLOWED


def test_no_packet_to_a_refused_target() -> None:
    """Nothing is sent to an address that is not on the list, not even a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert fault_of(session(url), url) is Failed.NOT_ALLOWED
        assert not accepted(server)


def test_one_bad_address_among_good_refuses_all() -> None:
    """Of several addresses each must be allowed, so that a list of DNS answers hides none."""

    def dns(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.1", "10.0.0.1")]

    url = "http://store.example.com:1"
    assert fault_of(session(url, "127.0.0.0/8", resolve=dns), url) is Failed.NOT_ALLOWED


def test_redirects_are_not_followed(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A redirect is an answer; whoever it leads to is not asked."""
    proxy = faulty(versitygw)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        with proxy.fault(Fault(status=307, headers={"Location": target})):
            reply = session(proxy.endpoint, "127.0.0.1").request("GET", f"{proxy.endpoint}/x")
        assert reply.status == 307
        assert not accepted(elsewhere)


def test_other_host_is_refused() -> None:
    """A session goes to its own endpoint and its subdomains only, whatever URL it is given."""
    assert fault_of(session("http://a.example.com", "127.0.0.0/8"), "http://127.0.0.1:1/") is Failed.NOT_ALLOWED


def test_boto3_goes_the_same_way(versitygw: Store) -> None:
    """A client that the session is attached to makes no connection of its own, and is refused alike."""
    dns = Rebinding("127.0.0.1", "10.0.0.1")
    url = f"http://store.example.com:{versitygw.port}"
    found = session(url, "store.example.com", "127.0.0.1", resolve=dns)
    client = client_of(versitygw, url, found)
    assert "Buckets" in client.list_buckets()
    assert dns.asked == 1
    client.close()
    forbidden = client_of(versitygw, url, session(url, resolve=Rebinding("10.0.0.1")))
    with pytest.raises(TransportError):
        forbidden.list_buckets()
    forbidden.close()


def client_of(store: Store, url: str, through: GuardedSession) -> Any:
    """A boto3 client whose requests go through a session."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        region_name=store.region,
        aws_access_key_id=store.keys.access_key,
        aws_secret_access_key=store.keys.secret_key,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    handler: Any = through.send
    client.meta.events.register("before-send.s3", handler)
    return client


def test_endless_reply(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A reply without end is given up after 1 MiB."""
    proxy = faulty(versitygw)
    with proxy.fault(Fault(endless=True)):
        assert fault_of(session(proxy.endpoint, "127.0.0.1"), f"{proxy.endpoint}/") is Failed.TOO_LARGE


def test_largest_reply(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """A reply of exactly 1 MiB is read, one byte more is not."""
    proxy = faulty(versitygw)
    found = session(proxy.endpoint, "127.0.0.1")
    with proxy.fault(Fault(status=200, body=b"x" * 1024 * 1024)):
        assert len(found.request("GET", f"{proxy.endpoint}/").body) == 1024 * 1024
    with proxy.fault(Fault(status=200, body=b"x" * (1024 * 1024 + 1))):
        assert fault_of(found, f"{proxy.endpoint}/") is Failed.TOO_LARGE


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(truncate_after=2, status=200, body=b"0123456789"), Failed.TRUNCATED),
        (Fault(reset=True), Failed.RESET),
        (Fault(delay=2), Failed.TIMEOUT),
    ],
)
def test_broken_replies(
    versitygw: Store, faulty: Callable[[Store], FaultyProxy], fault: Fault, expected: Failed
) -> None:
    """What breaks on the way is told apart."""
    proxy = faulty(versitygw)
    with proxy.fault(fault):
        assert fault_of(session(proxy.endpoint, "127.0.0.1"), f"{proxy.endpoint}/") is expected


def test_silent_server(silent: int) -> None:
    """A server that takes the connection and says nothing is given up after the read timeout."""
    url = f"http://127.0.0.1:{silent}"
    started = time.monotonic()
    assert fault_of(session(url, "127.0.0.1"), url) is Failed.TIMEOUT
    assert time.monotonic() - started < 2


@contextmanager
def speaking(*pieces: bytes, pause: float = 0, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on 127.0.0.1 that answers each connection with these bytes, a pause before each; yields its port."""
    stop = threading.Event()

    def serve(server: socket.socket) -> None:
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            try:
                with context.wrap_socket(connection, server_side=True) if context else connection as spoken:
                    spoken.recv(65536)
                    for piece in pieces:
                        if stop.wait(pause):
                            return
                        spoken.sendall(piece)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Endless: "],
    ids=["body", "head"],
)
def test_dripping_reply(head: bytes) -> None:
    """A reply that comes byte by byte is given up when its time is over, though no single read times out."""
    with speaking(head, *(b"x" for _ in range(1000)), pause=0.05) as port:
        url = f"http://127.0.0.1:{port}"
        assert fault_of(session(url, "127.0.0.1"), url) is Failed.TIMEOUT


def test_all_calls_of_a_look_end_together() -> None:
    """A reply that drips gets what is left of the look's time, whatever its own; the call after it is not made any more."""
    with speaking(b"HTTP/1.1 200 OK\r\nX-Endless: ", *(b"x" for _ in range(1000)), pause=0.05) as port:
        url = f"http://127.0.0.1:{port}"
        found = GuardedSession(policy(url, "127.0.0.1"), trust=trust(None))
        started = time.monotonic()
        with deadline.limited(0.5):
            assert fault_of(found, url) is Failed.TIMEOUT
            assert fault_of(found, url) is Failed.LOOK_TIMEOUT
        assert time.monotonic() - started < 2


def test_a_slow_store_is_told_from_one_that_is_away(versitygw: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """Each call is answered, but all together take too long: the probe ends, says so and what it had to leave, and asks no more."""
    proxy = faulty(versitygw)
    bucket = new_bucket(versitygw)
    with proxy.fault(Fault(delay=1.2)), deadline.limited(2 - deadline.PATH_SECONDS):
        started = time.monotonic()
        checks = S3Provider().probe(context(versitygw, bucket, endpoint=proxy.endpoint, allowed=("127.0.0.1",)))
        assert time.monotonic() - started < 5
    assert any("the time which one look at a bucket has was over" in check.message for check in checks)
    assert CheckName.CLEAN_UP in failing(checks)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"220 mail ESMTP\r\n\r\n"])
def test_not_http(answer: bytes) -> None:
    """Something else than an HTTP server is named as such."""
    with speaking(answer) as port:
        url = f"http://127.0.0.1:{port}"
        assert fault_of(session(url, "127.0.0.1"), url) is Failed.NOT_HTTP


def test_headers_that_cannot_be_read_show_no_signature(caplog: pytest.LogCaptureFixture) -> None:
    """What is signed stands in the URL, and urllib3 would quote that for headers that a hostile server has spoilt."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno header at all\r\n\r\n"
    with speaking(answer) as port:
        url = f"http://127.0.0.1:{port}"
        reply = session(url, "127.0.0.1").request("GET", f"{url}/bucket/key?sig=canary-of-a-signature")
    assert reply.status == 200
    assert "canary" not in caplog.text


def test_unknown_name_and_closed_port() -> None:
    """A name that DNS does not know and a port where nothing listens are told apart, and both may be tried again."""

    def dns(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    assert (
        fault_of(session("https://gone.example.com", resolve=dns), "https://gone.example.com/") is Failed.UNKNOWN_HOST
    )
    assert fault_of(session("http://127.0.0.1:1", "127.0.0.1"), "http://127.0.0.1:1/") is Failed.REFUSED
    with pytest.raises(RetriedTransportError):
        session("http://127.0.0.1:1", "127.0.0.1").request("GET", "http://127.0.0.1:1/")


@dataclass(frozen=True)
class Certificate:
    """Files in PEM, and the text of the certificate, which is its own authority."""

    certificate: Path
    key: Path
    pem: str


def certificate(folder: Path, *, host: str = "localhost", days: tuple[int, int] = (-1, 30)) -> Certificate:
    """A self-signed certificate for a host, valid from and until so many days from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    found = Certificate(folder / "tls.crt", folder / "tls.key", pem.decode())
    found.certificate.write_bytes(pem)
    found.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return found


@contextmanager
def tls_before(store: Store, served: Certificate) -> Iterator[str]:
    """TLS with a certificate before a store; yields the endpoint, by name."""
    with FaultyProxy(store.port, certificate=served.certificate, key=served.key) as proxy:
        yield f"https://localhost:{proxy.port}"


def probed(store: Store, endpoint: str, ca_bundle: str | None) -> tuple[set[CheckName], str]:
    """What failed of a probe through TLS, and what TLS says."""
    ctx = context(store, new_bucket(store), endpoint=endpoint, allowed=("localhost",), ca_bundle=ca_bundle)
    checks = S3Provider().probe(ctx)
    failed = failing(checks)
    return failed, one(checks, CheckName.TLS).message if CheckName.TLS in failed else ""


def test_tls_with_the_bundle(versitygw: Store, tmp_path: Path) -> None:
    """A private authority that the bundle names is trusted, for boto3 and signed URLs alike."""
    served = certificate(tmp_path)
    with tls_before(versitygw, served) as endpoint:
        assert probed(versitygw, endpoint, served.pem) == (set(), "")


@pytest.mark.parametrize(
    ("given", "bundled", "words"),
    [
        ({"days": (-30, -1)}, True, "expired"),
        ({"days": (1, 30)}, True, "not valid yet"),
        ({"host": "other.example.com"}, True, "another host name"),
        ({}, False, "authority"),
    ],
    ids=["expired", "not yet", "wrong host", "unknown authority"],
)
def test_bad_certificates(versitygw: Store, tmp_path: Path, given: dict[str, Any], bundled: bool, words: str) -> None:
    """Each way in which a certificate is wrong is named; TLS fails alone and nothing is sent."""
    served = certificate(tmp_path, **given)
    with tls_before(versitygw, served) as endpoint:
        failed, message = probed(versitygw, endpoint, served.pem if bundled else None)
    assert failed == {CheckName.TLS}
    assert words in message


def test_the_environment_trusts_nobody(versitygw: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that change whom SDKs trust, or where they connect, change nothing here."""
    served = certificate(tmp_path)
    for variable in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(served.certificate))
    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    trust.cache_clear()
    with tls_before(versitygw, served) as endpoint:
        assert probed(versitygw, endpoint, None)[0] == {CheckName.TLS}
        assert probed(versitygw, endpoint, served.pem)[0] == set()


def test_bundle_alone_is_trusted(tmp_path: Path) -> None:
    """With a bundle the system's authorities are not trusted besides: one certificate, no more."""
    served = certificate(tmp_path)
    assert len(trust(served.pem).get_ca_certs()) == 1
    assert len(trust(None).get_ca_certs()) > 10


@pytest.mark.parametrize(
    "bundle", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_bundle_without_certificate(bundle: str) -> None:
    """A bundle that holds no certificate is refused, not ignored."""
    with pytest.raises(ValueError, match="no certificate"):
        trust(bundle)


def test_https_to_a_plain_server(versitygw: Store) -> None:
    """Https where the store has no TLS fails TLS with the hint at the scheme."""
    checks = S3Provider().probe(context(versitygw, "bucket", endpoint=f"https://127.0.0.1:{versitygw.port}"))
    assert failing(checks) == {CheckName.TLS}
    assert "does not speak TLS" in one(checks, CheckName.TLS).message


def test_dripping_reply_over_tls(tmp_path: Path) -> None:
    """The time of a reply is over with TLS, too."""
    served = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(served.certificate, served.key)
    with speaking(b"HTTP/1.1 200 OK\r\nX-Endless: ", *(b"x" for _ in range(1000)), pause=0.05, context=server) as port:
        url = f"https://localhost:{port}"
        assert fault_of(session(url, "localhost", verifier=trust(served.pem)), url) is Failed.TIMEOUT


def test_old_tls(tmp_path: Path) -> None:
    """A server that knows no TLS newer than 1.1 fails with the version as the reason."""
    served = certificate(tmp_path)
    context_ = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context_.load_cert_chain(served.certificate, served.key)
    context_.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context_.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context_.maximum_version = ssl.TLSVersion.TLSv1_1
    with speaking(context=context_) as port:
        url = f"https://localhost:{port}"
        assert fault_of(session(url, "localhost", verifier=trust(served.pem)), url) is Failed.TLS_VERSION


def test_ipv6_is_checked_too() -> None:
    """An IPv6 answer that holds a metadata address is refused before any packet."""

    def dns(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("64:ff9b::a9fe:a9fe", port, 0, 0))]

    url = "https://store.example.com"
    assert fault_of(session(url, "store.example.com", "::/0", resolve=dns), url) is Failed.NOT_ALLOWED
