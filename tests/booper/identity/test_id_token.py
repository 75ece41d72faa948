"""Whatever stands in a token, its head or its key: it is believed or it is not, and nothing else happens."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import algorithms, encode

from booper.identity import id_token
from booper.identity.client import ProviderFailed
from tests import oidc_provider

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    float("inf"),
    float("nan"),
    10**400,
    "x",
    "\ud800",
    "\x00",
    [],
    {},
    [1],
    [[]],
]
KEY_FIELDS = ("kty", "n", "e", "alg", "use", "kid", "d")


def due() -> dict[str, Any]:
    now = int(time.time())
    return {"iss": "i", "aud": "booper", "iat": now, "exp": now + 300, "nonce": "n", "sub": "ada"}


def said(token: str, keys: list[Any]) -> dict[str, Any] | None:
    """None where it is not believed."""
    try:
        return dict(id_token.claims(token, keys, issuer="i", client_id="booper", nonce="n"))
    except ProviderFailed:
        return None


@pytest.mark.parametrize("name", ["sub", "aud", "exp", "iat", "nonce", "azp", "nbf", "jti"])
def test_claims_of_any_kind(name: str) -> None:
    assert said(oidc_provider.signed(due()), [oidc_provider.public()]) is not None
    for value in VALUES:
        found = said(oidc_provider.signed({**due(), name: value}), [oidc_provider.public()])
        assert found is None or (name in ("azp", "nbf", "jti", "exp", "iat", "sub") and found["nonce"] == "n"), value


@pytest.mark.parametrize(
    "head",
    [
        b"[" * 100_000,
        b'{"alg":{}}',
        b'{"alg":"RS256","kid":7}',
        b'{"alg":"RS256","crit":["x"]}',
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_heads_of_any_kind(head: bytes) -> None:
    first = base64.urlsafe_b64encode(head).rstrip(b"=").decode()
    for token in (f"{first}.e30.AAAA", f"{first}..", first, "a.b.c", "é.é.é", "." * 1_000):
        assert said(token, [oidc_provider.public()]) is None


@pytest.mark.parametrize("name", KEY_FIELDS)
def test_keys_of_any_kind(name: str) -> None:
    token = oidc_provider.signed(due())
    for value in VALUES:
        said(token, [value, {**oidc_provider.public(), name: value}, {"kty": "EC", "crv": value}])
        assert said(token, [value, {**oidc_provider.public(), name: value}, oidc_provider.public()]) is not None


@pytest.mark.timeout(60)
def test_a_private_part_is_not_looked_at() -> None:
    # That of `e` and `d` makes 1, of which halves are taken until it is odd.
    key = {**oidc_provider.public(), "e": "AQ", "d": "AQ"}
    assert said(oidc_provider.signed(due()), [key]) is None


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_curves_are_taken(algorithm: str) -> None:
    if algorithm == "ES256":
        curve = ec.generate_private_key(ec.SECP256R1())
        key = algorithms.ECAlgorithm.to_jwk(curve.public_key())
        token = encode(due(), curve, algorithm=algorithm)
    else:
        edwards = ed25519.Ed25519PrivateKey.generate()
        key = algorithms.OKPAlgorithm.to_jwk(edwards.public_key())
        token = encode(due(), edwards, algorithm=algorithm)
    assert said(token, [oidc_provider.public(), json.loads(key)]) is not None


def test_a_key_that_is_too_short_signs_nothing() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    key = json.loads(algorithms.RSAAlgorithm.to_jwk(short.public_key()))
    with pytest.warns(UserWarning, match="bits"):
        token = encode(due(), short, algorithm="RS256")
    assert said(token, [key]) is None
