"""What is encrypted at rest: read back by any key there is, and by none that there is not."""

import os

import pytest
from django.db import connection
from pytest_django import Settings

from booper.content import signatures
from jobs.models import User, encryption
from tests.factories import make_user

OLD, NEW = os.urandom(32), os.urandom(32)


def test_what_is_encrypted_reads_back_and_is_never_the_same_twice() -> None:
    first, second = encryption.encrypt("ü s3cret"), encryption.encrypt("ü s3cret")
    assert first != second
    assert "s3cret" not in first
    assert encryption.decrypt(first) == encryption.decrypt(second) == "ü s3cret"


def test_the_first_key_encrypts_and_all_decrypt(settings: Settings) -> None:
    settings.BOOPER_ENCRYPTION_KEYS = (OLD,)
    before = encryption.encrypt("x")
    settings.BOOPER_ENCRYPTION_KEYS = (NEW, OLD)
    after = encryption.encrypt("x")
    assert (encryption.decrypt(before), encryption.decrypt(after)) == ("x", "x")
    assert (encryption.is_current(before), encryption.is_current(after)) == (False, True)
    settings.BOOPER_ENCRYPTION_KEYS = (NEW,)
    assert encryption.decrypt(after) == "x"
    with pytest.raises(encryption.UnknownKeyError, match="BOOPER_ENCRYPTION_KEYS"):
        encryption.decrypt(before)


def test_what_was_altered_is_not_read() -> None:
    sealed = encryption.encrypt("x" * 30)
    other = "A" if sealed[-10] != "A" else "B"
    with pytest.raises(encryption.UnknownKeyError, match="altered"):
        encryption.decrypt(sealed[:-10] + other + sealed[-9:])


def test_what_was_written_before_there_were_keys_is_read_as_it_is() -> None:
    assert encryption.decrypt("whsec_clear") == "whsec_clear"


@pytest.mark.django_db
def test_signing_secrets_are_encrypted_in_the_database_and_nowhere_else() -> None:
    user = make_user()
    secret = User.objects.get(id=user.id).signing_secret
    assert secret.startswith(signatures.SECRET_PREFIX)
    with connection.cursor() as cursor:
        cursor.execute("SELECT signing_secret FROM jobs_user")
        [(stored,)] = cursor.fetchall()
    assert stored.startswith(encryption.PREFIX)
    assert secret not in stored
