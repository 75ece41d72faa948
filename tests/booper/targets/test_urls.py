"""A URL has one canonical spelling or is refused, and the message says what to write instead."""

import json
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booper.targets.urls import MAX_URL_LENGTH, InvalidTarget, Target, parse, with_query

HOSTILE_URLS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("hostile_urls.json").read_text())
LOOPBACK = ("127.0.0.0/8", "::1/128")


def refusal(url: str, *, allow_http: bool = True, allowed_networks: tuple[str, ...] = ()) -> InvalidTarget:
    with pytest.raises(InvalidTarget) as caught:
        parse(url, allow_http=allow_http, allowed_networks=allowed_networks)
    return caught.value


def judgement(url: str) -> str:
    try:
        parse(url, allow_http=True)
    except InvalidTarget as error:
        return error.kind
    return "allowed"


@pytest.mark.parametrize("row", HOSTILE_URLS, ids=lambda row: row["why"])
def test_the_hostile_table_is_judged_as_far_as_a_url_alone_tells(row: dict[str, Any]) -> None:
    # A name that leads to a blocked address is refused when it is dialled.
    is_for_the_dial = row["expected"] == "blocked" and "dns" in row and not row["why"].startswith("non-HTTP port")
    assert judgement(row["url"]) == ("allowed" if is_for_the_dial else row["expected"])


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Hooks.Customer.COM:443/", "https://hooks.customer.com/"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com.:8443/", "https://example.com:8443/"),
        ("https://example.com?a=b", "https://example.com/?a=b"),
        ("https://example.com/a#b?c", "https://example.com/a"),
        ("https://example.com/a?b#c", "https://example.com/a?b"),
        ("https://example.com#", "https://example.com/"),
        ("https://example.com/a/../b/./%2e%2E//c?", "https://example.com/a/../b/./%2e%2E//c?"),
        (
            "https://example.com/%7Ea%2f;a=(b)*!$,'~?/?:@&+%2F%aB",
            "https://example.com/%7Ea%2f;a=(b)*!$,'~?/?:@&+%2F%aB",
        ),
        ('https://example.com/{x}|^`"<>[]', "https://example.com/%7Bx%7D%7C%5E%60%22%3C%3E%5B%5D"),
        ('https://example.com/?{x}|^`"<>[]', "https://example.com/?%7Bx%7D%7C%5E%60%22%3C%3E%5B%5D"),
        ("https://example.com/100%?a=%zz&b=%4", "https://example.com/100%25?a=%25zz&b=%254"),
        ("https://example.com/ä/日本?q=ü", "https://example.com/%C3%A4/%E6%97%A5%E6%9C%AC?q=%C3%BC"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://日本語。jp/", "https://xn--wgv71a119e.jp/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://XN--Bcher-KVA.example/", "https://xn--bcher-kva.example/"),
        ("https://my_bucket.example.com/", "https://my_bucket.example.com/"),
        ("https://r3---sn-abc.example.com/", "https://r3---sn-abc.example.com/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://\uff18.\uff18.\uff18.\uff18/", "https://8.8.8.8/"),
        ("https://[2606:4700:0:0::1111]:444/", "https://[2606:4700::1111]:444/"),
        ("https://[2606:4700::1111]", "https://[2606:4700::1111]/"),
    ],
)
def test_the_canonical_spelling_changes_the_host_and_nothing_behind_it(url: str, canonical: str) -> None:
    assert parse(url, allow_http=True).url == canonical
    assert parse(canonical, allow_http=True).url == canonical


@pytest.mark.parametrize("reference", ["{{secret:API_KEY}}", "{{{{"])
def test_what_is_put_in_later_is_escaped_then(reference: str) -> None:
    url = f"https://example.com/{reference}|?q={reference}"
    assert parse(url, allow_http=False, keep_references=True).url == url.replace("|", "%7C")
    assert "{" not in parse(url, allow_http=False).url


