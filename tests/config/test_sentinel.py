"""sentinel:// is read as kombu wants it, and what is wrong with one is said without its passwords."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import sentinel

_ACCOUNT = "ada:s%40cret"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("sentinel://a?master=m", "sentinel://a:26379/0"),
        ("sentinel://a/?master=m", "sentinel://a:26379/0"),
        ("sentinel://a:1,b:2/7?master=m", "sentinel://a:1/7;sentinel://b:2/7"),
        (
            f"sentinel://{_ACCOUNT}@a:1,b:2,c/0?master=m",
            f"sentinel://{_ACCOUNT}@a:1/0;sentinel://{_ACCOUNT}@b:2/0;sentinel://{_ACCOUNT}@c:26379/0",
        ),
        ("sentinel://:a,b;c@d/1?master=m", "sentinel://:a,b%3Bc@d:26379/1"),
        ("sentinel://[::1]:5,[::2]/0?master=m", "sentinel://[::1]:5/0;sentinel://[::2]:26379/0"),
    ],
)
def test_each_sentinel_becomes_an_address_of_kombus(url: str, wanted: str) -> None:
    found = sentinel.parse(url)
    assert (found.url, found.master, found.is_encrypted) == (wanted, "m", False)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sentinel://:s3cret@a,b,c/0", "which master"),
        ("sentinel://:s3cret@a/0?master=", "which master"),
        ("sentinel://:s3cret@a,,c/0?master=m", "between commas"),
        ("sentinel://?master=m", "between commas"),
        ("sentinel://:s3cret@a:port/0?master=m", "its port"),
        ("sentinel://:s3cret@a:99999/0?master=m", "its port"),
        ("sentinel://:s3cret@[::1/0?master=m", "its port"),
        ("sentinel://:s3cret@a/zero?master=m", "can't be read"),
        ("sentinel://:s3cret@a;sentinel://:s3cret@b/0?master=m", "can't be read"),
        ("sentinel://:s3cret@a/0?master=m&quorum=2", "quorum is not known"),
    ],
)
def test_what_is_wrong_is_said_with_an_example_and_without_a_password(url: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as refusal:
        sentinel.parse(url)
    assert "s3cret" not in str(refusal.value)
    assert "BROKER_URL" in str(refusal.value)
    assert "?master=" in str(refusal.value)


def test_sentinels_have_an_account_of_their_own() -> None:
    options = sentinel.parse("sentinel://:of-redis@a?master=m").options(username="ada", password="own", tls={})
    assert options["master_name"] == "m"
    assert {"username": "ada", "password": "own"}.items() <= options["sentinel_kwargs"].items()
    assert "ssl" not in options["sentinel_kwargs"]


def test_sentinels_without_one_are_sent_none() -> None:
    options = sentinel.parse("sentinel://:of-redis@a?master=m").options(username="", password="", tls={})
    assert options["sentinel_kwargs"].keys().isdisjoint({"username", "password"})


def test_with_tls_sentinels_are_held_to_what_redis_is_held_to() -> None:
    tls = {"ssl_cert_reqs": 2, "ssl_ca_certs": "/ca.pem"}
    found = sentinel.parse("sentinels://a?master=m")
    assert found.url == "sentinel://a:26379/0"
    assert found.is_encrypted
    options = found.options(username="", password="", tls=tls)
    assert {"ssl": True, **tls}.items() <= options["sentinel_kwargs"].items()
