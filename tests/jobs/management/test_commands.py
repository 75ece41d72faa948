"""manage.py create_api_key, signing_secret and first_user: what they print, and to whom."""

import json
import threading
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connections

from jobs.management.commands import first_user
from jobs.models import ApiKey, AuditEvent, SecondFactor, User
from jobs.models.api_key import hash_token, is_well_formed
from tests import second_factors
from tests.api import Api, data_of
from tests.factories import make_user


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_create_api_key_prints_a_key_that_works_and_nothing_else(open_api: Api) -> None:
    printed = run("create_api_key", "Ada@Example.com ", "--name", "laptop")
    token = printed.removesuffix("\n")
    assert is_well_formed(token)
    key = ApiKey.objects.get(token_hash=hash_token(token))
    assert (key.name, key.user.email) == ("laptop", "ada@example.com")
    assert data_of(open_api.get("/api/jobs", Authorization=f"Bearer {token}")) == []


@pytest.mark.django_db
def test_create_api_key_gives_a_user_as_many_keys_as_asked_for() -> None:
    tokens = {run("create_api_key", email) for email in ("ada@example.com", "ADA@example.com")}
    assert len(tokens) == 2
    assert User.objects.get().api_keys.count() == 2


@pytest.mark.django_db
def test_a_user_made_for_a_key_cannot_log_in() -> None:
    run("create_api_key", "ada@example.com")
    user = User.objects.get()
    assert not user.has_usable_password()
    assert not user.is_staff


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ada",), "not an e-mail address"),
        (("",), "not an e-mail address"),
        (("ada@example.com", "--name", "n" * 101), "at most 100"),
    ],
)
def test_create_api_key_refuses_what_does_not_fit(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run("create_api_key", *arguments)
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_a_user_who_is_not_active_gets_no_key() -> None:
    make_user("ada@example.com")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        run("create_api_key", "ada@example.com")


@pytest.mark.django_db
def test_signing_secret_prints_the_secret_of_the_user() -> None:
    user = make_user("ada@example.com")
    assert user.signing_secret.startswith("whsec_")
    assert run("signing_secret", "Ada@example.com") == user.signing_secret + "\n"


@pytest.mark.django_db
def test_signing_secret_of_nobody_is_an_error() -> None:
    with pytest.raises(CommandError, match="there is no user 'ada@") as caught:
        run("signing_secret", "ada@example.com")
    assert caught.value.returncode == 1


@pytest.mark.django_db
def test_the_first_user_may_log_in_to_the_admin_and_has_a_key(open_api: Api) -> None:
    account = json.loads(run("first_user"))
    assert account["created"] is True
    user = authenticate(username=account["email"], password=account["password"])
    assert isinstance(user, User)
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert data_of(open_api.get("/api/jobs", Authorization=f"Bearer {account['api_key']}")) == []


@pytest.mark.django_db
def test_there_is_one_first_user() -> None:
    path = json.loads(run("first_user"))["inbox_path"]
    assert json.loads(run("first_user")) == {
        "email": None,
        "password": None,
        "api_key": None,
        "sign_in_path": None,
        "inbox_path": path,
        "created": False,
    }
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_an_instance_with_users_of_its_own_gets_no_administrator() -> None:
    make_user("ada@example.com")
    said = json.loads(run("first_user"))
    assert (said["created"], said["inbox_path"]) == (False, None)
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_instances_that_start_at_once_make_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    both_have_looked = threading.Barrier(2, timeout=20)
    make = first_user._make
    printed: list[dict[str, Any]] = []

    def make_together() -> dict[str, str] | None:
        both_have_looked.wait()
        return make()

    def start() -> None:
        try:
            printed.append(json.loads(run("first_user")))
        finally:
            connections.close_all()

    monkeypatch.setattr(first_user, "_make", make_together)
    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(account["created"] for account in printed) == [False, True]
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


def test_suspend_resume_pause_and_unpause_say_what_they_did(user: User) -> None:
    assert (
        run("suspend", user.email)
        == "ada@example.com is suspended: nothing of theirs starts from the next second on.\n"
    )
    assert run("suspend", user.email) == "ada@example.com is suspended already.\n"
    assert User.objects.get(id=user.id).suspended_at is not None
    assert run("resume", user.email) == "ada@example.com is resumed.\n"
    assert run("resume", user.email) == "ada@example.com is not suspended.\n"
    assert "Paused: nothing starts" in run("pause")
    assert run("pause") == "Paused already.\n"
    assert run("unpause") == "No longer paused.\n"
    assert run("unpause") == "Not paused.\n"


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["suspend", "resume", "delete_user"])
def test_who_is_not_there_is_named(command: str) -> None:
    with pytest.raises(CommandError, match="there is no user 'nobody@"):
        run(command, "nobody@example.com")


@pytest.mark.django_db
def test_second_factor_off_lets_in_who_has_lost_it_and_ends_their_sessions(user: User) -> None:
    second_factors.give(user)
    assert run("second_factor_off", "Ada@example.com") == (
        "ada@example.com has no second factor any more, and is signed out everywhere.\n"
    )
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert user.signed_out_at is not None
    assert not SecondFactor.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.user_id) == ("second_factor.off", "command line", user.id)
    assert run("second_factor_off", user.email) == "ada@example.com has no second factor.\n"
    assert AuditEvent.objects.count() == 1
