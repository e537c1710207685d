"""Kinds of addresses, in every notation that an IP address has."""

import ipaddress

import pytest

from wandb_byob.decide.ip_addresses import is_forbidden, is_public


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "169.254.0.1",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b::a83f:8110",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:abcd:1234::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2002:a9fe:a9fe:1::1",
        "2001:0:a9fe:a9fe::1",
        "2001:0:808:808::5601:5601",  # Teredo: the client's address stands inverted at the end
        "2001:4860::5efe:169.254.169.254",
        "2001:4860::200:5efe:169.254.169.254",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
)
def test_forbidden(text: str) -> None:
    """Link-local and metadata addresses are recognised however they are embedded, and are never public as plain ones."""
    assert is_forbidden(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["169.254.169.254", "192.0.0.192", "fe80::1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"])
def test_forbidden_is_not_public(text: str) -> None:
    """A forbidden address is none of the Internet's, either."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001:db8::1",
        "2002:808:808::1",
        "2001:0:808:808::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
    ],
)
def test_neither(text: str) -> None:
    """Loopback, private, reserved and transition addresses need the administrator's list, and may be on it."""
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    assert not is_forbidden(address)


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "52.216.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "2600:1fa0:c000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public(text: str) -> None:
    """Addresses of the Internet are public; so is what NAT64 makes of one in an IPv6-only cluster."""
    address = ipaddress.ip_address(text)
    assert is_public(address)
    assert not is_forbidden(address)
