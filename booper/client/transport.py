"""The way of one call to the server: the session, the key, the repeats."""

from __future__ import annotations

import ipaddress
import threading
import weakref
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from booper import __version__
from booper.client.answers import Answer, checked
from booper.client.errors import APIError, ConnectionFailed, InvalidCall, NoKey
from booper.client.failures import innermost_reason, may_have_arrived
from booper.client.retries import Retries
from booper.client.settings import API_KEY_VARIABLE, API_URL_VARIABLE
from booper.client.shapes import Filter, Json
from booper.client.spelling import as_text, encoded


class _BearerAuth(AuthBase):
    """The key, as an auth object: requests lets an entry of ~/.netrc replace a plain Authorization header."""

    def __init__(self, api_key: str | None) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._api_key is not None:
            request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request


class Transport:
    """Sends one call to the server: the only place that knows `requests`."""

    def __init__(
        self,
        api_key: str | None,
        *,
        base_url: str,
        timeout_seconds: float,
        session: requests.Session | None,
        retries: Retries,
    ) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._given_session = session
        self._of_this_thread = threading.local()
        # Weak, so that a thread takes its session along when it ends.
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Filter] | None = None,
        body: Any = None,
        is_repeatable: bool = False,
        needs_key: bool = True,
    ) -> Any:
        """The content of `data` in the answer, None for an empty one. Raises a BooperError for everything else."""
        answer = self._answer(method, path, query=query, body=body, is_repeatable=is_repeatable, needs_key=needs_key)
        return None if answer is None else answer.get("data", answer)

    def page(self, path: str, *, query: Mapping[str, Filter]) -> tuple[Any, str | None]:
        """The rows of a list, and the cursor for the next page or None."""
        answer = self._answer("GET", path, query=query, is_repeatable=True) or {}
        return answer.get("data"), answer.get("cursor")

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Filter] | None = None,
        body: Any = None,
        is_repeatable: bool = False,
        needs_key: bool = True,
    ) -> Json | None:
        if needs_key and self._api_key is None:
            raise NoKey(f"api_key: there is none; pass it or set {API_KEY_VARIABLE}")
        url = self.base_url + path
        parameters = {name: as_text(value) for name, value in (query or {}).items() if value is not None}
        content = None if body is None else encoded(body)
        api_key = self._api_key if needs_key else None
        attempt = 0
        while True:
            try:
                return checked(self._send(method, url, parameters=parameters, content=content, api_key=api_key))
            except (ConnectionFailed, APIError) as error:
                wait_seconds = self._retries.wait_seconds(error, attempt=attempt, is_repeatable=is_repeatable)
                if wait_seconds is None:
                    raise
            self._retries.sleep(wait_seconds)
            attempt += 1

    def _send(
        self, method: str, url: str, *, parameters: dict[str, str], content: bytes | None, api_key: str | None
    ) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": f"booper-python/{__version__}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session().request(
                method,
                url,
                params=parameters,
                data=content,
                headers=headers,
                auth=_BearerAuth(api_key),
                timeout=self._timeout_seconds,
                allow_redirects=False,  # the key goes to the server it was meant for and nowhere else
            )
        except requests.RequestException as error:
            message, may = self._what_failed(error, method=method), may_have_arrived(error)
            raise ConnectionFailed(message, may_have_arrived=may) from error
        except UnicodeError as error:
            raise InvalidCall(f"{method} {url}: has characters that can't be sent: {error}") from error
        return Answer.of(response)

    def _what_failed(self, error: requests.RequestException, *, method: str) -> str:
        if isinstance(error, requests.Timeout):
            why = f"no answer within {self._timeout_seconds:g} s"
        else:
            why = innermost_reason(error)
        is_doubtful = method != "GET" and may_have_arrived(error)
        doubt = "; it may have been carried out, look before repeating it" if is_doubtful else ""
        return f"cannot reach {self.base_url}: {why}{doubt}; is Booper running there? {API_URL_VARIABLE} says where"

    def _session(self) -> requests.Session:
        if self._given_session is not None:
            return self._given_session
        session: requests.Session | None = getattr(self._of_this_thread, "session", None)
        if session is None:
            session = self._of_this_thread.session = _new_session(self.base_url)
            with self._lock:
                self._sessions.add(session)
        return session

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()


def _new_session(base_url: str) -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Proxies and private certificate authorities come from the environment, but no proxy leads to this very machine.
    session.trust_env = not _is_loopback(urlsplit(base_url).hostname or "")
    return session


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