def test_a_target_names_host_and_port() -> None:
    assert parse("https://Example.com/x", allow_http=False) == Target(
        url="https://example.com/x", scheme="https", host="example.com", port=443, address=None, path="/x"
    )
    literal = parse("http://[2606:4700::1111]:8080/", allow_http=True)
    assert (literal.host, literal.port, str(literal.address)) == ("2606:4700::1111", 8080, "2606:4700::1111")
    assert parse("http://example.com/", allow_http=True).port == 80


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "begin it with https://"),
        ("", "begin it with https://"),
        ("https:///path", "the URL has no host"),
        ("https://./", "the URL has no host"),
        ("https://a..example.com/", "is not a DNS name"),
        ("https://-a.example.com/", "no hyphen at either end"),
        ("https://a-.example.com/", "no hyphen at either end"),
        ("https://" + "a" * 64 + ".example.com/", "1 to 63 letters"),
        ("https://" + "a." * 126 + "example/", "at most 253"),
        ("https://exa mple.com/", "' ' at position 11"),
        ("https://example.com/a b", "percent-encode spaces"),
        ("https://example.com/\x7f", r"'\\x7f' at position 20"),
        ("https://example.com/\u00a0", r"'\\xa0'"),
        ("https://example.com/\ud800", r"'\\ud800'"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://user@example.com/", "credentials in a header"),
        ("https://:@example.com/", "credentials in a header"),
        ("https://exa%6dple.com/", "percent-encoded"),
        ("https://example.com:/", "the port '' is not a number from 1 to 65535"),
        ("https://example.com:65536/", "the port '65536'"),
        ("https://example.com:0443/", "the port '0443'"),
        ("https://example.com:+443/", r"the port '\+443'"),
        ("https://example.com:\uff14\uff14\uff13/", "the port"),
        ("https://2001:db8::1/", "in brackets"),
        ("https://[2606::1]junk/", "optional :port"),
        ("https://[2606::1/", "optional :port"),
        ("https://[8.8.8.8]/", "is not an IPv6 address"),
        ("https://[fe80::1%25eth0]/", "has a zone"),
        ("https://127.1/", "four decimal numbers"),
        ("https://0x7f000001/", "four decimal numbers"),
        ("https://0177.0.0.1/", "four decimal numbers"),
        ("https://1.2.3.4.5/", "four decimal numbers"),
        ("https://example.0x1/", "four decimal numbers"),
        ("https://℀.example.com/", "is not a DNS name"),
        ("https://a\u2024\u2024b.example.com/", "DNS name|domain name"),
        ("https://xn--\u00fc.example.com/", "internationalised"),
    ],
)
def test_what_is_no_url_is_refused_with_the_remedy(url: str, words: str) -> None:
    with pytest.raises(InvalidTarget, match=words) as caught:
        parse(url, allow_http=True)
    assert caught.value.kind == "invalid"
    assert caught.value.message.isascii()


def test_http_is_refused_unless_the_setting_allows_it() -> None:
    assert parse("http://example.com/", allow_http=True).scheme == "http"
    error = refusal("http://example.com/", allow_http=False)
    assert error.kind == "invalid"
    assert "https://" in error.message


def test_a_url_has_at_most_2048_characters_as_given_and_percent_encoded() -> None:
    longest = "https://example.com/" + "a" * (MAX_URL_LENGTH - 20)
    assert len(parse(longest, allow_http=False).url) == 2048
    assert "2049 characters; at most 2048" in refusal(longest + "a").message
    assert "once percent-encoded" in refusal("https://example.com/" + "ä" * 400).message
    assert parse(longest + "a", allow_http=False, max_length=2049).url == longest + "a"


def test_something_that_is_no_string_is_refused_too() -> None:
    not_text: Any = 12
    assert "not int" in refusal(not_text).message


PRIVATE_NAMES = """
localhost LOCALHOST localhost. foo.localhost postgres redis printer.local metadata.google.internal internal
a.localdomain router.home.arpa nas.lan x.corp x.home x.intranet x.private
"""


@pytest.mark.parametrize("host", PRIVATE_NAMES.split())
def test_a_private_name_is_blocked_early(host: str) -> None:
    error = refusal(f"https://{host}/")
    assert error.kind == "blocked"
    assert "private" in error.message


@pytest.mark.parametrize(
    "host", ["notlocalhost.com", "local.example.com", "internal-api.example.com", "mylan.example.org"]
)
def test_a_name_that_only_resembles_a_private_one_is_taken(host: str) -> None:
    assert parse(f"https://{host}/", allow_http=False).host == host


@pytest.mark.parametrize("host", [*PRIVATE_NAMES.split(), "127.0.0.1", "[::1]", "127.255.255.254"])
def test_where_a_network_is_allowed_a_private_name_is_left_to_its_address(host: str) -> None:
    assert parse(f"http://{host}:3000/", allow_http=True, allowed_networks=LOOPBACK).port == 3000


def test_an_allowed_network_opens_no_other_address() -> None:
    error = refusal("http://10.0.0.1/", allowed_networks=LOOPBACK)
    assert error.kind == "blocked"
    assert error.message == "10.0.0.1 may not be contacted: private network (10.0.0.0/8)"


@pytest.mark.parametrize("port", [22, 25, 110, 445, 2375, 3306, 5432, 5672, 6379, 9092, 11211, 27017])
def test_ports_of_other_protocols_are_blocked_whatever_is_allowed(port: int) -> None:
    for host in ("example.com", "127.0.0.1"):
        error = refusal(f"http://{host}:{port}/", allowed_networks=LOOPBACK)
        assert error.kind == "blocked"
        assert f"port {port}" in error.message


