"""The provider: found by its issuer, asked for a code by way of the browser, and for what the code stands for.

OpenID Connect Core 1.0 and Discovery 1.0: the authorization code flow, with PKCE (RFC 7636).
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from booper.identity import id_token, questions
from booper.identity.client import Client, CodeRefused, Person, ProviderFailed
from booper.identity.id_token import UnknownKey

_KEPT_SECONDS = 3600.0
# How long one that has failed is not asked again where it is, so that nobody waits for it in vain.
_LEFT_ALONE_SECONDS = 5.0
_LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class _Endpoints:
    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str | None
    takes_basic: bool


class Provider:
    """Threads may share it: what two fetch at once is fetched twice, and no worse."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._endpoints: tuple[float, _Endpoints | ProviderFailed] | None = None
        self._keys: tuple[float, list[Any]] | None = None

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser has to go. Raises ProviderFailed."""
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        url = self._found().authorization
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"

    def problem(self) -> str | None:
        """Why nobody can be signed in by it, as far as it tells by itself; None where it answers as it should."""
        try:
            self._known_keys(self._found())
        except ProviderFailed as failure:
            return failure.reason
        return None

    def person(self, *, code: str, verifier: str, nonce: str, redirect_uri: str) -> Person:
        """Who has signed in there. Raises CodeRefused and ProviderFailed."""
        found = self._found()
        answer = self._redeemed(found, code=code, verifier=verifier, redirect_uri=redirect_uri)
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or not token.isascii():
            raise ProviderFailed("it has sent no ID token: is `openid` among the scopes?")
        said = self._claims(token, found, nonce=nonce)
        person = Person(issuer=found.issuer, subject=said["sub"])
        if "email" in said and "email_verified" in said:
            return _with_email(person, said)
        is_one = isinstance(access_token, str) and access_token.isascii() and access_token.isprintable()
        return replace(person, access_token=access_token) if is_one else person

    def with_email(self, person: Person) -> Person:
        """The same, with the address that its userinfo tells where the ID token told none. Raises ProviderFailed."""
        found = self._found()
        if person.access_token is None or found.userinfo is None:
            return person
        asked = {"Authorization": f"Bearer {person.access_token}"}
        said = self._object(questions.ask(found.userinfo, ca_file=self._client.ca_file, headers=asked), "userinfo")
        if said.get("sub") != person.subject:
            raise ProviderFailed("its userinfo is of somebody else (sub)")
        return _with_email(person, said)

    def _redeemed(self, found: _Endpoints, *, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if found.takes_basic:
            # RFC 6749, section 2.3.1: each is encoded as in a form first.
            pair = f"{quote_plus(self._client.client_id)}:{quote_plus(self._client.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        answer = questions.ask(found.token, ca_file=self._client.ca_file, form=form, headers=headers)
        if answer.status in (400, 401) and _error_of(answer.body) == "invalid_grant":
            raise CodeRefused("the provider takes this code no more")
        return self._object(answer, "token")

    def _claims(self, token: str, found: _Endpoints, *, nonce: str) -> Mapping[str, Any]:
        keys, are_fresh = self._known_keys(found)
        try:
            return id_token.claims(token, keys, issuer=found.issuer, client_id=self._client.client_id, nonce=nonce)
        except UnknownKey:
            if are_fresh:
                raise
        # Keys change, and that of a token made a moment ago may not have been there when they were fetched.
        self._keys = None
        keys, _ = self._known_keys(found)
        return id_token.claims(token, keys, issuer=found.issuer, client_id=self._client.client_id, nonce=nonce)

    def _known_keys(self, found: _Endpoints) -> tuple[list[Any], bool]:
        """The keys, and whether they were fetched only now."""
        known = self._keys
        if known is not None and time.monotonic() - known[0] < _KEPT_SECONDS:
            return known[1], False
        keys = self._object(questions.ask(found.keys, ca_file=self._client.ca_file), "keys").get("keys")
        if not isinstance(keys, list):
            raise ProviderFailed("its keys (jwks_uri) are no set of keys")
        self._keys = (time.monotonic(), keys)
        return keys, True

    def _found(self) -> _Endpoints:
        known, now = self._endpoints, time.monotonic()
        if known is not None and isinstance(known[1], _Endpoints) and now - known[0] < _KEPT_SECONDS:
            return known[1]
        if known is not None and isinstance(known[1], ProviderFailed) and now - known[0] < _LEFT_ALONE_SECONDS:
            raise ProviderFailed(known[1].reason)
        try:
            found = self._discovered()
        except ProviderFailed as failure:
            self._endpoints = (time.monotonic(), failure)
            raise
        self._endpoints = (time.monotonic(), found)
        return found

    def _discovered(self) -> _Endpoints:
        url = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        said = self._object(questions.ask(url, ca_file=self._client.ca_file), "discovery")
        issuer = said.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._client.issuer.rstrip("/"):
            raise ProviderFailed(f"it calls itself {str(issuer)[:200]!r}: write that into BOOPER_OIDC_ISSUER, if it is")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return _Endpoints(
            issuer=issuer,
            authorization=_address(said, "authorization_endpoint"),
            token=_address(said, "token_endpoint"),
            keys=_address(said, "jwks_uri"),
            userinfo=_address(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
            takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
        )

    def _object(self, answer: questions.Answer, what: str) -> Mapping[str, Any]:
        if answer.status != 200:
            raise ProviderFailed(f"it answered {answer.status} to a question for {what}{_named(answer.body)}")
        said = _json(answer.body)
        if not isinstance(said, Mapping):
            raise ProviderFailed(f"it answered no JSON object to a question for {what}")
        return said


@lru_cache(maxsize=4)
def of(client: Client) -> Provider:
    """The one of this process, with what it has fetched."""
    return Provider(client)


def _address(said: Mapping[str, Any], name: str) -> str:
    url = said.get(name)
    if not isinstance(url, str) or not questions.is_taken(url):
        raise ProviderFailed(f"its {name} is no https:// address")
    return url


def _with_email(person: Person, said: Mapping[str, Any]) -> Person:
    email = said.get("email")
    # Letters of other scripts may be lower-cased into ours, and another mailbox's address into somebody's here.
    if not isinstance(email, str) or not (email.isascii() and email.isprintable()) or len(email) > _LONGEST_EMAIL:
        return replace(person, access_token=None)
    # Some write it as a word.
    is_verified = said.get("email_verified") is True or said.get("email_verified") == "true"
    return replace(person, email=email.strip().lower(), is_email_verified=is_verified, access_token=None)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _error_of(body: bytes) -> str:
    """The code of an OAuth error, which is a word; what is none reads as nothing."""
    said = _json(body)
    error = said.get("error") if isinstance(said, Mapping) else None
    return error if isinstance(error, str) and error.isidentifier() and len(error) <= 40 and error.isascii() else ""


def _named(body: bytes) -> str:
    error = _error_of(body)
    return f" ({error})" if error else ""
