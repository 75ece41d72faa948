"""/in/{token}, /inbox and /api/inbox: what takes anything, who sees it, what it answers, and how much is kept."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from booper.content import signatures
from jobs.guarding import inbox
from jobs.models import AuditEvent, Inbox, InboxRequest, User
from jobs.operating import retention
from tests.api import Api, data_of
from tests.conftest import StoppedClock
from tests.factories import NOON

pytestmark = pytest.mark.django_db

ATTACK = "</script><script>window.attacked = 1</script>"


@pytest.fixture
def address(user: User, stopped_clock: StoppedClock) -> str:
    return f"/in/{inbox.of_user(user.id).token}"


def test_a_token_has_128_bits_and_each_user_has_one(user: User, other_user: User) -> None:
    mine, theirs = inbox.of_user(user.id).token, inbox.of_user(other_user.id).token
    assert len(bytes.fromhex(mine)) == 16
    assert mine != theirs
    assert inbox.of_user(user.id).token == mine


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_any_method_and_any_path_below_is_taken_without_cookie_or_cors(web: Client, address: str, method: str) -> None:
    answer = web.generic(method, f"{address}/a/b?c=d", "hello", content_type="text/plain")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    row = InboxRequest.objects.get()
    assert (row.method, row.path, row.query, bytes(row.body)) == (method, "/a/b", "c=d", b"hello")


def test_it_needs_no_csrf_token(address: str) -> None:
    assert Client(enforce_csrf_checks=True).post(address, {"a": 1}).status_code == 200


def test_a_nul_in_a_path_is_kept_as_what_a_database_takes(web: Client, address: str) -> None:
    assert web.post(f"{address}/a%00b").status_code == 200
    assert InboxRequest.objects.get().path == "/a\ufffdb"


@pytest.mark.parametrize("token", ["0" * 32, "%00" * 32, "x", "a" * 500])
def test_another_token_takes_nothing(web: Client, stopped_clock: StoppedClock, token: str) -> None:
    assert web.post(f"/in/{token}").status_code == 404
    assert not InboxRequest.objects.exists()


def test_bytes_of_any_kind_are_kept_up_to_256_kib(web: Client, api: Api, address: str) -> None:
    web.generic("POST", address, b"\x00\xff" * (200 * 1024), content_type="application/octet-stream")
    row = InboxRequest.objects.get()
    assert row.is_truncated
    assert len(row.body) == 256 * 1024
    [shown] = data_of(api.get("/api/inbox"))
    assert shown["truncated"] is True
    assert shown["body_base64"].startswith("AP8A")


def test_the_last_200_are_kept(web: Client, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_KEPT", 3)
    for number in range(5):
        web.post(f"{address}/{number}")
    assert list(InboxRequest.objects.order_by("id").values_list("path", flat=True)) == ["/2", "/3", "/4"]


def test_what_is_a_day_old_is_neither_shown_nor_kept(
    web: Client, api: Api, user: User, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = inbox.Arrived(method="GET", path="", query="", headers={}, body=b"", address="192.0.2.1")
    inbox.keep(inbox.of_user(user.id), arrived, now=NOON)
    [row] = InboxRequest.objects.all()
    later = row.id.int >> 80
    after = NOON.fromtimestamp(later / 1000, NOON.tzinfo) + timedelta(days=1, minutes=1)
    assert not inbox.requests(user.id, now=after).exists()
    retention.prune(now=after)
    assert not InboxRequest.objects.exists()


def test_it_answers_what_its_owner_chose(reader: Client, address: str) -> None:
    reader.post("/inbox", {"status": "503", "body": '{"$retry_in": 5}', "delay": "1.5"})
    answer = Client().post(address)
    assert (answer.status_code, answer.json()) == (503, {"$retry_in": 5})
    assert answer.headers["Booper-Hold"] == "1500"
    for refused in ({"status": "99"}, {"body": "{"}, {"delay": "11"}):
        said = reader.post("/inbox", refused, follow=True)
        assert "Nothing was changed" in said.content.decode(), refused
    assert Inbox.objects.get().status == 503


def test_the_page_says_whether_it_was_signed(
    reader: Client, user: User, address: str, stopped_clock: StoppedClock
) -> None:
    signed = signatures.signed_headers(
        b'{"a": 1}', secret=user.signing_secret, message_id="m", timestamp=int(NOON.timestamp())
    )
    Client().generic("POST", address, b'{"a": 1}', content_type="application/json", headers=signed)
    assert "signed by you" in reader.get("/inbox").content.decode()
    inbox.clear(user.id)
    Client().post(address)
    assert "not verified" in reader.get("/inbox").content.decode()


def test_what_arrives_stays_text_and_its_secrets_hidden(reader: Client, address: str) -> None:
    Client().generic(
        "POST",
        f"{address}/<script>window",
        ATTACK,
        content_type="text/html",
        headers={"X-It": ATTACK, "Cookie": "a=s3cretvalue"},
    )
    page = reader.get("/inbox").content.decode()
    assert "<script>window" not in page
    assert "s3cretvalue" not in page


def test_a_new_address_ends_the_old_one(reader: Client, api: Api, user: User, address: str) -> None:
    reader.post("/inbox/rotate")
    assert Client().post(address).status_code == 404
    told = data_of(api.post("/api/inbox/rotate"), status=201)["address"]
    assert told.endswith(f"/in/{inbox.of_user(user.id).token}")
    assert data_of(api.get("/api/inbox/address")) == {"address": told}
    assert AuditEvent.objects.filter(action="inbox.rotated").count() == 2


def test_by_the_api_it_is_read_and_emptied_and_is_nobody_elses(
    web: Client, api: Api, other_api: Api, address: str
) -> None:
    web.post(f"{address}/here", '{"a": 1}', content_type="application/json")
    [row] = data_of(api.get("/api/inbox"))
    assert (row["method"], row["path"], row["body"]) == ("POST", "/here", '{"a": 1}')
    assert data_of(api.get(f"/api/inbox/{row['id']}")) == row
    assert data_of(other_api.get("/api/inbox")) == []
    assert other_api.get(f"/api/inbox/{row['id']}").status_code == 404
    assert data_of(other_api.call("DELETE", "/api/inbox")) == {"deleted": 0}
    assert data_of(api.call("DELETE", "/api/inbox")) == {"deleted": 1}


def test_an_address_that_asks_too_often_is_refused(web: Client, address: str, settings: Settings) -> None:
    settings.BOOPER_ANONYMOUS_PER_MINUTE = 2
    codes = [web.post(address).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_the_page_costs_as_much_with_many_as_with_one(
    reader: Client, address: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        Client().post(address)
        with django_assert_num_queries(5):
            reader.get("/inbox")


def test_a_stranger_sees_their_own_alone(reader: Client, stranger: Client, address: str) -> None:
    Client().post(f"{address}/zebra")
    page = stranger.get("/inbox").content.decode()
    assert "zebra" not in page
    assert address not in page
