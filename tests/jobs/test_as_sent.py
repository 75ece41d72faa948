"""What clients and targets send goes out as it came in, to the byte, whichever database is underneath."""

import json
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, models

from booper.outcomes.outcome import Outcome, Response
from jobs.delivering import stage
from jobs.models import Delivery, Job, LogEvent, Schedule, sealed_json_field
from jobs.models.exact_json_field import ExactJSONField
from jobs.recurring import schedules
from jobs.running import transitions
from tests.api import Api, data_of
from tests.factories import NOON
from tests.runs import deliver_due, run_due, start_due

URL = "https://example.com/p"
# In no order that a database would choose, and written in no way that a program would.
NUMBERS = (
    '"zz":1,"a":2,"x":1e16,"big":1e308,"neg":-0.0,"minus":-0,"digits":0.1234567890123456789,"tiny":1e-400,'
    '"E":1E+5,"trailing":1.50,"long":123456789012345678901234567890'
)
OBJECT = f'{{{NUMBERS},"inner":[{{{NUMBERS}}}]}}'
QUERY = '{"symbol":"B","side":"S","ts":1,"amount":1e16,"price":1.50}'
HEADERS = '{"X-Zeta":"1","X-Alpha":"2","X-Number":1e16}'
JOB = f'{{"method":"post","url":"{URL}","query":{QUERY},"headers":{HEADERS},"body":{OBJECT}}}'


# Columns of JSON that go out to no target: made by us, or names that are spelt in our way.
OURS = {
    "auditevent.details",
    "job.backoff_seconds",
    "rolledupcount.late",
    "rolledupcount.took",
    "schedule.backoff_seconds",
    "secret.hosts",
    "tally.counts",
    "tally.exemplars",
    "tally.gauges",
    "user.limits",
    "user.retired_secrets",
}


@pytest.mark.django_db
def test_no_column_holds_what_others_sent_in_a_type_that_rewrites_it():
    for model in apps.get_app_config("jobs").get_models():
        for field in model._meta.concrete_fields:
            kind = field.db_type(connection)
            name = f"{model._meta.model_name}.{field.name}"
            assert isinstance(field, models.JSONField) == (name in OURS), name
            if isinstance(field, ExactJSONField):
                assert kind == "text", name


@pytest.mark.django_db
def test_the_tables_have_the_types_that_the_models_say():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps JSON as text anyway")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type IN ('json', 'jsonb')"
        )
        found = {row[0].removeprefix("jobs_") for row in cursor.fetchall()}
    assert found == OURS


def the_request():
    [started] = start_due(uuid4(), now=NOON)
    assert started.request is not None
    return started.request


def check_sent(request):
    assert request.body == OBJECT.encode()
    assert request.url == f"{URL}?symbol=B&side=S&ts=1&amount=1e16&price=1.50"
    assert request.headers[:3] == (("X-Zeta", "1"), ("X-Alpha", "2"), ("X-Number", "1e16"))


def test_a_job_goes_out_as_it_came_in(api: Api):
    data_of(api.post("/api/jobs", JOB), status=201)
    check_sent(the_request())


def test_a_job_of_a_batch_goes_out_as_it_came_in(api: Api):
    data_of(api.post("/api/jobs/batch", f'{{"jobs":[{JOB}]}}'), status=201)
    check_sent(the_request())


def test_a_changed_job_goes_out_as_it_came_in(api: Api):
    job = data_of(api.post("/api/jobs", {"method": "post", "url": URL, "schedule_in": 60}), status=201)
    data_of(api.patch(f"/api/jobs/{job['job_id']}", JOB[:-1] + ',"schedule_in":0}'))
    check_sent(the_request())


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs/batch"])
def test_the_runs_of_a_schedule_go_out_as_they_came_in(api: Api, path):
    job = JOB[:-1] + ',"repeat_every":[1.50,"hours"],"include_metadata":false}'
    data_of(api.post(path, job if path == "/api/jobs" else f'{{"jobs":[{job}]}}'), status=201)
    check_sent(the_request())
    assert OBJECT.encode() in api.get("/api/schedules").content


def test_all_that_is_shown_of_a_job_is_as_it_came_in(api: Api):
    created = api.post("/api/jobs", JOB)
    number = data_of(created, status=201)["job_id"]
    answer = f'{{"got":{OBJECT}}}'
    run_due(Outcome(Response(200, (), answer.encode(), truncated=False), None, 1))
    for response in (created, api.get(f"/api/jobs/{number}"), api.get("/api/jobs")):
        assert f'"args":{JOB}'.encode() in response.content
    for response in (api.get("/api/logs"), api.get(f"/api/jobs/{number}/timeline")):
        assert f'"query":{QUERY}'.encode() in response.content
        assert f'"body":{OBJECT}'.encode() in response.content
        assert f'"body":{answer}'.encode() in response.content


