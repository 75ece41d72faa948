"""Whether an ID token is the provider's, for us, for this sign-in, and now: nothing of it is read before.

OpenID Connect Core 1.0, section 3.1.3.7. Signatures and times are looked at by PyJWT, the one place that knows it.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from booper.identity.client import ProviderFailed

# With keys of two halves alone: neither "none" nor HS256, for which a public key would be the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Two clocks may differ by so much.
_LEEWAY_SECONDS = 60
_MOST_KEYS = 50
# Of a key: with a private part it would be made anew from that, which for some numbers takes for ever.
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")
_LONGEST_SUBJECT = 255

Key = Mapping[str, Any]


class UnknownKey(ProviderFailed):
    """No key of the set has signed it: the provider may have others by now."""


def claims(token: str, keys: Sequence[Key], *, issuer: str, client_id: str, nonce: str) -> Mapping[str, Any]:
    """What it says. Raises ProviderFailed, UnknownKey where other keys might do."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise ProviderFailed("the ID token is none") from None
    algorithm = header.get("alg")
    if algorithm not in _ALGORITHMS:
        raise ProviderFailed("the ID token is signed by an algorithm that is not taken: have it use RS256 or ES256")
    for key in [key for key in keys[:_MOST_KEYS] if _may_have_signed(key, header)]:
        said = _said(token, key, algorithm, issuer=issuer, client_id=client_id)
        if said is not None:
            _check_party(said, client_id=client_id, nonce=nonce)
            return said
    raise UnknownKey("the ID token is signed by none of the provider's keys")


def _may_have_signed(key: Any, header: Mapping[str, Any]) -> bool:
    if not isinstance(key, Mapping) or key.get("kty") != _KINDS[header["alg"][:2]]:
        return False
    is_for_signing = key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]
    return is_for_signing and ("kid" not in header or key.get("kid", header["kid"]) == header["kid"])


def _said(token: str, key: Key, algorithm: str, *, issuer: str, client_id: str) -> dict[str, Any] | None:
    """None where this key has not signed it."""
    try:
        return jwt.decode(
            token,
            jwt.PyJWK({name: key[name] for name in _PUBLIC if name in key}, algorithm),
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"], "enforce_minimum_key_length": True},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError, jwt.PyJWKError):
        return None
    except jwt.InvalidTokenError as error:
        # By its name alone: some messages show the values.
        raise ProviderFailed(f"the ID token can't be believed: {_words(error)}") from None


def _check_party(said: Mapping[str, Any], *, client_id: str, nonce: str) -> None:
    audience, party = said["aud"], said.get("azp")
    if party != client_id and (party is not None or (isinstance(audience, list) and len(audience) > 1)):
        raise ProviderFailed("the ID token is for another client (azp)")
    if not hmac.compare_digest(str(said.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()):
        raise ProviderFailed("the ID token is of another sign-in (nonce)")
    subject = said["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise ProviderFailed("the ID token names nobody (sub)")


def _words(error: jwt.InvalidTokenError) -> str:
    known: dict[type[jwt.InvalidTokenError], str] = {
        jwt.ExpiredSignatureError: "it is over (exp): are both clocks right?",
        jwt.ImmatureSignatureError: "it is of the future (iat, nbf): are both clocks right?",
        jwt.InvalidAudienceError: "it is for another client (aud)",
        jwt.InvalidIssuerError: "it is of another issuer (iss)",
        jwt.MissingRequiredClaimError: "it lacks one of iss, sub, aud, exp and iat",
    }
    return known.get(type(error), type(error).__name__)
