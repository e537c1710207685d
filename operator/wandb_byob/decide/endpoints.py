"""Which endpoints a user may name: https at public addresses, and whatever else the operator's administrator listed.

Two looks at one rule: `refuse_endpoint` at what can be said without DNS, `refuse_addresses` at the addresses that a
connection would really go to. Link-local and metadata addresses are refused in every notation, whatever the list says.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from wandb_byob.decide.ip_addresses import IPAddress, IPNetwork, is_forbidden, is_public

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"(https?)://([^/?#@\\\s%]+)/?", re.IGNORECASE | re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_IN_DNS: Final = "See who answers for that name in the cluster's DNS."
_INTERNAL_SUFFIXES: Final = (".localhost", ".local", ".internal", ".svc", ".cluster.local")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a connection must not be made, and what to do; quotes nothing that could hold a key."""

    message: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where requests go: `host` is lower-case, without brackets and without a dot at the end."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as in a URL; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL without a slash at the end."""
        return f"{self.scheme}://{self.authority}"

    @property
    def address(self) -> IPAddress | None:
        """The address, where the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def parse_endpoint(url: str, *, field: str) -> Endpoint | Refusal:
    """Return the parts of an endpoint URL, or why it is none; `field` is what the user wrote it in."""
    shape = _URL.fullmatch(url) if url.isascii() else None
    if shape is None:
        return _malformed(url, field)
    scheme = shape.group(1).lower()
    parts = _AUTHORITY.fullmatch(shape.group(2).lower())
    if parts is None:
        return _not_a_host(field)
    host = _host(parts.group(1))
    port = int(parts.group(2)) if parts.group(2) else _PORTS[scheme]
    if host is None:
        return _not_a_host(field)
    if not 0 < port < 65536:
        return Refusal(
            message=f"{field} has no valid port.", remedy=f"Write a port from 1 to 65535 in {field}, or leave it out."
        )
    return Endpoint(scheme=scheme, host=host, port=port)


def _malformed(url: str, name: str) -> Refusal:
    if not url.isascii():
        return _not_a_host(name)
    remedy = f"Write http:// or https://, a host and optionally a port in {name}, such as https://s3.example.com:9000."
    if "@" in url:
        return Refusal(
            message=f"{name} holds a user name or a key.",
            remedy=f"Remove it from {name}, put the keys in a Secret and name it in spec.credentials.secretRef.",
        )
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in _PORTS:
        return Refusal(message=f"{name} is not an http or https URL.", remedy=remedy)
    return Refusal(
        message=f"{name} holds more than a host and a port, such as a path, a query or a fragment.", remedy=remedy
    )


def _not_a_host(name: str) -> Refusal:
    return Refusal(
        message=f"{name} has no valid host name or address.",
        remedy=f"Write a DNS name (international names as xn--…), an IPv4 address with four decimal numbers or an IPv6 address in brackets in {name}.",
    )


def _host(text: str) -> str | None:
    """Return the host in its one form; None for what is none, such as an IPv4 address in decimal, octal or hex notation."""
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            return None
    labels = text.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(".".join(labels)))
        except ValueError:
            return None
    name = ".".join(labels)
    return name if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels) else None


@dataclass(frozen=True, kw_only=True)
class AllowList:
    """The administrator's list: hosts and suffixes (`*.`) with their port (None: every port), and networks."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    suffixes: tuple[tuple[str, int | None], ...] = ()
    networks: tuple[IPNetwork, ...] = ()

    def names(self, host: str, port: int) -> bool:
        """Say whether a host is on the list by its name, or by being written as this address."""
        return (
            (host, None) in self.hosts
            or (host, port) in self.hosts
            or any(host.endswith(suffix) and listed in (None, port) for suffix, listed in self.suffixes)
        )

    def covers(self, address: IPAddress) -> bool:
        """Say whether a network on the list holds the address."""
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks if network.version == plain.version)


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """Read `host`, `host:port`, `*.suffix`, an address or a CIDR; raises ValueError that names the wrong entry."""
    hosts: set[tuple[str, int | None]] = set()
    suffixes: list[tuple[str, int | None]] = []
    networks: list[IPNetwork] = []
    for entry in entries:
        text = entry.strip().lower()
        try:
            networks.append(ipaddress.ip_network(text))
            continue
        except ValueError:
            pass
        parts = _AUTHORITY.fullmatch(text.removeprefix("*."))
        host = _host(parts.group(1)) if parts else None
        if parts is None or host is None:
            raise ValueError(
                f"allowedEndpoints: {entry!r} is not a host, host:port, *.suffix, address or CIDR such as 10.0.0.0/8"
            )
        port = int(parts.group(2)) if parts.group(2) else None
        if text.startswith("*."):
            suffixes.append((f".{host}", port))
        else:
            hosts.add((host, port))
    return AllowList(hosts=frozenset(hosts), suffixes=tuple(suffixes), networks=tuple(networks))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the connections of one bucket are held to.

    `trusted`: the operator itself, not a user, chose the host (AWS' or CoreWeave's own), so that a private address
    means a private endpoint in the operator's network. `public`: the host is the cloud's own, at its public name. `field` is what
    the user would edit: where the endpoint stands, or what a public name is made of ("": of nothing). `tls13`: nothing older may be spoken.
    `only`: the addresses of a cloud's metadata server, which are forbidden to everything else; nothing but these is then connected to.
    """

    endpoint: Endpoint
    allowed: AllowList = AllowList()
    field: str
    trusted: bool = False
    public: bool = False
    tls13: bool = False
    only: tuple[IPAddress, ...] = ()


def refuse_endpoint(policy: Policy) -> Refusal | None:
    """Say why the endpoint is refused already for what it is called; None where only its addresses can tell."""
    endpoint = policy.endpoint
    if endpoint.address is not None:
        return refuse_addresses(policy, host=endpoint.host, port=endpoint.port, addresses=(endpoint.address,))
    if policy.allowed.networks:
        return None
    return None if _listed(policy, endpoint.port) else _refuse_name(policy)


def refuse_addresses(policy: Policy, *, host: str, port: int, addresses: Sequence[IPAddress]) -> Refusal | None:
    """Say why a connection to this host must not be made, given all addresses that it has right now."""
    base = policy.endpoint
    if host != base.host and not host.endswith(f".{base.host}"):
        return Refusal(
            message=f"The store at {base.authority} leads to another host, which is never followed.",
            remedy=_IN_DNS if policy.public else f"Name the host that really serves the bucket in {policy.field}.",
        )
    if policy.only:
        return None if {*addresses} <= {*policy.only} else _elsewhere(host)
    if any(is_forbidden(address) for address in addresses):
        return Refusal(
            message=f"{host} is a link-local or metadata address of the network.",
            remedy=_IN_DNS
            if policy.public
            else f"Name the address of an object store in {policy.field}; no setting of the operator allows this one.",
        )
    if _listed(policy, port) or (addresses and all(policy.allowed.covers(address) for address in addresses)):
        return None
    if refusal := _refuse_name(policy):
        return refusal
    if all(is_public(address) or policy.allowed.covers(address) for address in addresses):
        return None
    return _not_listed(policy, f"{host} is not at a public address.")


def _elsewhere(host: str) -> Refusal:
    return Refusal(
        message=f"{host} does not lead to the cloud's metadata server.",
        remedy=_IN_DNS,
    )


def _listed(policy: Policy, port: int) -> bool:
    return policy.trusted or policy.allowed.names(policy.endpoint.host, port)


def _refuse_name(policy: Policy) -> Refusal | None:
    endpoint = policy.endpoint
    if endpoint.address is None and ("." not in endpoint.host or endpoint.host.endswith(_INTERNAL_SUFFIXES)):
        return _not_listed(policy, f"{endpoint.host} is a name inside the cluster or the network.")
    if endpoint.scheme != "https":
        return _not_listed(policy, f"{endpoint.authority} would be used without TLS (http:).")
    return None


def _not_listed(policy: Policy, message: str) -> Refusal:
    return Refusal(
        message=f"{policy.field}: {message}",
        remedy=(
            f"Use an https endpoint at a public address in {policy.field}, or have the operator's administrator add "
            f"{policy.endpoint.authority} to allowedEndpoints (a value of the operator's chart)."
        ),
    )
