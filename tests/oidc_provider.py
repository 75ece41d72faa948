"""A provider of OpenID Connect on the loopback, which signs in whoever comes, and misbehaves as it is told."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from booper.identity.client import Client

CLIENT_ID, CLIENT_SECRET = "booper", "s3cret of+the client"
ADA = {"sub": "ada-0815", "email": "ada@example.com", "email_verified": True}


@cache
def key(number: int = 0) -> RSAPrivateKey:
    """One of those that this process has made; making one takes a while."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def public(number: int = 0, *, kid: str | None = None) -> dict[str, Any]:
    """As it stands in the set of keys."""
    told: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key(number).public_key(), as_dict=True)
    told = {name: told[name] for name in ("kty", "n", "e")}
    return {**told, "use": "sig", "alg": "RS256", "kid": kid or f"key-{number}"}


def signed(claims: dict[str, Any], number: int = 0, *, algorithm: str = "RS256", kid: str | None = None) -> str:
    headers = {"kid": kid or f"key-{number}"}
    if algorithm == "none":
        return jwt.encode(claims, "", algorithm="none", headers=headers)
    if algorithm == "HS256":
        # The public key, which everybody has, as if it were a secret.
        pem = (
            key(number)
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return _hmac_signed(claims, pem, headers)
    return jwt.encode(claims, key(number), algorithm=algorithm, headers=headers)


def _hmac_signed(claims: dict[str, Any], secret: bytes, headers: dict[str, str]) -> str:
    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part({"alg": "HS256", "typ": "JWT", **headers}) + b"." + part(claims)
    mac = base64.urlsafe_b64encode(hashlib.sha256(secret + body).digest()).rstrip(b"=")
    return (body + b"." + mac).decode()


@dataclass(slots=True)
class Provider:
    """What it says, for a test to change before somebody comes."""

    issuer: str
    person: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    # Of the ID token, beside what it should have; None takes a claim out.
    changes: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signs_with: int = 0
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public(0)])
    tells_email_by_userinfo: bool = False
    userinfo: dict[str, Any] = field(default_factory=dict)
    # Of the discovery document.
    said: dict[str, Any] = field(default_factory=dict)
    # Instead of what is due, by path: a status and a body.
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    hangs_at: set[str] = field(default_factory=set)
    # Whether it shows a page first, with a link that leads back.
    asks: bool = False
    refuses: str = ""
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def client(self, **changes: Any) -> Client:
        fields: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": ("openid", "email"),
            "name": "Our house",
        }
        return Client(**fields | changes)

    def document(self) -> dict[str, Any]:
        places = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "userinfo")}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **places, **self.said}

    def back(self, address: str) -> str:
        """Where it leads a browser that has come to `address`, once somebody has signed in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        if self.refuses:
            return f"{asked['redirect_uri']}?{urlencode({'error': self.refuses, 'state': asked['state']})}"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.forms.append(form)
        scheme, _, given = authorization.partition(" ")
        pair = base64.b64decode(given).decode() if scheme == "Basic" else ":"
        name, secret = (unquote_plus(each) for each in pair.split(":"))
        if (name or form.get("client_id"), secret or form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        begun = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if begun is None or begun["redirect_uri"] != form["redirect_uri"] or begun["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {"token_type": "Bearer", "access_token": "at-secret", "id_token": self.id_token(begun["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        due = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        person = {"sub": self.person["sub"]} if self.tells_email_by_userinfo else self.person
        claims = {name: value for name, value in {**due, **person, **self.changes}.items() if value is not None}
        return signed(claims, self.signs_with, algorithm=self.algorithm)


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        path = self._begin()
        if path == "/authorization" and path not in self.provider.answers:
            back = self.provider.back(self.path)
            if self.provider.asks:
                page = f"<!doctype html><html lang=en><title>Provider</title><a href='{back}'>It is me</a>".encode()
                self._answer(200, page.replace(b"&", b"&amp;"), kind="text/html")
                return
            self._answer(302, b"", location=back)
            return
        known = {"/.well-known/openid-configuration": self.provider.document(), "/keys": {"keys": self.provider.keys}}
        if path == "/userinfo":
            is_ours = self.headers["Authorization"] == "Bearer at-secret"
            known[path] = {**self.provider.person, **self.provider.userinfo} if is_ours else {}
        self._tell(path, 200, known.get(path, {}))

    def do_POST(self) -> None:
        path = self._begin()
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._tell(path, *self.provider.tokens(form, self.headers.get("Authorization", "")))

    def _begin(self) -> str:
        path = urlsplit(self.path).path
        self.provider.asked.append(path)
        if path in self.provider.hangs_at:
            self.provider.is_over.wait(30)
        return path

    def _tell(self, path: str, status: int, told: dict[str, Any]) -> None:
        status, body = self.provider.answers.get(path, (status, json.dumps(told).encode()))
        self._answer(status, body)

    def _answer(self, status: int, body: bytes, *, kind: str = "application/json", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Provider]:
    provider = Provider("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who asks may hang up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
