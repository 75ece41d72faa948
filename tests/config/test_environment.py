"""Environment variables are read, or refused with the words to use instead."""

import ipaddress
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from booper.services import schemas
from booper.targets.proxies import Proxy
from config import environment

Set = Callable[[str], None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Set:
    def set_variable(value: str) -> None:
        monkeypatch.setenv("SOME_SETTING", value)

    monkeypatch.delenv("SOME_SETTING", raising=False)
    return set_variable


def test_a_variable_that_is_not_set_or_empty_takes_the_default(given: Set) -> None:
    for _ in range(2):
        assert environment.text("SOME_SETTING", "otherwise") == "otherwise"
        assert environment.boolean("SOME_SETTING", True) is True
        assert environment.integer("SOME_SETTING", 7, 1, 9) == 7
        assert environment.seconds("SOME_SETTING", 1.5) == 1.5
        assert environment.names("SOME_SETTING", ["a", "b"]) == ("a", "b")
        assert environment.networks("SOME_SETTING", ["::1/128"]) == (ipaddress.ip_network("::1/128"),)
        given("  ")


@pytest.mark.parametrize("value", ["true", "Yes", "ON", "1", " true "])
def test_words_for_true(given: Set, value: str) -> None:
    given(value)
    assert environment.boolean("SOME_SETTING", False) is True


@pytest.mark.parametrize("value", ["false", "No", "OFF", "0"])
def test_words_for_false(given: Set, value: str) -> None:
    given(value)
    assert environment.boolean("SOME_SETTING", True) is False


@pytest.mark.parametrize("value", ["yes please", "y", "2", "tru", "nein"])
def test_any_other_word_stops_the_boot_with_the_words_to_use(given: Set, value: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match=rf"^SOME_SETTING is '{value}': write true or false"):
        environment.boolean("SOME_SETTING", False)


def test_whole_numbers_include_their_bounds(given: Set) -> None:
    for value in ("1", "65535"):
        given(value)
        assert environment.integer("SOME_SETTING", 80, minimum=1, maximum=65535) == int(value)


@pytest.mark.parametrize("value", ["0", "65536", "8000.0", "1_000", "٣", "0x50", "1e3", "eight", "9" * 5000])
def test_a_number_that_is_none_or_out_of_bounds_is_refused_with_the_bounds(given: Set, value: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match="write a whole number of at least 1 and of at most 65535"):
        environment.integer("SOME_SETTING", 80, minimum=1, maximum=65535)


def test_seconds_take_fractions(given: Set) -> None:
    given("0.25")
    assert environment.seconds("SOME_SETTING", 1) == 0.25


@pytest.mark.parametrize("value", ["30s", "nan", "inf", "-1", "61", "1e1"])
def test_seconds_refuse_units_and_what_is_out_of_bounds(given: Set, value: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match="write a number of seconds, without a unit, of at least 0"):
        environment.seconds("SOME_SETTING", 1, maximum=60)


def test_lists_lose_spaces_and_empty_entries(given: Set) -> None:
    given(" booper.example , ,[::1],")
    assert environment.names("SOME_SETTING") == ("booper.example", "[::1]")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("kafka://ada:secret@host", "SOME_SETTING is 'kafka://...': write one such as redis://host."),
        ("ada:secret@host", "SOME_SETTING is 'no URL': write one such as redis://host."),
    ],
)
def test_a_url_of_another_kind_is_refused_without_its_password(given: Set, value: str, said: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.url("SOME_SETTING", "", schemes=["redis"], example="redis://host")
    assert str(refused.value) == said


def test_a_url_is_taken_as_it_is(given: Set) -> None:
    given(" redis://ada:secret@host/1 ")
    assert environment.url("SOME_SETTING", "", schemes=["redis"], example="redis://host") == "redis://ada:secret@host/1"


def test_the_word_none_leaves_no_network(given: Set) -> None:
    given("None")
    assert environment.networks("SOME_SETTING", ["127.0.0.0/8"]) == ()


def test_networks_are_read_as_networks_and_single_addresses(given: Set) -> None:
    given("10.0.0.0/8, ::1/128,192.0.2.7")
    assert [str(network) for network in environment.networks("SOME_SETTING")] == [
        "10.0.0.0/8",
        "::1/128",
        "192.0.2.7/32",
    ]


@pytest.mark.parametrize("value", ["10.0.0.1/8", "localhost", "10.0.0.0/33", "10.0.0.0/8 ::1/128"])
def test_a_network_that_is_none_is_refused_by_its_own_text(given: Set, value: str) -> None:
    given(f"127.0.0.0/8,{value}")
    with pytest.raises(
        ImproperlyConfigured, match=rf"^SOME_SETTING is '{value}': write networks such as 10\.0\.0\.0/8"
    ):
        environment.networks("SOME_SETTING")


def test_ports_are_read_as_a_list_of_ports_and_ranges(given: Set) -> None:
    assert environment.ports("SOME_SETTING") is None
    given(" 8443, 443,8000 - 8100,80, 8050-8200,, 8201")
    assert environment.ports("SOME_SETTING") == ((80, 80), (443, 443), (8000, 8201), (8443, 8443))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("http", "'http' is neither a port from 1 to 65535 nor a range"),
        ("0", "'0' is neither"),
        ("65536", "'65536' is neither"),
        ("90-80", "'90-80' is neither"),
        ("80-", "'80-' is neither"),
        ("80-90-100", "'80-90-100' is neither"),
        ("8_0", "'8_0' is neither"),
        (",", "there is no port in it"),
        ("443,6379", "port 6379 is for Redis, not HTTP, and is never dialled: leave it out"),
    ],
)
def test_ports_that_are_none_or_never_dialled_are_refused_by_name(given: Set, value: str, said: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match=re.escape(said)) as refusal:
        environment.ports("SOME_SETTING")
    assert str(refusal.value).startswith(f"SOME_SETTING is {value!r}: write ports and ranges")
    assert "\n" not in str(refusal.value)


