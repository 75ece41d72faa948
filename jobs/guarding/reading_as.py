"""An operator who reads a tenant's pages: for an hour, without changing anything, and each page is written down.

What the pages show of requests and answers asks for the permission that the admin asks for too: to see content.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

from jobs.guarding import audit
from jobs.models import User

PERMISSION = "jobs.view_content"
GOOD_FOR = timedelta(hours=1)
_KEY = "reading_as"
_LONGEST_PATH = 300


def may_read(operator: Any, tenant: User) -> bool:
    """Those with powers are for superusers, as everywhere; nobody reads as themselves."""
    if operator.pk == tenant.pk or not operator.is_staff or not operator.has_perm(PERMISSION):
        return False
    return bool(operator.is_superuser) or not (tenant.is_staff or tenant.is_superuser)


def begin(session: SessionBase, operator: Any, tenant: User, *, now: datetime) -> None:
    session[_KEY] = {"operator": str(operator.pk), "tenant": str(tenant.pk), "until": (now + GOOD_FOR).isoformat()}
    audit.note("tenant.reading_begun", user_id=tenant.pk, actor=audit.operator(operator), now=now)


def tenant_of(session: SessionBase, operator: Any, *, now: datetime) -> User | None:
    """Whose pages `operator` reads in this session. Nothing is asked of the database for those who read their own."""
    noted = session.get(_KEY)
    if not noted or noted["operator"] != str(operator.pk) or datetime.fromisoformat(noted["until"]) <= now:
        return None
    tenant = User.objects.filter(id=UUID(noted["tenant"])).first()
    return tenant if tenant is not None and may_read(operator, tenant) else None


def note_page(
    session: SessionBase, operator: Any, tenant: User, path: str, *, is_fragment: bool, now: datetime
) -> None:
    """The path without its query, as what is searched for may be anything; once for a page that renews its parts."""
    noted = session[_KEY]
    if is_fragment and noted.get("path") == path:
        return
    session[_KEY] = {**noted, "path": path}
    actor = audit.operator(operator)
    audit.note("tenant.page_read", user_id=tenant.pk, actor=actor, now=now, path=path[:_LONGEST_PATH])


def end(session: SessionBase, operator: Any, *, now: datetime) -> None:
    noted = session.pop(_KEY, None)
    if noted:
        audit.note("tenant.reading_ended", user_id=UUID(noted["tenant"]), actor=audit.operator(operator), now=now)
