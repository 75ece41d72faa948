"""POST /api/jobs/batch: many jobs for the price of a few queries, each judged as if it were alone."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from jobs.actions import batch as actions_batch
from jobs.intake import strict_json
from jobs.models import Job, JobState, Queue, Schedule, User
from jobs.running import attempts
from tests.api import FORM, Api, data_of, pointers_of, problem_of
from tests.conftest import Announced
from tests.factories import NOON, make_job, make_spec
from tests.jobs.api.batches import SECOND, URL, batch, cost, job_of

REFUSED = {"url": "ftp://example.com", "schedule_in": [5, "minuts"]}


def test_each_job_is_answered_and_kept_as_if_it_were_alone(api: Api, user: User) -> None:
    asked = job_of(
        1,
        method="PUT",
        query={"page": [1, 2]},
        headers={"X-Tenant": 7},
        schedule_in=[5, "minutes"],
        name="greeting",
        description="a first try",
        callback_url="https://example.com/done",
        webhook_url="HTTPS://example.com:443/events",
        timeout=2.5,
        max_attempts=7,
        backoff=[5, [1, "minute"]],
        idempotency_key="k1",
        queue="mail",
    )
    [shown] = data_of(batch(api, asked), status=201)
    one = Job.objects.get()
    Job.objects.update(state=JobState.CANCELLED)
    alone = data_of(api.post("/api/jobs", asked), status=201)
    two = Job.objects.exclude(id=one.id).get()
    for same in (alone, shown):
        for name in ("id", "job_id"):
            same.pop(name)
        same["job"].pop("id")
    assert shown == alone
    different = {"id", "uuid", "state"}
    names = [field.attname for field in Job._meta.concrete_fields if field.attname not in different]
    assert {name: getattr(one, name) for name in names} == {name: getattr(two, name) for name in names}


def test_answers_come_in_the_order_of_the_jobs_and_ids_rise_with_it(api: Api) -> None:
    jobs = [job_of(number, schedule_in=1000 - number) for number in range(200)]
    data = data_of(batch(api, *jobs), status=201)
    assert [row["args"] for row in data] == jobs
    assert [row["job_id"] for row in data] == sorted(row["job_id"] for row in data)
    assert [row["id"] for row in data] == sorted(row["id"] for row in data)
    assert {UUID(row["id"]).version for row in data} == {7}
    stored = Job.objects.in_bulk()
    assert all(stored[row["job_id"]].args == row["args"] for row in data)
    assert all(str(stored[row["job_id"]].uuid) == row["id"] for row in data)
    assert data_of(api.get(f"/api/jobs/{data[7]['job_id']}")) == data[7]


def test_a_batch_costs_the_same_few_queries_however_many_jobs_it_has(api: Api) -> None:
    api.get("/api/jobs")
    assert cost(api, job_of(1)) == ["INSERT"]
    assert cost(api, *(job_of(number) for number in range(1000))) == ["INSERT"]
    assert Job.objects.count() == 1001


def test_keys_queues_and_refusals_cost_a_fixed_number_more(api: Api) -> None:
    def jobs(first: int, *, count: int) -> list[Any]:
        return [job_of(n, idempotency_key=f"k{n}", queue=f"q{n % 5}") for n in range(first, first + count)]

    batch(api, *jobs(0, count=10))
    one = cost(api, *jobs(0, count=1), *jobs(10, count=1), REFUSED)
    many = cost(api, *jobs(0, count=10), *jobs(20, count=300), *[REFUSED] * 50)
    # The rows, who holds the keys of those that were kept out, and the queues that have something due.
    assert one == many == ["INSERT", "SELECT", "UPDATE"]
    assert cost(api, *[REFUSED] * 50) == []


def test_a_refused_job_says_what_is_wrong_with_it_and_the_others_are_taken(api: Api) -> None:
    response = batch(api, job_of(1), REFUSED, job_of(2), "job", None, {}, {"url": URL, "nmae": "x"})
    data = data_of(response, status=207)
    assert [row.get("args", {}).get("body") for row in data[:3]] == [{"n": 1}, None, {"n": 2}]
    assert list(data[1]) == ["error"]
    assert data[1]["error"] == problem_of(api.post("/api/jobs", REFUSED), status=400)
    assert [error["pointer"] for error in data[1]["error"]["errors"]] == ["/schedule_in/1", "/url"]
    assert "'job' is not a job" in data[3]["error"]["detail"]
    assert "None is not a job" in data[4]["error"]["detail"]
    assert "url: it is required" in data[5]["error"]["detail"]
    assert "did you mean name?" in data[6]["error"]["detail"]
    assert Job.objects.count() == 2


def test_a_batch_of_nothing_but_refused_jobs_is_still_a_batch(api: Api) -> None:
    assert [list(row) for row in data_of(batch(api, REFUSED, REFUSED), status=207)] == [["error"], ["error"]]
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/jobs"]),
        ({"jobs": []}, ["/jobs"]),
        ({"jobs": None}, ["/jobs"]),
        ({"jobs": {"url": URL}}, ["/jobs"]),
        ({"jobs": [{"url": URL}] * 1001}, ["/jobs"]),
        ({"jobs": [{"url": URL}], "job": 1}, ["/job"]),
        ({"url": URL}, ["/url", "/jobs"]),
        ([{"url": URL}], [""]),
        ('{"jobs": [{"url": "https://example.com"}]', [""]),
        ('{"jobs": [], "jobs": []}', [""]),
        ('{"jobs": [], "\\u0000": 1}', ["/�"]),
        ('{"jobs": [' + "[" * 100_000, [""]),
        ("", [""]),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(api: Api, body: Any, pointers: list[str]) -> None:
    assert pointers_of(api.post("/api/jobs/batch", body)) == pointers
    assert Job.objects.count() == 0


def test_a_flaw_in_the_json_of_one_job_leaves_the_others_alone(api: Api) -> None:
    deep = "[" * 100 + "]" * 100
    jobs = [
        '{"url": "https://example.com", "body": "\\u0000"}',
        '{"url": "https://example.com", "body": "\\ud800"}',
        '{"url": "https://example.com", "url": "https://example.org"}',
        '{"url": "https://example.com", "timeout": NaN}',
        '{"url": "https://example.com", "body": 1e999}',
        f'{{"url": "https://example.com", "body": {deep}}}',
        '{"url": "https://example.com", "body": "\\ud83d\\ude00 \\u00e9"}',
        f'{{"url": "https://example.com", "body": {deep[1:-1]}}}',
    ]
    data = data_of(api.post("/api/jobs/batch", f'{{"jobs": [{", ".join(jobs)}]}}'), status=207)
    places = [row["error"]["errors"][0]["pointer"] for row in data[:6]]
    assert places[:5] == ["/body", "/body", "", "/timeout", "/body"]
    assert places[5] == "/body" + "/0" * 99
    assert data[6]["args"]["body"] == "\U0001f600 é"
    assert json.dumps(data[7]["args"]["body"]) == deep[1:-1]


def test_a_job_may_nest_as_deep_in_a_batch_as_alone(api: Api) -> None:
    for depth, status in ((99, 201), (100, 400)):
        text = f'{{"url": "{URL}", "body": {"[" * depth}{"]" * depth}}}'
        assert api.post("/api/jobs", text).status_code == status
        answer = api.post("/api/jobs/batch", f'{{"jobs": [{text}, {text}]}}')
        assert answer.status_code == (201 if status == 201 else 207)


@pytest.mark.parametrize("depth", [0, 1, 99, 100, 101, 150])
def test_a_quick_look_finds_what_is_too_deep(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        value = json.loads(opening * depth + "1" + closing * depth)
        assert strict_json.is_deep(value) == (depth > 100)
        assert strict_json.is_deep([1, [value]]) == (depth > 98)


def test_any_json_is_kept_as_it_was_sent(api: Api) -> None:
    bodies = ["text", 5, 0.5, True, None, [1, {"a": None}], {"ünï": "cødé \U0001f600"}, 10**4000, 1.5e-7, "%s %(a)s"]
    data = data_of(batch(api, *({"url": URL, "body": body} for body in bodies)), status=201)
    assert [row["args"]["body"] for row in data] == bodies
    assert [job.args["body"] for job in Job.objects.order_by("id")] == bodies


def test_a_form_body_is_taken_too(api: Api) -> None:
    form = (
        "jobs[0][url]=https%3A%2F%2Fexample.com%2Fa&jobs[1][url]=https%3A%2F%2Fexample.com%2Fb&jobs[1][schedule_in]=5"
    )
    data = data_of(api.post("/api/jobs/batch", form, content_type=FORM), status=201)
    assert [row["args"]["url"] for row in data] == ["https://example.com/a", "https://example.com/b"]


def test_a_key_that_is_held_answers_the_job_that_holds_it(api: Api, other_api: Api) -> None:
    held = data_of(api.post("/api/jobs", job_of(0, idempotency_key="k", schedule_in=60)), status=201)
    data_of(other_api.post("/api/jobs", job_of(0, idempotency_key="l", schedule_in=60)), status=201)
    data = data_of(batch(api, job_of(1), job_of(2, idempotency_key="k"), job_of(3, idempotency_key="l")), status=201)
    assert [row["job"]["has_conflict"] for row in data] == [row["job"]["has_confict"] for row in data]
    assert [row["job"]["has_conflict"] for row in data] == [False, True, False]
    assert (data[1]["id"], data[1]["args"]) == (held["id"], held["args"])
    assert Job.objects.count() == 4


def test_of_several_with_one_key_the_first_wins(api: Api) -> None:
    cron = {"cron": "0 0 1 1 *"}
    data = data_of(
        batch(
            api,
            job_of(0, idempotency_key="a"),
            job_of(1, idempotency_key="a"),
            job_of(2, idempotency_key="b", **cron),
            job_of(3, idempotency_key="b"),
            job_of(4, idempotency_key="a", **cron),
        ),
        status=201,
    )
    assert [row["args"]["body"]["n"] for row in data] == [0, 0, 2, 2, 0]
    assert [row["job"]["has_conflict"] for row in data] == [False, True, False, True, True]
    assert (Job.objects.count(), Schedule.objects.count()) == (2, 1)


def test_the_same_batch_again_makes_nothing_new(api: Api) -> None:
    jobs = [job_of(number, idempotency_key=f"k{number}", schedule_in=60) for number in range(20)]
    first = data_of(batch(api, *jobs), status=201)
    again = data_of(batch(api, *jobs), status=201)
    assert [row["id"] for row in again] == [row["id"] for row in first]
    assert all(row["job"]["has_conflict"] for row in again)
    assert Job.objects.count() == 20


def test_a_key_whose_job_has_started_is_free_again(api: Api) -> None:
    jobs = [job_of(number, idempotency_key=f"k{number}") for number in range(2)]
    first = data_of(batch(api, *jobs), status=201)
    Job.objects.filter(id=first[0]["job_id"]).update(state=JobState.COMPLETED)
    again = data_of(batch(api, *jobs), status=201)
    assert [row["job"]["has_conflict"] for row in again] == [False, True]


def test_a_holder_that_starts_between_the_two_looks_gives_its_key_up(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make_job(user=user, idempotency_key="k")
    look = actions_batch._holders

    def started_meanwhile(*args: Any, **kwargs: Any) -> Any:
        Job.objects.filter(id=holder.id).update(state=JobState.COMPLETED)
        return look(*args, **kwargs)

    monkeypatch.setattr(actions_batch, "_holders", started_meanwhile)
    [taken] = actions_batch.take([(make_spec(idempotency_key="k"), None)], user_id=user.id, now=NOON)
    assert taken.is_new
    assert taken.job.id != holder.id


def test_a_key_that_never_comes_free_ends_in_an_error_and_nothing_is_written(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(user=user, idempotency_key="k")
    monkeypatch.setattr(actions_batch, "_holders", lambda *_, **__: {})
    wishes: list[actions_batch.Wish] = [(make_spec(), None), (make_spec(idempotency_key="k"), None)]
    with pytest.raises(IntegrityError, match="neither free nor held"):
        actions_batch.take(wishes, user_id=user.id, now=NOON)
    assert Job.objects.count() == 1


def test_the_workers_are_woken_once_for_each_instant(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    api.post("/api/jobs", job_of(0, idempotency_key="held", schedule_in=7))
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        batch(
            api,
            *(job_of(number) for number in range(10)),
            *(job_of(number, schedule_in=5) for number in range(10)),
            *(job_of(number, schedule_in=3, queue=f"q{number}") for number in range(10)),
            job_of(1, idempotency_key="held", schedule_in=9),
            job_of(2, repeat_every=60),
            job_of(3, cron="0 0 1 1 *"),
        )
    assert len(callbacks) == 2
    assert sorted(announced.jobs) == [NOON, NOON + 5 * SECOND]
    assert announced.queues == [NOON + 3 * SECOND]


def test_a_batch_of_refused_jobs_wakes_nobody(
    api: Api, announced: Announced, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        batch(api, REFUSED)
    assert (announced.jobs, announced.queues) == ([], [])


def test_queues_learn_when_the_first_of_their_jobs_is_due(api: Api) -> None:
    data_of(
        batch(api, job_of(0, queue="a", schedule_in=60), job_of(1, queue="a", schedule_in=5), job_of(2, queue="b")),
        status=201,
    )
    assert dict(Queue.objects.values_list("name", "ready_at")) == {"a": NOON + 5 * SECOND, "b": NOON}
    assert {(job.args["queue"], job.queue and job.queue.name) for job in Job.objects.all()} == {("a", "a"), ("b", "b")}


def test_what_was_taken_can_be_claimed_cancelled_and_run_like_any_other(api: Api) -> None:
    data = data_of(batch(api, *(job_of(number) for number in range(3))), status=201)
    data_of(api.post(f"/api/jobs/{data[0]['job_id']}/cancel"))
    claimed = attempts.claim(UUID(int=1), limit=10, now=NOON)
    assert [job.id for job in claimed] == [row["job_id"] for row in data[1:]]
    assert [job.url for job in claimed] == [f"{URL}/1", f"{URL}/2"]


def test_a_batch_may_be_larger_than_a_job(api: Api, settings: Settings) -> None:
    settings.MAX_REQUEST_BYTES, settings.MAX_BATCH_BYTES = 2000, 20_000
    jobs = [job_of(number, body="x" * 1500) for number in range(10)]
    data_of(batch(api, *jobs), status=201)
    problem = problem_of(batch(api, *jobs, *jobs), status=413)
    assert "MAX_BATCH_BYTES" in problem["detail"]
    data = data_of(batch(api, jobs[0], job_of(1, body="é" * 1000)), status=207)
    assert (data[1]["error"]["status"], "errors" in data[1]["error"]) == (413, False)
    assert "MAX_REQUEST_BYTES" in data[1]["error"]["detail"]
    assert "MAX_REQUEST_BYTES" in problem_of(api.post("/api/jobs", job_of(1, body="é" * 1000)), status=413)["detail"]


def test_an_idempotency_key_header_is_no_use_for_many(api: Api) -> None:
    response = batch(api, job_of(0), Idempotency_Key="k")
    assert "give each job an idempotency_key" in problem_of(response, status=400)["detail"]


def test_each_has_its_own_jobs(api: Api, other_api: Api, other_user: User) -> None:
    [row] = data_of(batch(other_api, job_of(0)), status=201)
    assert row["user_id"] == str(other_user.id)
    problem_of(api.get(f"/api/jobs/{row['job_id']}"), status=404)


def test_a_batch_needs_a_key_and_is_posted(open_api: Api, api: Api) -> None:
    problem_of(batch(open_api, job_of(0)), status=401)
    problem_of(api.get("/api/jobs/batch"), status=405)


def test_a_thousand_jobs_full_of_mistakes_cost_fifty_suggestions_and_a_small_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def count(word: str, *args: Any, **kwargs: Any) -> list[str]:
        compared.append(word)
        return []

    monkeypatch.setattr("booper.timing.suggestions.get_close_matches", count)
    bad = {"url": URL, "timezone": "Eurpe/Lodnon", "schedule_in": [5, "minuts"]}
    jobs = [bad | {f"hedaers{number}x{n}": 1 for n in range(60)} for number in range(1000)]
    response = api.post(
        "/api/jobs/batch",
        {
            "jobs": [
                *jobs,
            ]
        },
    )
    answers = data_of(response, status=207)
    assert len(compared) == 50
    assert len(response.content) < 300_000
    listed = [len(item["error"]["errors"]) for item in answers]
    assert listed == [50] + [0] * 999
    assert answers[1]["error"]["status"] == 400
    assert answers[-1]["error"]["detail"].endswith("only the first 50 of a batch are listed, so mend those first")


def test_good_jobs_after_fifty_mistakes_are_taken(api: Api) -> None:
    answers = data_of(api.post("/api/jobs/batch", {"jobs": [{"url": 5}] * 60 + [{"url": URL}]}), status=207)
    assert [len(item["error"]["errors"]) for item in answers[:-1]] == [1] * 50 + [0] * 10
    assert answers[-1]["job"]["state"] == "available"
