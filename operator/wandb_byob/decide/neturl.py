"""How Go's net/url reads a URL: W&B parses storage addresses with it, so only what it accepts is an address.

Python's urllib differs where it matters (it accepts `%zz`, a port of letters, raw spaces), hence this small model of
`url.Parse` and `url.ParseQuery` of Go 1.26 (without the stricter rule for http:); a property test compares it with Go itself.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_UNRESERVED = r"A-Za-z0-9._~\-"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ASCII_ESCAPE = re.compile(r"%(?!25)[0-7][0-9A-Fa-f]")
_USERINFO = re.compile(rf"[{_UNRESERVED}:!$&'()*+,;=%@]*")
_HOST = re.compile(rf"[{_UNRESERVED}!$&'()*+,;=:\[\]<>\"%\u0080-\U0010ffff]*")
_PORT = re.compile(r"(:[0-9]*)?")


class NotAURLError(ValueError):
    """Go's net/url refuses this text; the message is for the user and quotes nothing of it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class URL:
    """The decoded parts of a URL; may hold credentials, so it shows itself nowhere.

    `opaque` is what follows a scheme without a slash (`s3:bucket`); `host` includes the port.
    """

    scheme: str
    user: str
    password: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    fragment: str
    opaque: str = ""


def parse(text: str) -> URL:
    """Return the parts as Go sees them; raises `NotAURLError` where Go returns an error."""
    before, _, fragment = text.partition("#")
    if _CONTROL.search(before):
        raise NotAURLError("it holds a line break or another control character")
    scheme, rest = _split_scheme(before)
    rest, _, raw_query = rest.partition("?")
    user = password = host = opaque = ""
    if not rest.startswith("/"):
        if scheme:
            rest, opaque = "", rest
        elif ":" in rest.partition("/")[0]:
            raise NotAURLError("it does not begin with a scheme such as s3://")
    elif rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        user, password, host = _authority(authority)
    return URL(
        scheme=scheme.lower(),
        user=user,
        password=password,
        host=host,
        path=_unescape(rest),
        query=_query(raw_query),
        fragment=_unescape(fragment),
        opaque=opaque,
    )


def _split_scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise NotAURLError("it does not begin with a scheme such as s3://")
    found = _SCHEME.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def _authority(text: str) -> tuple[str, str, str]:
    userinfo, _, raw_host = text.rpartition("@")
    host = _host(raw_host)
    if not _USERINFO.fullmatch(userinfo):
        raise NotAURLError("a character before the @ is not percent-encoded")
    user, _, password = userinfo.partition(":")
    return _unescape(user), _unescape(password), host


def _host(text: str) -> str:
    if text.rfind("[") > 0:
        raise NotAURLError("its host is not a name, an IPv4 address or an IPv6 address in brackets")
    if text.startswith("["):
        return _ipv6(text)
    if not _PORT.fullmatch(text[text.rindex(":") :] if ":" in text else ""):
        raise NotAURLError("what follows the host's colon is not a port number (is a / of a key not percent-encoded?)")
    return _unescape_host(text)


def _ipv6(text: str) -> str:
    literal, bracket, port = text[1:].rpartition("]")
    if not bracket:
        raise NotAURLError("the ] of its IPv6 address is missing")
    if not _PORT.fullmatch(port):
        raise NotAURLError("what follows its IPv6 address is not a port number")
    plain, percent, zone = literal.partition("%25")
    name = _unescape_host(plain) + (_zone(percent + zone) if percent else "")
    try:
        ipaddress.IPv6Address(name)
    except ValueError as error:
        raise NotAURLError("what stands in brackets is not an IPv6 address") from error
    return f"[{name}]{port}"


def _zone(text: str) -> str:
    decoded = _unescape(text)
    if not _HOST.fullmatch(text) or not _HOST.fullmatch(decoded.replace(" ", "")):
        raise NotAURLError("the zone of its IPv6 address holds a character that no host name has")
    return decoded


def _unescape_host(text: str) -> str:
    if not _HOST.fullmatch(text) or _ASCII_ESCAPE.search(text):
        raise NotAURLError("its host holds a character that no host name has")
    return _unescape(text)


def _query(raw: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in raw.split("&"):
        if ";" in part:
            raise NotAURLError("its parameters are separated by ; and not by &")
        if part:
            key, _, value = part.replace("+", " ").partition("=")
            pairs.append((_unescape(key), _unescape(value)))
    return tuple(pairs)


def _unescape(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise NotAURLError("a % in it is not followed by two hexadecimal digits (a % itself is written %25)")
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
