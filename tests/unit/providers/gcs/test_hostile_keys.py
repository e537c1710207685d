"""Key files whose private key would keep the whole operator busy: OpenSSL tests the primes of what it reads, with all threads waiting."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from wandb_byob.decide.clouds.gcs_key import SigningKey
from wandb_byob.model.errors import Stalled
from wandb_byob.providers.gcs.signing import key_signer

_RSA, _DH = "06092a864886f70d0101010500", "06092a864886f70d010301"
_LARGE, _SMALL = 2**4423 - 1, 2**127 - 1
"""Primes. To see that the larger one is prime takes seconds, and a larger one that is as easy to name, hours."""


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    wide = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([length]) if length < 128 else bytes([0x80 | len(wide)]) + wide) + content


def _integers(*numbers: int) -> bytes:
    return b"".join(_tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers)


def _pem(der: bytes, *, kind: str = "PRIVATE KEY") -> str:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n"


def _rsa(modulus: int, private: int, p: int, q: int, e: int = 65537) -> bytes:
    return _tlv(0x30, _integers(0, modulus, e, private, p, q, private % (p - 1), private % (q - 1), 3))


def _pkcs8(algorithm: bytes, key: bytes) -> bytes:
    return _tlv(0x30, _integers(0) + _tlv(0x30, algorithm) + _tlv(4, key))


def _uneven() -> bytes:
    private = pow(65537, -1, (_LARGE - 1) * (_SMALL - 1))
    return _rsa(_LARGE * _SMALL, private, _LARGE, _SMALL)


def _small_modulus() -> bytes:
    """Return a key whose modulus has a usual size, and whose primes have not."""
    return _rsa((1 << 2047) | 1, 3, _LARGE, _SMALL)


def _large_exponent() -> bytes:
    return _rsa((1 << 2047) | 1, (1 << 100_000) | 1, (1 << 1023) | 1, (1 << 1023) | 3)


def _dh() -> str:
    parameters = _tlv(0x30, _integers(_LARGE, 3))
    return _pem(_pkcs8(bytes.fromhex(_DH) + parameters, _integers(5)))


def _as_rsa(key: bytes) -> str:
    return _pem(_pkcs8(bytes.fromhex(_RSA), key))


@pytest.mark.parametrize(
    "pem",
    [
        _as_rsa(_uneven()),
        _pem(_uneven(), kind="RSA PRIVATE KEY"),
        _as_rsa(_small_modulus()),
        _as_rsa(_large_exponent()),
        _as_rsa(_rsa((1 << 511) | 1, 3, (1 << 255) | 1, (1 << 255) | 3)),
        _dh(),
        _dh().replace("PRIVATE", "RSA PRIVATE"),
        f"{_as_rsa(_uneven())}{_dh()}",
        f"{_pem(_uneven(), kind='RSA PRIVATE KEY')}{_dh()}",
    ],
    ids=["uneven", "PKCS1", "small-modulus", "large-exponent", "short", "DH", "DH-as-RSA", "two", "PKCS1-and-DH"],
)
def test_a_key_that_would_take_long_to_read_is_refused_unread(pem: str) -> None:
    key = SigningKey(email="wandb@example.iam.gserviceaccount.com", private_key=pem)
    with pytest.raises(Stalled, match=r"no RSA key|cannot be read") as refused:
        key_signer(key, named="spec.credentials.secretRef")
    assert "serviceAccount.json" in refused.value.message


def test_sizes_are_seen_before_primes_are_tested() -> None:
    key = SigningKey(email="wandb@example.iam.gserviceaccount.com", private_key=_as_rsa(_uneven()))
    with pytest.raises(Stalled, match="no RSA key of 1024 to 4096 bits"):
        key_signer(key, named="spec.credentials.secretRef")


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_usual_keys_are_used(bits: int, form: serialization.PrivateFormat) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    key = SigningKey(email="wandb@example.iam.gserviceaccount.com", private_key=pem)
    assert key_signer(key, named="spec.credentials.secretRef").email == key.email
