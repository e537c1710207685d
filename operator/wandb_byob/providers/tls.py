"""Whom a TLS connection trusts, and why a handshake failed."""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Final

import certifi

from wandb_byob.decide.connections import Fault
from wandb_byob.providers.sockets import TimedTLSSocket

_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
)
# OpenSSL's X509_V_ERR_ codes.
_VERIFY_FAULTS: Final = {
    9: Fault.TLS_NOT_YET_VALID,
    10: Fault.TLS_EXPIRED,
    62: Fault.TLS_WRONG_HOST,
    64: Fault.TLS_WRONG_HOST,
    2: Fault.TLS_UNKNOWN_AUTHORITY,
    18: Fault.TLS_UNKNOWN_AUTHORITY,
    19: Fault.TLS_UNKNOWN_AUTHORITY,
    20: Fault.TLS_UNKNOWN_AUTHORITY,
    21: Fault.TLS_UNKNOWN_AUTHORITY,
}
_REASON_FAULTS: Final = {
    "WRONG_VERSION_NUMBER": Fault.TLS_NOT_SPOKEN,
    "HTTP_REQUEST": Fault.TLS_NOT_SPOKEN,
    "RECORD_LAYER_FAILURE": Fault.TLS_NOT_SPOKEN,
    "UNSUPPORTED_PROTOCOL": Fault.TLS_VERSION,
    "NO_PROTOCOLS_AVAILABLE": Fault.TLS_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": Fault.TLS_VERSION,
}


@lru_cache(maxsize=32)
def trust(ca_bundle: str | None, *, tls13: bool = False) -> ssl.SSLContext:
    """Return what verifies servers: exactly the authorities of a PEM bundle where one is given, else the system's.

    The environment is not consulted: SSL_CERT_FILE and AWS_CA_BUNDLE, set for something else, would change whom the
    operator believes. Contexts are shared, since each holds some hundred certificates. Raises ValueError for a bundle
    without a certificate. `tls13`: speak nothing older than TLS 1.3.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if tls13 else ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TimedTLSSocket
    if ca_bundle is None:
        context.load_verify_locations(cafile=_system_bundle())
        return context
    try:
        context.load_verify_locations(cadata=ca_bundle)
    except (ssl.SSLError, ValueError, TypeError):
        raise ValueError("the CA bundle holds no certificate in PEM form") from None
    return context


def extended(added: str | None) -> str | None:
    """Return the system's authorities and others (PEM), None for the system's alone."""
    return f"{system_authorities()}\n{added}" if added is not None else None


def system_authorities() -> str:
    """Return the system's authorities (PEM), to which others can be added."""
    return Path(_system_bundle()).read_text(encoding="utf-8", errors="replace")


def _system_bundle() -> str:
    built_in = ssl.get_default_verify_paths().openssl_cafile
    return next((path for path in (built_in, *_SYSTEM_BUNDLES) if Path(path).is_file()), certifi.where())


def fault_of_tls(error: ssl.SSLError) -> Fault:
    """Return what is wrong with the server's certificate or protocol."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_FAULTS.get(error.verify_code, Fault.TLS_FAILED)
    if isinstance(error, ssl.SSLEOFError):
        return Fault.RESET
    return _REASON_FAULTS.get(error.reason or "", Fault.TLS_FAILED)
