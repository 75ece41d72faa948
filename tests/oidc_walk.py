"""What a browser does at signing in by a provider, in tests."""

from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from tests.oidc_provider import Provider


def begin(client: Client, query: str = "") -> str:
    """Where the browser is led to."""
    answer = client.get(f"/sign-in/provider{query}")
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def walk(client: Client, provider: Provider, query: str = "") -> Any:
    """What the page answers that the provider leads back to."""
    return come_back(client, provider.back(begin(client, query)))


def come_back(client: Client, address: str) -> Any:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def is_in(client: Client) -> bool:
    return client.get("/home").status_code == 200


def refused(answer: Any, status: int, words: str) -> bool:
    return answer.status_code == status and words in answer.content.decode()
