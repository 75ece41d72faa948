"""Identities in the admin: looked at, and parted from their users; those of staff by superusers alone."""

from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from booper.identity.client import Client as Provider
from jobs.models import AuditEvent, Identity, User
from tests.admin import log_in, page, rows
from tests.factories import NOON

pytestmark = pytest.mark.django_db

LIST = "jobs/identity/"


@pytest.fixture
def row(user: User) -> Identity:
    return Identity.objects.create(user=user, issuer="https://id.example.com", subject="<b>ada-0815", bound_at=NOON)


def remove(web: Client, row: Identity) -> None:
    web.post(f"/admin/{LIST}", {"action": "remove_selected", "_selected_action": [str(row.pk)]})


def test_an_operator_finds_whose_they_are_and_parts_them(web: Client, row: Identity) -> None:
    log_in(web, "everything")
    assert rows(web, LIST) == [row.pk]
    assert rows(web, f"{LIST}?q=ada@") == [row.pk]
    assert rows(web, f"{LIST}?q=%3Cb%3Eada-0815") == [row.pk]
    assert rows(web, f"{LIST}?q=ada-0815") == []
    assert "&lt;b&gt;ada-0815" in page(web, f"{LIST}{row.pk}/change/")
    remove(web, row)
    assert not Identity.objects.exists()
    event = AuditEvent.objects.get(action="identity.removed")
    assert (event.actor, event.user_id, event.details) == (
        "operator ops@example.com",
        row.user_id,
        {"issuer": row.issuer},
    )


@pytest.mark.parametrize("subject", ["00123", "ada@corp.example", "9F1B6C0A-1111-4222-8333-444455556666", "#12"])
def test_a_subject_that_looks_like_something_else_is_found(web: Client, row: Identity, subject: str) -> None:
    Identity.objects.update(subject=subject)
    log_in(web, "everything")
    assert rows(web, f"{LIST}?q={quote(subject)}") == [row.pk]


def test_who_may_only_look_parts_none(web: Client, row: Identity) -> None:
    log_in(web, "view_identity")
    assert rows(web, LIST) == [row.pk]
    remove(web, row)
    assert Identity.objects.exists()


def test_who_is_no_superuser_parts_no_staff(web: Client, row: Identity) -> None:
    User.objects.filter(pk=row.user_id).update(is_staff=True)
    log_in(web, "change_identity")
    remove(web, row)
    assert Identity.objects.exists()
    User.objects.filter(pk=row.user_id).update(is_staff=False)
    remove(web, row)
    assert not Identity.objects.exists()


def test_the_page_of_a_user_leads_to_theirs_where_there_is_a_provider(
    web: Client, row: Identity, settings: Settings
) -> None:
    log_in(web, "everything")
    link = f'href="/admin/jobs/identity/?owner={row.user_id}"'
    assert link not in page(web, f"jobs/user/{row.user_id}/change/")
    settings.BOOPER_OIDC = Provider(
        issuer="https://id.example.com", client_id="a", client_secret="b", scopes=("openid",), name="Our house"
    )
    assert link in page(web, f"jobs/user/{row.user_id}/change/")