def test_an_echo_and_a_preview_show_it_as_it_came_in(api: Api):
    assert OBJECT.encode() in api.post("/api/echo", OBJECT).content
    assert f'"body":{OBJECT}'.encode() in api.post("/api/preview", JOB).content


def test_callbacks_and_webhooks_have_it_as_it_came_in(api: Api):
    urls = '"callback_url":"https://example.com/c","webhook_url":"https://example.com/w"'
    data_of(api.post("/api/jobs", f"{JOB[:-1]},{urls}}}"), status=201)
    run_due(Outcome(Response(200, (), OBJECT.encode(), truncated=False), None, 1))
    deliver_due()
    bodies = {row.event: row.body for row in Delivery.objects.all()}
    for event in ("job.result", "job.request", "job.response"):
        assert f'"body":{OBJECT}' in bodies[event]
    shown = Delivery.objects.get(event="job.result")
    assert f'"body":{OBJECT}'.encode() in api.get(f"/api/deliveries/{shown.uuid}").content


def test_what_a_target_answered_and_keeps_is_as_it_came_in(api: Api):
    data_of(
        api.post(
            "/api/jobs",
            {"method": "post", "url": URL, "body": {"p": "$previous.n", "s": "$state.n"}, "repeat_every": [1, "hours"]},
        ),
        status=201,
    )
    answer = f'{{"n":{OBJECT},"$set":{{"n":{OBJECT}}}}}'
    run_due(Outcome(Response(200, (), answer.encode(), truncated=False), None, 1))
    schedule = Schedule.objects.get()
    transitions.run_now(Job.objects.get(is_upcoming=True), now=NOON)
    schedules.trigger(schedule, now=NOON)
    body = the_request().body
    assert body is not None
    assert body.startswith(f'{{"p":{OBJECT},"s":{OBJECT},'.encode())
    assert f'"$previous":{answer}'.encode() in body
    assert f'"state":{{"n":{OBJECT}}}'.encode() in api.get("/api/schedules").content


def test_a_log_row_is_stored_as_it_is_shown(api: Api):
    data_of(api.post("/api/jobs", JOB), status=201)
    run_due()
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM jobs_logevent WHERE event = 'worker.http.request'")
        [stored] = cursor.fetchone()
    assert f'"body":{OBJECT}' in stored
    assert LogEvent.objects.get(event="worker.http.request").payload == sealed_json_field.loads(stored)


def test_the_url_is_logged_and_previewed_as_it_is_sent(api: Api):
    given, sent = "https://example.com/a%2fb|c?x={1}", "https://example.com/a%2fb%7Cc?x=%7B1%7D"
    assert data_of(api.post("/api/preview", {"url": given}))["request"]["url"] == sent
    data = data_of(api.post("/api/jobs", {"url": given}), status=201)
    assert data["args"]["url"] == given
    assert the_request().url == sent
    assert LogEvent.objects.get(event="worker.http.request").payload["url"] == sent


LITERALS = {"_id": "$state", "a": ["$job.id", "$previous"], "b": "$$state", "c": "$5", "d": "$$"}


def test_strings_are_sent_as_they_are_where_there_is_nothing_to_refer_to(api: Api):
    job = {"method": "post", "url": URL, "body": LITERALS, "query": {"q": "$job.id"}, "headers": {"X-A": "$state"}}
    preview = data_of(api.post("/api/preview", job))["request"]
    assert (preview["body"], preview["query"], preview["headers"]) == (LITERALS, {"q": "$job.id"}, {"X-A": "$state"})
    data_of(api.post("/api/jobs", job), status=201)
    request = the_request()
    assert json.loads(request.body or b"") == LITERALS
    assert request.url == f"{URL}?q=%24job.id"
    assert ("X-A", "$state") in request.headers


@pytest.mark.parametrize("how", [{"repeat_every": [1, "hours"]}, {"include_metadata": True}])
def test_two_dollar_signs_are_sent_as_one_where_references_count(api: Api, how):
    job = {
        "method": "post",
        "url": URL,
        "body": {"a": "$$state", "b": ["$$job.id"], "c": "$5", "d": "$$", "e": "$$$x", "f": "$state"},
        "query": {"q": "$$previous"},
        "headers": {"X-A": "$$state"},
        **how,
    }
    data_of(api.post("/api/jobs", job), status=201)
    request = the_request()
    body = {name: value for name, value in json.loads(request.body or b"").items() if not name.startswith("$")}
    assert body == {"a": "$state", "b": ["$job.id"], "c": "$5", "d": "$", "e": "$$x", "f": {}}
    assert request.url == f"{URL}?q=%24previous"
    assert ("X-A", "$state") in request.headers