@pytest.mark.parametrize("port", [80, 443, 3000, 5000, 8000, 8080, 8443, 9000, 9200, 65535])
def test_ports_where_http_lives_are_taken(port: int) -> None:
    assert parse(f"http://example.com:{port}/", allow_http=True).port == port


@given(st.text(max_size=60))
def test_any_text_is_parsed_to_a_canonical_ascii_url_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        if judgement(url) != "allowed":
            assert refusal(url).message.isascii()
            continue
        target = parse(url, allow_http=True)
        assert target.url.isascii()
        assert target.url.isprintable()
        assert parse(target.url, allow_http=True) == target
        assert urlsplit(target.url).hostname == target.host


@pytest.mark.parametrize(
    ("url", "query", "expected"),
    [
        ("https://a.example/", {}, "https://a.example/"),
        ("https://a.example/", {"none": None, "empty": [], "nothing": {}}, "https://a.example/"),
        ("https://a.example/x", {"a": 1, "b": "two"}, "https://a.example/x?a=1&b=two"),
        ("https://a.example/x?y=1", {"a": 1}, "https://a.example/x?y=1&a=1"),
        ("https://a.example/x?", {"a": 1}, "https://a.example/x?a=1"),
        ("https://a.example/x?y&", {"a": 1}, "https://a.example/x?y&a=1"),
        ("https://a.example/x#top", {"a": 1}, "https://a.example/x?a=1#top"),
        ("https://a.example/", {"a": [1, 2, "x"]}, "https://a.example/?a=1&a=2&a=x"),
        (
            "https://a.example/",
            {"a": True, "b": False, "c": 1.5, "d": ""},
            "https://a.example/?a=true&b=false&c=1.5&d=",
        ),
        ("https://a.example/", {"a": {"b": "c", "d": {"e": 1}}}, "https://a.example/?a%5Bb%5D=c&a%5Bd%5D%5Be%5D=1"),
        ("https://a.example/", {"a": [{"b": 1}, {"b": 2}]}, "https://a.example/?a%5Bb%5D=1&a%5Bb%5D=2"),
        ("https://a.example/", {"a b&=": "c d+/ü\r\n\0"}, "https://a.example/?a%20b%26%3D=c%20d%2B%2F%C3%BC%0D%0A%00"),
        ("https://a.example/", {"a": "\ud800"}, "https://a.example/?a=%3F"),
    ],
)
def test_a_query_is_appended(url: str, query: dict[str, Any], expected: str) -> None:
    assert with_query(url, query) == expected


def test_a_query_is_appended_up_to_a_length() -> None:
    assert with_query("https://a.example/", {"a": 1, "b": 2}, max_length=26) == "https://a.example/?a=1&b=2"
    with pytest.raises(InvalidTarget, match="more than the 25 characters"):
        with_query("https://a.example/", {"a": 1, "b": 2}, max_length=25)


@pytest.mark.parametrize("key", ["k", "k" * 100_000])
def test_a_query_that_is_too_long_is_read_no_further_than_that(key: str) -> None:
    class Endless(list[int]):
        def __iter__(self) -> Iterator[int]:
            return repeat(1)

    with pytest.raises(InvalidTarget):
        with_query("https://a.example/", {key: {"b": Endless()}}, max_length=8192)


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_a_query_comes_out_of_the_url_as_it_went_in_and_leaves_it_canonical(query: dict[str, str]) -> None:
    url = with_query("https://a.example/x", query)
    assert parse(url, allow_http=False, max_length=len(url)).url == url
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert pairs == list(query.items())


ONLY_WEB = ((80, 80), (443, 443), (8000, 8999))


@pytest.mark.parametrize("port", [80, 443, 8000, 8080, 8999])
def test_ports_that_the_operator_names_are_taken(port: int) -> None:
    assert parse(f"http://example.com:{port}/", allow_http=True, ports=ONLY_WEB).port == port


@pytest.mark.parametrize("port", [81, 444, 7999, 9000, 65535])
def test_all_other_ports_are_blocked_then_and_the_words_say_which_are_taken(port: int) -> None:
    with pytest.raises(InvalidTarget, match="here that is only 80, 443, 8000-8999") as refusal:
        parse(f"http://example.com:{port}/", allow_http=True, ports=ONLY_WEB)
    assert refusal.value.kind == "blocked"


def test_a_range_opens_no_port_of_another_protocol() -> None:
    with pytest.raises(InvalidTarget, match="it is for Redis, not HTTP"):
        parse("http://example.com:6379/", allow_http=True, ports=((1, 65535),))


def test_an_address_of_a_blocked_network_is_refused_at_once() -> None:
    with pytest.raises(InvalidTarget, match="blocked by the operator"):
        parse("https://93.184.216.34/", allow_http=False, blocked_networks=("93.184.216.0/24",))
