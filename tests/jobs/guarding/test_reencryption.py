"""Old rows and a rotation: all is encrypted with the first key, and nothing changes for who reads it."""

import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from jobs.guarding import reencryption, secrets, signing
from jobs.models import SecondFactor, User, encryption
from tests import second_factors
from tests.factories import NOON, make_user

pytestmark = pytest.mark.django_db

OLD, NEW = os.urandom(32), os.urandom(32)


def test_after_a_rotation_the_old_key_is_needed_no_more(settings: Settings) -> None:
    settings.BOOPER_ENCRYPTION_KEYS = (OLD,)
    user = make_user()
    signing.rotate(user.id, overlap=timedelta(days=1), actor="me", now=NOON)
    secrets.put(user.id, "TOKEN", value="s3cret", hosts=None, actor="me", now=NOON)
    before = [each.secret for each in signing.in_force(User.objects.get(), now=NOON)]
    second_factors.give(user)
    settings.BOOPER_ENCRYPTION_KEYS = (NEW, OLD)
    assert reencryption.reencrypt() == 3
    assert reencryption.reencrypt() == 0
    settings.BOOPER_ENCRYPTION_KEYS = (NEW,)
    assert [each.secret for each in signing.in_force(User.objects.get(), now=NOON)] == before
    assert secrets.vaults([user.id])[user.id]["TOKEN"].value == "s3cret"
    assert SecondFactor.objects.get().secret == second_factors.SECRET


def test_what_was_stored_clear_is_encrypted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "_BATCH", 2)
    users = [make_user(f"{number}@example.com") for number in range(5)]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_user SET signing_secret = 'whsec_clear'")
    assert User.objects.get(id=users[0].id).signing_secret == "whsec_clear"
    out = StringIO()
    call_command("encrypt", stdout=out)
    assert out.getvalue() == "5 rows were encrypted with the first key.\n"
    assert {user.signing_secret for user in User.objects.all()} == {"whsec_clear"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT signing_secret FROM jobs_user")
        assert all(encryption.is_current(text) for (text,) in cursor.fetchall())


def test_a_new_key_is_one_that_the_setting_takes(settings: Settings) -> None:
    out = StringIO()
    call_command("new_encryption_key", stdout=out)
    assert len(out.getvalue().strip()) == 44
