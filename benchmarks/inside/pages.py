"""Asks for every page of owners and operators, in this process: how long each takes, by how many queries, read how."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client

from benchmarks.inside import belongings, crowd, page_paths
from benchmarks.inside.page_paths import Asked
from jobs.database import clock
from jobs.guarding import inbox
from jobs.models import WAITING_STATES, Alert, Delivery, DeliveryState, Job, JobState, Schedule, User

# What no page may read from end to end.
_LARGE_ROWS = 5_000
_OPERATOR, _READER = "operator", "owner"
Statement = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one answer: `cpu_ms` of this process, `buffers` of 8 kB that its statements touched, `passed` rows that they read in vain."""

    who: str
    path: str
    ms: float
    cpu_ms: float
    queries: int
    kilobytes: float
    buffers: int
    passed: int
    scans: tuple[str, ...]


def main(what: str, *arguments: str) -> dict[str, Any]:
    calls: dict[str, Callable[..., dict[str, Any]]] = {"fill": fill, "ask": ask, "live": live, "rest": rest}
    return calls[what](*arguments)


def fill(jobs: str, schedules: str) -> dict[str, Any]:
    filled = crowd.main(jobs, schedules)
    owner = User.objects.order_by("date_joined").first()
    assert owner is not None
    belongings.give(owner, incidents=max(1, int(jobs) // 10_000), events=int(jobs) // 10)
    belongings.alerts(User.objects.get(email=crowd.SECOND), 1)
    crowd.tidy()
    return filled


def ask(rounds: str) -> dict[str, Any]:
    """Each page so many times, the median; then once with its statements explained."""
    owner = User.objects.order_by("date_joined").first()
    assert owner is not None
    known = known_of(owner)
    operator = User.objects.filter(email="operator@example.com").first()
    operator = operator or User.objects.create_superuser("operator@example.com")
    found = [*_asked(_READER, owner, page_paths.owners(known), rounds=int(rounds))]
    found += _asked(_OPERATOR, operator, page_paths.admins(known), rounds=int(rounds))
    return {"costs": [asdict(cost) for cost in found]}


def rest() -> dict[str, Any]:
    """Leaves nothing of what was filled in for a worker to do within a month."""
    later = clock.now() + timedelta(days=30)
    Job.objects.filter(state=JobState.EXECUTING).update(state=JobState.COMPLETED, worker_id=None)
    Job.objects.filter(state__in=WAITING_STATES).update(scheduled_at=later)
    Delivery.objects.filter(state=DeliveryState.PENDING).update(state=DeliveryState.DELIVERED)
    crowd.tidy()
    return {}


def live(count: str) -> dict[str, Any]:
    """So many pages that are live, of two tenants, each with a session of its reader."""
    owners = [User.objects.order_by("date_joined")[0], User.objects.get(email=crowd.SECOND)]
    pages: list[dict[str, str]] = []
    for owner in owners:
        browser = Client(SERVER_NAME="localhost")
        browser.force_login(owner)
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        for asked in page_paths.owners(known_of(owner)):
            if "?" in asked.path:
                continue
            found = page_paths.fragments(asked, answer(browser, asked))
            pages += [{"path": each.path, "cookie": cookie} for each in found]
    step = len(pages) / int(count)
    return {"pages": [pages[int(place * step)] for place in range(int(count))]}


def known_of(owner: User) -> Mapping[str, str]:
    """What stands in paths for a job of theirs, a schedule and the like."""
    jobs = Job.objects.filter(user_id=owner.id).order_by("-id")
    waiting, now = jobs.filter(state=JobState.SCHEDULED, is_upcoming=False), clock.now()
    later = waiting.filter(scheduled_at__gt=now).values_list("id", flat=True)[0]
    due = waiting.filter(scheduled_at__lte=now, queue__isnull=True).values_list("id", flat=True)[0]
    schedule = Schedule.objects.existing().filter(user_id=owner.id).order_by("id")[0]
    delivery = Delivery.objects.filter(user_id=owner.id).order_by("-id")[0]
    return {
        "job_id": str(later),
        "due_id": str(due),
        "older": str(jobs.values_list("id", flat=True)[0] // 2),
        "schedule_id": str(schedule.id),
        "delivery_id": str(delivery.uuid),
        "delivery_number": str(delivery.id),
        "alert_id": str(Alert.objects.filter(user_id=owner.id).order_by("id")[0].id),
        "user_id": str(owner.id),
        "owner": owner.email.replace("@", "%40"),
        "token": inbox.of_user(owner.id).token,
        "uidb64": "QQ",
        "path": "a",
        "name": "off",
    }


def _asked(who: str, user: User, wanted: Iterator[Asked], *, rounds: int) -> Iterator[Cost]:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(user)
    for asked in wanted:
        page = answer(browser, asked)
        for each in (asked, *page_paths.fragments(asked, page)):
            yield _cost(browser, who, each, rounds=rounds)


def _cost(browser: Client, who: str, asked: Asked, *, rounds: int) -> Cost:
    took, used = [], []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        answer(browser, asked)
        took.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - cpu))
    statements: list[Statement] = []
    with connection.execute_wrapper(_keeping(statements)):
        page = answer(browser, asked)
    read = [plan for statement in statements for plan in plans(*statement)]
    return Cost(
        who,
        f"{asked.path} (fragment)" if asked.is_fragment else asked.path,
        median(took),
        median(used),
        len(statements),
        len(page) / 1024,
        sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in read),
        sum(_passed(node) for plan in read for node in nodes(plan)),
        tuple(sorted({str(node["Relation Name"]) for plan in read for node in nodes(plan) if is_whole(node)})),
    )


def answer(browser: Client, asked: Asked) -> str:
    """Raises RuntimeError for any other status than the one that is due."""
    response = browser.get(asked.path, headers={"HX-Request": "true"} if asked.is_fragment else {})
    if response.status_code != asked.status:
        raise RuntimeError(f"{asked.path} was answered {response.status_code}")
    return "" if response.streaming else response.content.decode()


def _keeping(statements: list[Statement]) -> Callable[..., Any]:
    def keep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    return keep


def plans(sql: str, params: Any) -> Iterator[dict[str, Any]]:
    """As PostgreSQL ran it just now; nothing elsewhere, and of what is not read alone."""
    if connection.vendor != "postgresql" or not sql.lstrip(" (").upper().startswith(("SELECT", "WITH")):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params)
        [told] = cursor.fetchone()
    for each in json.loads(told) if isinstance(told, str) else told:
        yield each["Plan"]


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def _passed(node: Mapping[str, Any]) -> int:
    return int(node.get("Actual Loops", 1)) * sum(
        int(node.get(name, 0)) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    )


def is_whole(node: Mapping[str, Any]) -> bool:
    """Whether it reads a large table from end to end."""
    rows = int(node.get("Actual Rows", 0)) + int(node.get("Rows Removed by Filter", 0))
    return node["Node Type"] == "Seq Scan" and rows * int(node.get("Actual Loops", 1)) >= _LARGE_ROWS
