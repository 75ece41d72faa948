"""Whom a request is counted to at the web's door: a tenant by any key of theirs, everybody else by their address."""

from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.web import callers
from jobs.api import authentication
from jobs.models import ApiKey, User
from jobs.models.api_key import new_token
from tests.api import Api


def of(token: str, address: str = "192.0.2.1") -> str:
    return callers.of({"HTTP_AUTHORIZATION": f"Bearer {token}", "REMOTE_ADDR": address})


def call(open_api: Api, token: str) -> int:
    status: int = open_api.get("/api/jobs", Authorization=f"Bearer {token}").status_code
    return status


def test_all_keys_of_a_tenant_are_one_caller(user: User, other_user: User, open_api: Api) -> None:
    tokens = [ApiKey.issue(user.id)[1], ApiKey.issue(user.id)[1], ApiKey.issue(other_user.id)[1]]
    assert [call(open_api, token) for token in tokens] == [200, 200, 200]
    first, second, of_another = map(of, tokens)
    assert first == second != of_another


@pytest.mark.django_db
def test_guesses_at_keys_are_one_caller_for_each_address(open_api: Api) -> None:
    guesses = [new_token(), new_token(), "sk_nonsense", ""]
    assert [call(open_api, guess) for guess in guesses] == [401, 401, 401, 401]
    assert len({of(guess) for guess in guesses}) == 1
    assert of(guesses[0]) != of(guesses[0], address="192.0.2.2")


def test_a_key_that_was_read_a_while_ago_is_its_tenant_still(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    key, token = ApiKey.issue(user.id)
    authentication.known_keys.put(key.token_hash, key)
    by_tenant = of(token)
    monkeypatch.setattr(authentication.known_keys, "_seconds", 0.0)
    assert authentication.known_keys.get(key.token_hash) is None
    assert of(token) == by_tenant


def test_a_key_that_is_good_no_more_is_its_address(user: User, open_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key, token = ApiKey.issue(user.id)
    assert call(open_api, token) == 200
    by_tenant = of(token)
    # As another process does it, of which this one hears when it reads the key anew.
    ApiKey.objects.filter(id=key.id).delete()
    monkeypatch.setattr(authentication.known_keys, "_seconds", 0.0)
    assert call(open_api, token) == 401
    assert of(token) == of("sk_nonsense") != by_tenant


def test_behind_a_proxy_that_is_trusted_the_address_is_the_clients(settings: Settings) -> None:
    settings.BOOPER_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    one, other = (
        callers.of({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": address})
        for address in ("192.0.2.1", "192.0.2.2")
    )
    assert one != other
