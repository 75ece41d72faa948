"""What each page costs, of owners and operators: so many queries however much there is, and no large table read whole.

The pages are those of the URL confs: one that is new fails here until its cost is written down.
"""

from collections.abc import Iterator
from itertools import chain

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.inside import page_paths, pages
from benchmarks.inside.page_paths import Asked
from jobs.admin.kit import changelist
from jobs.models import Job, User
from jobs.pages import owned_jobs
from tests.plans import plans

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# Session, user and whether the instance is paused are among them. Of pages with searches: the least, and the most.
QUERIES = {
    "home": (23, 24),
    "jobs": (4, 9),
    "job": (7, 8),
    # Which is due: it says of it why it waits.
    "job beside another": (17, 18),
    "schedules": (3, 8),
    "schedule": (7, 9),
    "schedule_act": (0, 0),
    "new_job": (3, 4),
    "new_schedule": (3, 5),
    "job_preview": (3, 3),
    "schedule_preview": (3, 3),
    "edit_job": (4, 4),
    "queues": (3, 5),
    "deliveries": (4, 6),
    "failures": (5, 6),
    "alerts": (5, 5),
    "alert": (7, 7),
    "inbox": (4, 5),
    "calendars": (5, 6),
    "keys": (4, 4),
    "api-keys": (0, 0),
    "secrets": (6, 6),
    "account": (4, 4),
    "limits": (9, 9),
    "second_factor": (3, 3),
    "root": (2, 2),
    "sign_in": (2, 2),
    "sign_in_code": (0, 3),
    "sign_in_link": (0, 1),
    "invitation": (0, 0),
    # Without a mail server there is neither.
    "forgot": (0, 0),
    "reset": (0, 0),
    "reset_link": (0, 0),
    "in/<str:token>": (4, 6),
    "in/<str:token>/<path:path>": (4, 6),
    "in/<str:token>/": (4, 6),
}
# Lists count up to a bound, ask where a search begins, and whom they are of.
OF_THE_ADMIN = (4, 8)
OVERVIEW = (15, 15)
_SMALL, _LARGE = ("400", "25"), ("3000", "200")
_LARGE_TABLES = ("jobs_job", "jobs_logevent", "jobs_delivery", "jobs_schedule", "jobs_rolledupcount", "jobs_auditevent")


@pytest.fixture(params=[_SMALL, _LARGE], ids=["few", "many"])
def crowd(request: pytest.FixtureRequest) -> User:
    """An instance that was used for months, as `bin/bench --only pages` fills it."""
    owner = User.objects.create_user("bench@example.com")
    pages.fill(*request.param)
    return owner


def asked(owner: User) -> Iterator[tuple[str, Client, Asked]]:
    """(who, browser, page) of all, with the parts of them that are live."""
    known = pages.known_of(owner)
    operator = User.objects.create_superuser("ops@example.com")
    for who, user, wanted in (("owner", owner, page_paths.owners(known)), ("ops", operator, page_paths.admins(known))):
        browser = Client()
        browser.force_login(user)
        # What a process learns at its first request is none of a page's.
        browser.get("/home" if who == "owner" else "/admin/")
        for each in wanted:
            page = pages.answer(browser, each)
            yield from ((who, browser, one) for one in chain([each], page_paths.fragments(each, page)))


def expected(who: str, each: Asked) -> tuple[int, int]:
    if who == "owner":
        return QUERIES["job beside another" if each.name == "job" and "beside=" in each.path else each.name]
    return OVERVIEW if each.name == "admin" else OF_THE_ADMIN


def statements(browser: Client, each: Asked) -> list[str]:
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        pages.answer(browser, each)
    return [query["sql"] for query in queries.captured_queries]


def test_each_page_asks_as_often_whatever_there_is(crowd: User) -> None:
    wrong = []
    for who, browser, each in asked(crowd):
        least, most = expected(who, each)
        count = len(statements(browser, each))
        if count > most:
            # What a process looks up each few seconds is none of a page's either.
            count = len(statements(browser, each))
        if not least <= count <= most:
            wrong.append(f"{each.path}{' (fragment)' if each.is_fragment else ''}: {count}, not {least} to {most}")
    assert not wrong, "\n".join(wrong)


def test_no_page_reads_a_large_table_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # As small a part of what there is as it is of a million.
    monkeypatch.setattr(owned_jobs, "LOOKED_THROUGH", 500)
    monkeypatch.setattr(changelist, "REACH", 500)
    owner = User.objects.create_user("bench@example.com")
    pages.fill("12000", "6000")
    wrong = []
    for who, browser, each in asked(owner):
        # Of SQLite's plans none says that a walk ends early, as those of the admin's lists do, by the primary key.
        if connection.vendor == "sqlite" and who != "owner":
            continue
        look = _whole_on_postgresql if connection.vendor == "postgresql" else _whole_on_sqlite
        if found := look(browser, each):
            wrong.append(f"{each.path}: {found}")
    assert not wrong, "\n".join(wrong)
    assert Job.objects.count() > 12_000


def _whole_on_postgresql(browser: Client, each: Asked) -> list[str]:
    """What goes through all of a large table, in the words of the database."""
    asked_for = [statement for statement in statements(browser, each) if statement.lstrip(" (").startswith("SELECT")]
    nodes = [node for statement in asked_for for plan in pages.plans(statement, None) for node in pages.nodes(plan)]
    return [f"Seq Scan on {node['Relation Name']}" for node in nodes if pages.is_whole(node)]


def _whole_on_sqlite(browser: Client, each: Asked) -> list[str]:
    cache.clear()
    with plans() as planned:
        pages.answer(browser, each)
    return [line for line in planned.lines if line.startswith("SCAN ") and line.split()[1] in _LARGE_TABLES]
