"""An operator who reads a tenant's pages: for an hour, without changing anything, and each page is written down.

What the pages show of requests and answers asks for the permission that the admin asks for too: to see content.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from jobs.guarding import audit
from jobs.models import AuditEvent, User
from jobs.models.identifiers import earliest_uuid7

PERMISSION = "jobs.view_content"
GOOD_FOR = timedelta(hours=1)
_KEY = "reading_as"
_LONGEST_PATH = 300


def may_read(operator: Any, tenant: User) -> bool:
    """Those with powers are for superusers, as everywhere; nobody reads as themselves."""
    if operator.pk == tenant.pk or not operator.is_staff or not operator.has_perm(PERMISSION):
        return False
    return bool(operator.is_superuser) or not (tenant.is_staff or tenant.is_superuser)


def begin(request: HttpRequest, tenant: User, *, now: datetime) -> None:
    """From now on, until it is ended or an hour is over. Forms that were sent out before are good no more."""
    end(request, now=now)
    until = (now + GOOD_FOR).isoformat()
    request.session[_KEY] = {"tenant": str(tenant.pk), "until": until}
    rotate_token(request)
    audit.note("tenant.reading_begun", user_id=tenant.pk, actor=audit.operator(request.user), now=now, until=until)


def is_begun(session: SessionBase) -> bool:
    """Whether a reading was begun in this session, be it over by now. Asks nothing of the database."""
    return _KEY in session


def tenant_of(session: SessionBase, operator: Any, *, now: datetime) -> User | None:
    """Whose pages `operator` reads in this session; None where it is over, or not permitted any more."""
    noted = session.get(_KEY)
    if not noted or datetime.fromisoformat(noted["until"]) <= now:
        return None
    tenant = User.objects.filter(id=UUID(noted["tenant"])).first()
    return tenant if tenant is not None and may_read(operator, tenant) else None


def note_page(operator: Any, tenant: User, path: str, *, is_fragment: bool, now: datetime) -> None:
    """Once for a page that renews its parts. Nothing is kept in the session: a slow page would undo its end."""
    actor, path = audit.operator(operator), path[:_LONGEST_PATH]
    if not (is_fragment and path == _last_path(actor, tenant, now=now)):
        audit.note("tenant.page_read", user_id=tenant.pk, actor=actor, now=now, path=path)


def _last_path(actor: str, tenant: User, *, now: datetime) -> str | None:
    read = AuditEvent.objects.filter(
        user_id=tenant.pk, id__gte=earliest_uuid7(now - GOOD_FOR), action="tenant.page_read", actor=actor
    )
    last = read.order_by("-id").values_list("details", flat=True).first()
    return None if last is None else last.get("path")


def end(request: HttpRequest, *, now: datetime) -> None:
    """No form of the tenant's pages does anything to the operator's own account from then on."""
    noted = request.session.pop(_KEY, None)
    if noted:
        rotate_token(request)
        actor = audit.operator(request.user)
        audit.note("tenant.reading_ended", user_id=UUID(noted["tenant"]), actor=actor, now=now)
