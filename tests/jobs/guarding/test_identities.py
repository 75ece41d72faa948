"""Who comes from the provider is bound to one user, once, however many requests say so at one moment."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from django.db import connections

from jobs.guarding import identities
from jobs.guarding.identities import NotAdmitted, Rules
from jobs.models import AuditEvent, Identity, User
from jobs.operating import user_removal
from tests.factories import NOON

pytestmark = pytest.mark.django_db

ISSUER = "https://id.example.com"
RULES = Rules(email_domains=(), makes_users=True)


def bind(subject: str, email: str = "ada@example.com") -> User:
    return identities.bind(
        issuer=ISSUER, subject=subject, email=email, is_email_verified=True, rules=RULES, address="", now=NOON
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("subjects", [["a"] * 4, ["a", "b", "c", "d"]])
def test_of_many_at_once_one_makes_the_user_and_one_is_bound(subjects: list[str]) -> None:
    begin = Barrier(len(subjects))

    def one(subject: str) -> User | None:
        try:
            begin.wait(20)
            with suppress(NotAdmitted):
                return bind(subject)
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(subjects)) as pool:
        found = list(pool.map(one, subjects))
    user, row = User.objects.get(), Identity.objects.get()
    assert row.user == user
    assert found == [user if subject == row.subject else None for subject in subjects]
    assert AuditEvent.objects.filter(action="identity.bound").count() == 1
    assert AuditEvent.objects.filter(action="user.made").count() == 1


def test_who_was_bound_meanwhile_is_who_they_were_bound_as() -> None:
    assert bind("a") == bind("a", "another@example.com") == User.objects.get(email="ada@example.com")
    assert not User.objects.filter(email="another@example.com").exists()


def test_one_account_has_one_identity_of_a_provider() -> None:
    bind("a")
    with pytest.raises(NotAdmitted, match="belongs to somebody else"):
        bind("b")


def test_subjects_differ_by_case() -> None:
    bind("a")
    assert bind("A", "another@example.com").email == "another@example.com"


def test_they_are_parted_once_and_may_be_bound_anew() -> None:
    user = bind("a")
    row = Identity.objects.get()
    assert identities.remove(row, actor="operator", now=NOON)
    assert not identities.remove(row, actor="operator", now=NOON)
    assert AuditEvent.objects.filter(action="identity.removed").count() == 1
    assert bind("b") == user


def test_an_identity_goes_with_its_user() -> None:
    user_removal.remove(bind("a"), now=NOON, pause_seconds=0)
    assert not Identity.objects.exists()