def test_a_proxy_is_read_with_its_user_and_password_and_shown_without(given: Set) -> None:
    assert environment.proxy("SOME_SETTING") is None
    given("http://booper:p%40ss:w%C3%B6rd@proxy.example.com:3128/")
    proxy = environment.proxy("SOME_SETTING")
    assert proxy == Proxy("http", "proxy.example.com", 3128, "booper", "p@ss:wörd")
    assert proxy is not None
    assert "wörd" not in f"{proxy!r} {proxy} {proxy.url}"
    given("socks5://[2001:db8::1]:1080")
    assert environment.proxy("SOME_SETTING") == Proxy("socks5", "2001:db8::1", 1080)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("proxy:3128", "it does not begin with one of http://, socks5://"),
        ("https://u:hunter2@proxy:3128", "it does not begin with"),
        ("socks4://u:hunter2@proxy:3128", "it does not begin with"),
        ("http:u:hunter2@proxy:3128", "it does not begin with"),
        ("http://u:hunter2@proxy", "it has no port"),
        ("http://u:hunter2@proxy:99999", "it has no port"),
        ("http://u:hunter2@proxy:3128/hunter2", "percent-encode"),
        ("http://u:hunter2?@proxy:3128", "it has no port|percent-encode"),
        ("http://u:hunter2@:3128", "it has no host"),
        ("http://u:hunter2@pro xy:3128", "it has no host"),
        ("http://u:hunter2@prôxy:3128", "it has no host"),
        ("http://u:hunter2@[::1:3128", "it is no URL"),
        ("http://u:hunter2@[hunter2]:3128", "it is no URL|no IPv6"),
        ("http://:hunter2@proxy:3128", "it has a password and no user"),
        ("http://u:hunter2%ff@proxy:3128", "UTF-8"),
        ("http://u:hunter2%0a@proxy:3128", "no control characters"),
        ("socks5://u:hunter2" + "x" * 300 + "@proxy:1080", "255 bytes"),
        ("http://u%3a:hunter2@proxy:3128", "has a colon"),
    ],
)
def test_a_proxy_that_is_none_is_refused_and_nothing_of_it_is_shown(given: Set, value: str, said: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match=said) as refusal:
        environment.proxy("SOME_SETTING")
    assert str(refusal.value).startswith("SOME_SETTING is 'no proxy': write one such as http://")
    assert "hunter2" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_choice_is_one_of_its_words_in_any_case(given: Set) -> None:
    given("Fast")
    assert environment.choice("SOME_SETTING", "slow", ["slow", "fast"]) == "fast"
    given("faster")
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING is 'faster': write one of slow, fast"):
        environment.choice("SOME_SETTING", "slow", ["slow", "fast"])


def test_a_relative_data_folder_counts_from_the_current_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOPER_DATA_DIR", "mine/data")
    folder = environment.data_dir(tmp_path / "elsewhere")
    assert folder == tmp_path / "mine" / "data"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_default_data_folder_lies_in_the_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BOOPER_DATA_DIR", raising=False)
    assert environment.data_dir(tmp_path) == tmp_path / ".booper"


def test_a_data_folder_that_cannot_be_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BOOPER_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(ImproperlyConfigured, match=r"BOOPER_DATA_DIR is .*: name a folder that can be written"):
        environment.data_dir(tmp_path)


def test_a_secret_of_ones_own_is_taken_and_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    assert environment.kept_secret("SECRET_KEY", tmp_path) == "mine"
    assert list(tmp_path.iterdir()) == []


