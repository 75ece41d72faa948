"""pgbouncer in transaction mode before the database: pages, clean-up and the doctor work as they do without it.

The way of a job is in test_journey.py.
"""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.processes.harness.fixtures import behind_a_pooler
from tests.processes.harness.stack import EMAIL, Servers, Stack, manage
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

_PASSWORD = "correct horse battery"
_LINK = re.compile(r'href="(/[^"#]*)')
# Ids, and what is picked from a list.
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+|=[^&]*")
_MOST_OF_A_KIND = 2
# Each asks on its own connection of the web's: a session of the database is handed from one to the other.
_READERS = 6


@pytest.fixture(scope="module")
def stack(servers: Servers) -> Iterator[Stack]:
    with behind_a_pooler(servers) as stack:
        stack.start()
        yield stack


@pytest.fixture(scope="module")
def lived_in(stack: Stack) -> Stack:
    """One of each kind of row that pages are about."""
    api, target = stack.api, stack.target
    events = {"callback_url": target.url("/callback"), "webhook_url": target.url("/events")}
    for number in range(20):
        api.create_job(url=target.url("/job"), method="post", body={"number": number}, tags=["a"], **events)
    api.create_job(url=target.url("/queued"), queue="slow")
    api.create_job(url=target.url("/every"), repeat_every=5, name="every five seconds")
    cancelled = api.create_job(url=target.url("/never"), schedule_in=3600)
    assert api.post(f"/api/jobs/{cancelled['job_id']}/cancel").status == 200
    api.create_job(url=target.url("/waits"), schedule_in=3600)
    eventually(lambda: len(target.at("/events")) >= 80, "their events are told", within_seconds=20)
    return stack


@pytest.fixture(scope="module")
def signed_in(lived_in: Stack) -> requests.Session:
    """Ada, an operator too, by a link that she was sent."""
    with psycopg.connect(lived_in.database.url, autocommit=True) as connection:
        connection.execute("UPDATE jobs_user SET is_staff = true, is_superuser = true WHERE email = %s", [EMAIL])
    session = requests.Session()
    form = session.get(manage("invite", EMAIL, env=lived_in.env), timeout=30)
    fields = {
        "new_password1": _PASSWORD,
        "new_password2": _PASSWORD,
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    answer = session.post(form.url, data=fields, headers={"Referer": form.url}, timeout=30)
    assert (answer.status_code, urlsplit(answer.url).path) == (200, "/home")
    return session


def _kind(path: str) -> str:
    return _VARIABLE.sub("*", path)


def _statuses_from(stack: Stack, session: requests.Session, first: str) -> dict[str, int]:
    """The status of each page that links lead to from the `first`, of no kind of page more than two."""
    base, statuses, seen = f"http://127.0.0.1:{stack.port}", dict[str, int](), Counter[str]()

    def ask(path: str) -> requests.Response:
        return requests.get(base + path, cookies=session.cookies.get_dict(), timeout=30)

    paths = [first]
    with ThreadPoolExecutor(_READERS) as readers:
        while paths:
            found = list[str]()
            for path, answer in zip(paths, readers.map(ask, paths), strict=True):
                statuses[path] = answer.status_code
                found += _LINK.findall(answer.text.replace("&amp;", "&"))
            paths = []
            for path in dict.fromkeys(found):
                if path not in statuses and _is_page(path) and seen[_kind(path)] < _MOST_OF_A_KIND:
                    seen[_kind(path)] += 1
                    paths.append(path)
    return statuses


def _is_page(path: str) -> bool:
    return not path.startswith(("/static/", "/admin/logout", "/api")) and "//" not in path


@pytest.mark.parametrize(("first", "at_least"), [("/admin/", 60), ("/home", 15)])
def test_each_page_of_operators_and_of_owners_is_there(
    lived_in: Stack, signed_in: requests.Session, first: str, at_least: int
) -> None:
    statuses = _statuses_from(lived_in, signed_in, first)
    assert len(statuses) >= at_least, statuses
    assert {path: status for path, status in statuses.items() if status != 200} == {}


def test_forms_are_taken(lived_in: Stack, signed_in: requests.Session) -> None:
    base = f"http://127.0.0.1:{lived_in.port}"
    token = {"csrfmiddlewaretoken": signed_in.cookies["csrftoken"]}
    made = signed_in.post(
        f"{base}/jobs/new",
        data=token | {"method": "post", "url": lived_in.target.url("/by-form"), "body": "{}"},
        headers={"Referer": base},
        timeout=30,
    )
    assert made.status_code == 200
    eventually(lambda: lived_in.target.at("/by-form"), "the job of a form is sent", within_seconds=15)


def test_what_is_old_is_pruned(lived_in: Stack) -> None:
    with psycopg.connect(lived_in.database.url, autocommit=True) as connection:
        old = connection.execute(
            "UPDATE jobs_job SET inserted_at = inserted_at - interval '100 days', "
            "completed_at = completed_at - interval '100 days' WHERE url LIKE '%/job' AND state = 'completed'"
        ).rowcount
        assert old == 20
        # The worker, which is told to every ten seconds, may be first.
        manage("prune", env=lived_in.env)
        left = "SELECT id FROM jobs_job WHERE url LIKE '%/job'"
        eventually(lambda: not connection.execute(left).fetchall(), "they are gone", within_seconds=5)


def test_the_doctor_finds_nothing_amiss_with_the_rows(lived_in: Stack) -> None:
    assert "jobs_job" not in manage("doctor", env=lived_in.env)