def test_a_request_accepts_anything_unless_its_client_says_otherwise(api: Api):
    data_of(api.post("/api/jobs", {"url": URL}), status=201)
    assert ("Accept", "*/*") in the_request().headers
    data_of(api.post("/api/jobs", {"url": URL, "headers": {"accept": "text/csv"}}), status=201)
    accepts = [header for header in the_request().headers if header[0].lower() == "accept"]
    assert accepts == [("accept", "text/csv")]


def test_a_callback_accepts_anything(api: Api):
    data_of(api.post("/api/jobs", {"url": URL, "callback_url": "https://example.com/c"}), status=201)
    run_due()
    [started], _ = stage.claim(uuid4(), limit=10, is_crowded=False, now=NOON)
    assert started.request is not None
    assert ("Accept", "*/*") in started.request.headers


def answer(body: bytes, *headers: tuple[str, str], truncated: bool = False) -> Outcome:
    return Outcome(Response(200, headers, body, truncated=truncated), None, 1)


def test_headers_that_come_twice_are_kept_apart_in_the_log_and_in_deliveries(api: Api):
    urls = {"callback_url": "https://example.com/c", "webhook_url": "https://example.com/w"}
    data_of(api.post("/api/jobs", {"url": URL, **urls}), status=201)
    run_due(answer(b"", ("Set-Cookie", "a=1, b"), ("X-One", "1"), ("set-cookie", "c=2"), ("Set-Cookie", "d=3")))
    expected = {"Set-Cookie": ["a=1, b", "c=2", "d=3"], "X-One": "1"}
    assert LogEvent.objects.get(event="worker.http.response").payload["headers"] == expected
    bodies = {row.event: json.loads(row.body)["data"] for row in Delivery.objects.all()}
    assert bodies["job.result"]["response"]["headers"] == expected
    # Others may read webhooks: they carry no cookies.
    assert bodies["job.response"]["payload"]["headers"] == {"X-One": "1"}


def test_bytes_that_are_no_text_are_marked_in_the_log(api: Api):
    data_of(api.post("/api/jobs", {"url": URL}), status=201)
    run_due(answer(b"\xff\x00"))
    payload = LogEvent.objects.get(event="worker.http.response").payload
    assert (payload["body"], payload["body_encoding"]) == ("/wA=", "base64")


@pytest.mark.parametrize(
    ("body", "kind", "previous"),
    [
        (b"42", "application/json", 42),
        (b'"hello"', "", "hello"),
        (b"null", "application/json", None),
        (b"hello", "", {}),
        (b"42", "text/plain", {}),
        (b"", "application/json", {}),
        (b"\xef\xbb\xbf[1]", "", [1]),
        ('["ë"]'.encode("utf-16"), "", ["ë"]),
    ],
)
def test_previous_is_the_json_that_the_run_before_was_answered_with(api: Api, body, kind, previous):
    job = {"method": "post", "url": URL, "body": {"p": "$previous"}, "repeat_every": [1, "hours"]}
    data_of(api.post("/api/jobs", job), status=201)
    run_due(answer(body, ("Content-Type", kind)))
    schedules.trigger(Schedule.objects.get(), now=NOON)
    sent = json.loads(the_request().body or b"")
    assert (sent["p"], sent["$previous"]) == (previous, previous)


def test_a_set_behind_a_byte_order_mark_counts(api: Api):
    data_of(api.post("/api/jobs", {"url": URL, "repeat_every": [1, "hours"]}), status=201)
    run_due(answer(b'\xef\xbb\xbf{"$set": {"a": 1e5}}'))
    assert Schedule.objects.get().state == {"a": 1e5}


def test_a_job_offers_what_is_read_and_leaves_its_clients_word_alone(api: Api):
    data_of(api.post("/api/jobs", {"url": URL}), status=201)
    assert ("Accept-Encoding", "gzip, br, zstd") in the_request().headers
    data_of(api.post("/api/jobs", {"url": URL, "headers": {"accept-encoding": "identity"}}), status=201)
    offers = [header for header in the_request().headers if header[0].lower() == "accept-encoding"]
    assert offers == [("accept-encoding", "identity")]