def test_a_generated_secret_stays_the_same_and_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SECRET_KEY", "METRICS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        generated = environment.kept_secret(name, tmp_path)
        assert len(generated) >= 50
        assert environment.kept_secret(name, tmp_path) == generated
        assert (tmp_path / name.lower()).stat().st_mode & 0o777 == 0o600
    assert environment.kept_secret("SECRET_KEY", tmp_path) != environment.kept_secret("METRICS_TOKEN", tmp_path)


def test_processes_that_start_at_once_agree_on_one_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.starmap(environment.kept_secret, [("SECRET_KEY", tmp_path)] * 8, chunksize=1))) == 1


def test_a_database_in_a_folder_that_is_open_to_others_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    made, open_to_all = tmp_path / "new.sqlite3", tmp_path / "old.sqlite3"
    for name in ("old.sqlite3", "old.sqlite3-wal", "old.sqlite3-shm"):
        (tmp_path / name).write_text("rows")
        (tmp_path / name).chmod(0o644)
    environment.keep_private(made, folder=tmp_path)
    environment.keep_private(open_to_all, folder=tmp_path)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
        ("new.sqlite3", "old.sqlite3", "old.sqlite3-wal", "old.sqlite3-shm"), 0o600
    )
    assert open_to_all.read_text() == "rows"


def test_a_database_elsewhere_is_left_as_its_owner_has_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    elsewhere.write_text("rows")
    elsewhere.chmod(0o640)
    environment.keep_private(elsewhere, folder=tmp_path / "data")
    assert elsewhere.stat().st_mode & 0o777 == 0o640


def test_encryption_keys_are_made_once_kept_private_and_all_processes_have_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOPER_ENCRYPTION_KEYS", raising=False)
    first = environment.encryption_keys(tmp_path)
    assert [len(key) for key in first] == [32]
    assert environment.encryption_keys(tmp_path) == first
    assert (tmp_path / "encryption_keys").stat().st_mode & 0o777 == 0o600


def test_encryption_keys_are_taken_in_their_order_and_what_is_none_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = environment.new_encryption_key(), environment.new_encryption_key()
    monkeypatch.setenv("BOOPER_ENCRYPTION_KEYS", f"{one}, {other}")
    keys = environment.encryption_keys(tmp_path)
    assert len(set(keys)) == 2
    monkeypatch.setenv("BOOPER_ENCRYPTION_KEYS", other)
    assert environment.encryption_keys(tmp_path) == keys[1:]
    for wrong in (other[:-4], "s3cret", f"{one},*"):
        monkeypatch.setenv("BOOPER_ENCRYPTION_KEYS", wrong)
        with pytest.raises(ImproperlyConfigured, match="new_encryption_key") as refused:
            environment.encryption_keys(tmp_path)
        assert wrong not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("127.0.0.1:8001", ("127.0.0.1", 8001)),
        ("[::]:8001", ("::", 8001)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_to_listen_at(monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, int] | None) -> None:
    monkeypatch.setenv("PROBE_ADDRESS", value)
    assert environment.address("PROBE_ADDRESS") == expected


@pytest.mark.parametrize("value", ["8001", ":8001", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:8001", "a:+x"])
def test_an_address_that_is_none_is_refused_with_one_to_write(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBE_ADDRESS", value)
    with pytest.raises(ImproperlyConfigured, match=r"PROBE_ADDRESS is .*such as 127\.0\.0\.1:8001"):
        environment.address("PROBE_ADDRESS")


def test_services_for_alerts_have_a_host_of_their_own(given: Set) -> None:
    assert environment.alert_services("SOME_SETTING", egress=None) == ()
    given("tgram, POVER")
    proxy = Proxy("http", "proxy.internal", 3128)
    assert environment.alert_services("SOME_SETTING", egress=proxy) == ("tgram", "pover")


@pytest.mark.parametrize(
    ("value", "proxy", "words"),
    [
        ("tgram,json", None, "SOME_SETTING is 'json': its URLs name the host that is called"),
        ("zulip", None, "name the host"),
        ("syslog", None, "https://"),
        ("telegramm", None, "knows no such service"),
        ("tgram", Proxy("socks5", "proxy.internal", 1080), "SOCKS"),
    ],
)
def test_other_services_stop_the_start(given: Set, value: str, proxy: Proxy | None, words: str) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
        environment.alert_services("SOME_SETTING", egress=proxy)


def test_services_without_their_library_say_what_to_install(given: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(schema: str) -> str:
        raise schemas.NotInstalled

    monkeypatch.setattr(schemas, "refusal", missing)
    given("tgram")
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-apprise\.txt"):
        environment.alert_services("SOME_SETTING", egress=None)
