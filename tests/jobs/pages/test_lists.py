"""/queues, /deliveries, /failures, /keys, /secrets, /limits: what they show, do and cost, and to nobody else."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.models import ApiKey, AuditEvent, Delivery, DeliveryState, Job, JobState, Queue, Receiver, Secret, User
from jobs.queues import ids
from tests.admin import make_ended_job
from tests.conftest import Announced
from tests.factories import NOON, make_job

pytestmark = pytest.mark.django_db

ATTACK = "</script><script>window.attacked = 1</script>\u202e"
PATHS = (
    "/home",
    "/jobs",
    "/schedules",
    "/queues",
    "/deliveries",
    "/failures",
    "/calendars",
    "/alerts",
    "/keys",
    "/secrets",
    "/limits",
)


def text_of(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def make_queue(user: User, name: str = "mail") -> Queue:
    return Queue.objects.get(id=ids.ids_of([name], user_id=user.id, now=NOON)[name])


def make_delivery(user: User, **changes: Any) -> Delivery:
    fields: dict[str, Any] = {
        "state": DeliveryState.FAILED, "attempt": 3, "failed_at": NOON, "error_code": "http_status",
        "error_message": "the receiver answered 500", "url": "https://example.com/result",
    }  # fmt: skip
    job = make_ended_job(JobState.COMPLETED)
    common: dict[str, Any] = {"user": user, "job": job, "kind": "callback", "event": "job.result", "body": "{}"}
    return Delivery.objects.create(**common, inserted_at=NOON, due_at=NOON, **fields | changes)


@pytest.mark.parametrize("path", PATHS)
def test_nobody_sees_a_page_without_signing_in(web: Client, path: str) -> None:
    assert web.get(path).headers["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_page_says_what_would_be_there(reader: Client, path: str) -> None:
    assert text_of(reader, path).count("<h1>") == 1


def test_a_queue_shows_how_full_it_is_and_is_changed_in_place(reader: Client, user: User) -> None:
    queue = make_queue(user)
    make_job(args={"queue": "mail"}, queue_id=queue.id)
    assert re.search(r'data-label="waiting">1<', text_of(reader, "/queues"))
    typed = {"name": "mail", "concurrency": "5", "limit": "10", "period": "1 minute"}
    reader.post("/queues/set", typed)
    queue.refresh_from_db()
    assert (queue.concurrency, queue.rate_limit, queue.rate_seconds, queue.paused_at) == (5, 10, 60.0, None)
    reader.post("/queues/set", {**typed, "paused": "on"})
    queue.refresh_from_db()
    assert queue.paused_at is not None
    assert "paused" in text_of(reader, "/queues")
    refused = reader.post("/queues/set", {**typed, "concurrency": "many"}, follow=True)
    assert "Nothing was changed: concurrency" in refused.content.decode()
    assert AuditEvent.objects.filter(action="queue.set").count() == 2


def test_queues_cost_as_much_with_many_as_with_one(
    reader: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("a", "b", "c"):
        make_queue(user, name)
        with django_assert_num_queries(5):
            reader.get("/queues")


def test_a_delivery_is_sent_again(reader: Client, user: User) -> None:
    delivery = make_delivery(user)
    assert "the receiver answered 500" in text_of(reader, "/deliveries?state=failed")
    assert "the receiver answered 500" not in text_of(reader, "/deliveries?state=delivered")
    done = reader.post(f"/deliveries/{delivery.uuid}/resend", follow=True)
    assert "is sent again" in done.content.decode()
    assert Delivery.objects.get().state == DeliveryState.PENDING


def test_a_receiver_that_is_off_is_switched_on(reader: Client, user: User) -> None:
    off = Receiver.objects.create(
        user=user, origin="https://example.com", failing_since=NOON, last_failed_at=NOON, disabled_at=NOON,
        error_code="timeout", error_message="no answer within 10 s",
    )  # fmt: skip
    assert "switched off" in text_of(reader, "/deliveries")
    reader.post(f"/receivers/{off.id}/enable")
    off.refresh_from_db()
    assert off.disabled_at is None


def test_receivers_that_fail_leave_room_for_the_list_and_those_that_are_off_come_first(
    reader: Client, user: User
) -> None:
    for number in range(5):
        off = NOON if number == 4 else None
        failed = NOON - timedelta(minutes=number)
        Receiver.objects.create(
            user=user, origin=f"https://r{number}.example", failing_since=NOON, last_failed_at=failed, disabled_at=off
        )
    page = text_of(reader, "/deliveries")
    shown, _, folded = page.partition("<details>")
    assert "2 that fail besides" in folded
    assert re.findall(r"<code>https://(r\d)", shown) == ["r4", "r0", "r1"]
    assert re.findall(r"<code>https://(r\d)", folded) == ["r2", "r3"]
    assert "None" not in page


def test_failures_stand_together_by_host_and_code(reader: Client, announced: Announced) -> None:
    for _ in range(3):
        make_ended_job(JobState.DISCARDED)
    page = text_of(reader, "/failures")
    assert re.search(r'data-label="discarded"><a href="[^"]+">3<', page)
    line = "state:discarded host:example.com error:http_status"
    assert f'value="{line}"' in page
    reader.post("/jobs/bulk", {"do": "retry-all", "q": line, "confirmed": "1"})
    assert set(Job.objects.values_list("state", flat=True)) == {"retryable"}


def test_failures_cost_as_much_with_many_as_with_few(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make_ended_job(JobState.DISCARDED)
        with django_assert_num_queries(6):
            reader.get("/failures")


def test_a_key_is_shown_once_and_works(reader: Client, user: User) -> None:
    made = reader.post("/keys", {"name": "deploys", "scope": "read"})
    assert made.status_code == 201
    token = re.search(r'<code id="token">(sk_\w+)<', made.content.decode())
    assert token is not None
    assert reader.get("/api/jobs", headers={"Authorization": f"Bearer {token[1]}"}).status_code == 200
    page = text_of(reader, "/keys")
    assert token[1] not in page
    assert "deploys" in page
    key = ApiKey.objects.get(user=user, name="deploys")
    assert reader.post(f"/keys/{key.uuid}/rotate").status_code == 201
    reader.post(f"/keys/{key.uuid}/revoke")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert reader.get("/api-keys").headers["Location"] == "/keys"


def test_a_key_that_makes_no_sense_is_refused_in_words(reader: Client) -> None:
    refused = reader.post("/keys", {"scope": "everything"})
    assert refused.status_code == 400
    assert "scope" in refused.content.decode()
    assert not ApiKey.objects.exists()


def test_a_secret_is_set_and_never_shown(reader: Client, user: User) -> None:
    reader.post("/secrets", {"name": "API_TOKEN", "value": "hunter2!", "hosts": "api.example.com"})
    assert Secret.objects.get().hosts == ["api.example.com"]
    page = text_of(reader, "/secrets")
    assert "API_TOKEN" in page
    assert "hunter2" not in page
    refused = reader.post("/secrets", {"name": "lower", "value": "hunter2!"})
    assert refused.status_code == 400
    assert "hunter2" not in refused.content.decode()
    reader.post("/secrets/API_TOKEN/delete")
    assert not Secret.objects.exists()


def test_limits_say_what_is_used(reader: Client) -> None:
    make_job()
    page = text_of(reader, "/limits")
    assert "waiting_jobs" in page
    assert "5,000,000" in page


def test_a_stranger_sees_nothing_and_does_nothing(reader: Client, stranger: Client, user: User) -> None:
    make_queue(user, "zebra-queue")
    delivery = make_delivery(user)
    off = Receiver.objects.create(
        user=user, origin="https://zebra.example", failing_since=NOON, last_failed_at=NOON, disabled_at=NOON
    )
    make_ended_job(JobState.DISCARDED)
    reader.post("/keys", {"name": "zebra-key"})
    reader.post("/secrets", {"name": "ZEBRA", "value": "v"})
    key = ApiKey.objects.get()
    for path in PATHS:
        assert "zebra" not in text_of(stranger, path).lower(), path
        assert "http_status" not in text_of(stranger, path), path
    for path in (
        f"/deliveries/{delivery.uuid}/resend",
        f"/receivers/{off.id}/enable",
        f"/keys/{key.uuid}/revoke",
        f"/keys/{key.uuid}/rotate",
        "/secrets/ZEBRA/delete",
    ):
        assert stranger.post(path).status_code == 404, path
    assert stranger.post("/queues/set", {"name": "zebra-queue", "paused": "on"}).status_code == 404
    assert not Queue.objects.filter(paused_at__isnull=False).exists()


def test_what_strangers_wrote_stays_text(reader: Client, user: User) -> None:
    delivery = make_delivery(user, error_message=ATTACK, url=f"https://example.com/{ATTACK}")
    Job.objects.filter(deliveries=delivery).update(
        state="discarded", discarded_at=NOON, error_code="x", error_message=ATTACK
    )
    Receiver.objects.create(
        user=user, origin="https://example.com", failing_since=NOON, last_failed_at=NOON, error_message=ATTACK
    )
    reader.post("/keys", {"name": ATTACK})
    for path in PATHS:
        page = text_of(reader, path)
        assert "<script>window" not in page, path
        assert "\u202e" not in page, path


def test_a_nul_is_refused_wherever_it_is_typed(reader: Client, user: User) -> None:
    for path in (*PATHS, "/inbox"):
        assert reader.get(f"{path}?q=a%00b").status_code == 400, path
    for path in ("/jobs/a%00b", "/schedules/a%00b"):
        assert reader.get(path).status_code == 400, path
    for path in (
        "/jobs/new",
        "/jobs/preview",
        "/schedules/new",
        "/keys",
        "/secrets",
        "/queues/set",
        "/sign-in",
        "/jobs/bulk",
    ):
        assert reader.post(path, {"name": "a\x00b", "email": "a\x00b"}).status_code == 400, path
