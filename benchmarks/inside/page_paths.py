"""Every path of the owners' pages and the admin's that can be read: out of the URL confs, so that none is forgotten."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape

from django.contrib import admin
from django.urls import URLPattern, reverse

from jobs.pages import urls

# Of each page, by the name of its URL: what else it is asked, `{older}` being the number of a job in the middle.
QUERIES: Mapping[str, Sequence[str]] = {
    "home": ("range=6h", "range=24h", "range=7d", "range=30d"),
    "jobs": (
        *("older={older}", "q=state:completed", "q=state:scheduled", "q=state:available", "q=state:executing"),
        *("q=state:retryable", "q=state:discarded", "q=state:cancelled", "q=state:completed&older={older}"),
        *("q=state:discarded,retryable", "q=schedule:{schedule_id}", "q=tag:billing", "q=tag:nothing", "q=error:timeout"),
        *("q=error:nothing", "q=host:api1.example.com", "q=host:nobody.example.com", "q=queue:mail", "q=queue:nothing"),
        *("q=name:nothing", "q=method:post", "q=invoice", "q=zebra", "q=zebra&older={older}", "q={job_id}"),
        *("q=after:today", "q=before:2020-01-01", "q=due_after:2020-01-01", "q=due_before:2020-01-01"),
        *("q=ended_after:today", "q=ended_before:2020-01-01", "q=state:discarded host:api1.example.com error:timeout"),
    ),
    "job": ("beside={due_id}",),
    "new_job": ("from={job_id}",),
    "new_schedule": ("from={schedule_id}",),
    "schedules": ("older={schedule_id}",),
    "queues": ("older=1000",),
    "deliveries": ("older={delivery_number}", "state=pending", "state=sending", "state=delivered", "state=failed"),
    "calendars": ("edit={name}",),
}  # fmt: skip
# Of the admin's lists, by the name of the model.
ADMIN_QUERIES: Mapping[str, Sequence[str]] = {
    "job": (
        *("owner={owner}", "owner={owner}&state=discarded", "state=discarded", "state=scheduled", "state=executing"),
        *("q=zebra", "q={job_id}", "inserted=day", "p=2", "before={older}"),
    ),
    "logevent": ("owner={owner}", "job={job_id}", "q=zebra"),
    "schedule": ("owner={owner}",),
    "delivery": ("owner={owner}", "state=failed", "q=zebra"),
    "user": ("q=example.com",),
}  # fmt: skip
# What leads elsewhere, or says that there is nothing any more, when it is asked for by who is signed in.
LEADING: Mapping[str, int] = {
    "root": 302,
    "sign_in": 302,
    "sign_in_code": 302,
    "api-keys": 302,
    "sign_in_link": 404,
    "forgot": 404,
    "reset": 404,
    "reset_link": 404,
    "invitation": 200,
}
_LIVE = re.compile(r'data-live hx-get="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """`name`: of the page, as URL confs have it; `is_fragment`: asked for by htmx."""

    name: str
    path: str
    status: int = 200
    is_fragment: bool = False


def readable() -> list[URLPattern]:
    """The owners' pages that answer a GET, the inbox's open door among them."""
    return [each for each in urls.urlpatterns if _takes_get(each)]


def _takes_get(pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "view_class", None)
    return hasattr(view, "get") or not hasattr(view, "post")


def owners(known: Mapping[str, str]) -> Iterator[Asked]:
    """The pages, each with what QUERIES adds. Raises KeyError for a part of a path that is not among `known`."""
    for pattern in readable():
        name = pattern.name or str(pattern.pattern)
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: known[match[1]], f"/{pattern.pattern}")
        status = LEADING.get(pattern.name or name, 200)
        yield Asked(name, path, status)
        for query in QUERIES.get(name, ()):
            yield Asked(name, f"{path}?{query.format(**known)}", status)


def admins(known: Mapping[str, str]) -> Iterator[Asked]:
    """The overview, and each list with what ADMIN_QUERIES adds."""
    yield Asked("admin", reverse("admin:index"))
    for model in admin.site._registry:
        meta = model._meta
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        yield Asked(f"admin {meta.model_name}", path)
        for query in ADMIN_QUERIES.get(str(meta.model_name), ()):
            yield Asked(f"admin {meta.model_name}", f"{path}?{query.format(**known)}")


def fragments(asked: Asked, page: str) -> Iterator[Asked]:
    """What the page that was answered asks for anew, again and again."""
    for path in _LIVE.findall(page):
        yield Asked(asked.name, unescape(path), is_fragment=True)
