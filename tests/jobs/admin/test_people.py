"""Users and API keys in the admin: made, shut out, told apart, and no way to powers that one was not given."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from jobs.models import ApiKey, AuditEvent, Job, JobState, Queue, RolledUpCount, User
from jobs.models.api_key import hash_token
from tests import second_factors
from tests.admin import log_in, make_ended_job, page, rows, told
from tests.api import Api
from tests.conftest import StoppedClock
from tests.factories import NOON, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


@pytest.fixture
def admin(web: Client, stopped_clock: StoppedClock) -> Client:
    log_in(web, "everything")
    return web


@pytest.fixture
def helpdesk(web: Client, stopped_clock: StoppedClock) -> Client:
    """Somebody who looks after users and keys, and is no superuser."""
    log_in(web, "view_user", "add_user", "change_user", "add_apikey", "view_apikey", email="help@example.com")
    return web


def edit(client: Client, user: User, **fields: str) -> Any:
    """Saves the user's form; a box that is not named is not ticked."""
    return client.post(f"/admin/jobs/user/{user.id}/change/", {"email": user.email} | fields, follow=True)


def issue(client: Client, user: User, **fields: str) -> Any:
    given = {"user": str(user.id), "name": "", "scope": "write", "expires_at_0": "", "expires_at_1": ""} | fields
    return client.post("/admin/jobs/apikey/add/", given, follow=True)


# Keys


def test_a_key_is_issued_its_token_shown_once_and_only_its_hash_kept(admin: Client) -> None:
    user = make_user()
    response = issue(admin, user, name="deploys", expires_at_0="2026-03-02", expires_at_1="12:00:00")
    [token] = re.findall(r"<code>(sk_\w+)</code>", response.content.decode())
    key = ApiKey.objects.get()
    assert (key.user_id, key.name, key.expires_at) == (user.id, "deploys", NOON + timedelta(days=1))
    assert (key.token_hash, key.hint) == (hash_token(token), token[:9])
    for path in ("jobs/apikey/", f"jobs/apikey/{key.pk}/change/", f"jobs/apikey/{key.pk}/history/", ""):
        html = page(admin, path)
        assert token not in html
        assert key.token_hash not in html


def test_a_key_that_was_issued_here_opens_the_api(admin: Client) -> None:
    response = issue(admin, make_user())
    [token] = re.findall(r"<code>(sk_\w+)</code>", response.content.decode())
    assert Api(Client(), token=token).get("/api/jobs").status_code == 200


def test_a_key_is_renamed_and_made_to_expire_without_undoing_what_happened_meanwhile(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = ApiKey.issue(make_user().id, name="old")
    path = f"/admin/jobs/apikey/{key.pk}/change/"
    page(admin, path.removeprefix("/admin/"))
    saved = ApiKey.save

    def save_after_a_revocation(self: ApiKey, *args: Any, **kwargs: Any) -> None:
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=NOON)
        saved(self, *args, **kwargs)

    monkeypatch.setattr(ApiKey, "save", save_after_a_revocation)
    admin.post(path, {"name": "new", "expires_at_0": "2026-03-01", "expires_at_1": "11:59:59"})
    key.refresh_from_db()
    assert (key.name, key.expires_at, key.revoked_at) == ("new", NOON - timedelta(seconds=1), NOON)


def test_keys_are_revoked_and_stay_to_be_told_apart(admin: Client) -> None:
    keys = [ApiKey.issue(make_user().id)[0] for _ in range(3)]
    ApiKey.objects.filter(pk=keys[0].pk).update(revoked_at=NOON - timedelta(days=1))
    chosen = {"action": "revoke_selected", "_selected_action": [str(key.pk) for key in keys[:2]]}
    response = admin.post("/admin/jobs/apikey/", chosen, follow=True)
    assert told(response) == ["1 revoked. Requests made with it are refused within seconds."]
    revoked = dict(ApiKey.objects.values_list("pk", "revoked_at"))
    assert [revoked[key.pk] for key in keys] == [NOON - timedelta(days=1), NOON, None]
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Revoked."]
    assert page(admin, "jobs/apikey/").count("state-revoked") == 2


def test_a_key_cannot_be_revived_handed_to_another_user_or_deleted(admin: Client) -> None:
    key, _ = ApiKey.issue(make_user().id)
    ApiKey.objects.update(revoked_at=NOON)
    other = make_user("grace@example.com")
    given = {"name": "x", "user": str(other.id), "revoked_at_0": "", "revoked_at_1": "", "token_hash": "0" * 64}
    admin.post(f"/admin/jobs/apikey/{key.pk}/change/", given | {"expires_at_0": "", "expires_at_1": ""})
    now = ApiKey.objects.get()
    assert (now.name, now.user_id, now.revoked_at, now.token_hash) == ("x", key.user_id, NOON, key.token_hash)
    assert admin.post(f"/admin/jobs/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "usable"),
        ({"expires_at": NOON}, "expired"),
        ({"expires_at": NOON + timedelta(seconds=1)}, "usable"),
        ({"revoked_at": NOON}, "revoked"),
    ],
)
def test_a_key_shows_what_would_become_of_a_request(admin: Client, changes: dict[str, Any], state: str) -> None:
    key, _ = ApiKey.issue(make_user().id)
    ApiKey.objects.update(**changes)
    assert ApiKey.objects.usable(NOON).exists() == (state == "usable")
    assert f"state-{state}" in page(admin, f"jobs/apikey/{key.pk}/change/")


def test_the_keys_of_a_user_who_is_shut_out_show_it(admin: Client) -> None:
    ApiKey.issue(make_user().id)
    User.objects.filter(email="ada@example.com").update(is_active=False)
    assert "state-owner-inactive" in page(admin, "jobs/apikey/")


def test_the_owner_of_a_key_is_found_by_typing(admin: Client) -> None:
    grace = make_user("grace@example.com")
    make_user()
    field = {"app_label": "jobs", "model_name": "apikey", "field_name": "user", "term": "grac"}
    found = admin.get("/admin/autocomplete/", field).json()["results"]
    assert found == [{"id": str(grace.id), "text": "grace@example.com"}]


# Users


def test_a_user_is_created_with_a_password_and_the_address_in_lower_case(admin: Client) -> None:
    given = {"email": "Grace@Example.com", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert admin.post("/admin/jobs/user/add/", given).status_code == 302
    user = User.objects.get(email="grace@example.com")
    assert user.check_password(PASSWORD)
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)
    assert user.signing_secret.startswith("whsec_")


def test_a_user_can_have_keys_and_no_password(admin: Client) -> None:
    admin.post("/admin/jobs/user/add/", {"email": "grace@example.com", "usable_password": "false"})
    assert not User.objects.get(email="grace@example.com").has_usable_password()


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "no address", ""])
def test_an_address_that_is_taken_or_none_is_refused(admin: Client, email: str) -> None:
    make_user()
    given = {"email": email, "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    response = admin.post("/admin/jobs/user/add/", given)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["email"]
    assert User.objects.count() == 2


@pytest.mark.parametrize("email", ["GRACE@example.com", "grace@example.com"])
def test_an_address_is_not_changed_into_another_users(admin: Client, email: str) -> None:
    make_user("grace@example.com")
    ada = make_user()
    assert "which another user has" in edit(admin, ada, email=email, is_active="on").content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_a_user_is_shut_out_and_let_in_again(admin: Client) -> None:
    user, job = make_user(), make_ended_job(JobState.COMPLETED)
    _, token = ApiKey.issue(user.id)
    edit(admin, user)
    user.refresh_from_db()
    assert not user.is_active
    assert Api(Client(), token=token).get("/api/jobs").status_code == 401
    assert Job.objects.filter(id=job.id).exists()
    edit(admin, user, is_active="on")
    user.refresh_from_db()
    assert user.is_active


def test_a_users_password_is_set(admin: Client) -> None:
    user = make_user()
    given = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert admin.post(f"/admin/jobs/user/{user.id}/password/", given).status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_form_that_was_open_meanwhile_does_not_bring_an_old_password_back(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    saved = User.save

    def save_after_a_new_password(self: User, *args: Any, **kwargs: Any) -> None:
        User.objects.filter(pk=user.pk).update(password="set meanwhile")
        saved(self, *args, **kwargs)

    monkeypatch.setattr(User, "save", save_after_a_new_password)
    edit(admin, user)
    user.refresh_from_db()
    assert (user.password, user.is_active) == ("set meanwhile", False)


def test_a_user_cannot_be_deleted_and_leads_to_what_they_have(admin: Client) -> None:
    user = make_user()
    assert admin.post(f"/admin/jobs/user/{user.id}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in page(admin, "jobs/user/")
    html = page(admin, f"jobs/user/{user.id}/change/")
    for noun in ("job", "logevent", "delivery", "apikey"):
        assert f"/admin/jobs/{noun}/?owner={user.id}" in html


# Powers


def test_a_superuser_gives_powers(admin: Client) -> None:
    user = make_user()
    edit(admin, user, is_active="on", is_staff="on", is_superuser="on")
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, True)


def test_nobody_changes_their_own_powers_or_locks_themselves_out(admin: Client) -> None:
    me = User.objects.get(email="ops@example.com")
    edit(admin, me, email="boss@example.com")
    me.refresh_from_db()
    assert (me.email, me.is_active, me.is_staff, me.is_superuser) == ("boss@example.com", True, True, True)


def test_who_is_no_superuser_looks_after_users_but_gives_no_powers(helpdesk: Client) -> None:
    user = make_user()
    edit(helpdesk, user, email="ada@example.org", is_active="on", is_staff="on", is_superuser="on")
    user.refresh_from_db()
    assert (user.email, user.is_staff, user.is_superuser) == ("ada@example.org", False, False)


def test_who_is_no_superuser_does_not_get_at_an_account_with_powers(helpdesk: Client) -> None:
    boss = User.objects.create_superuser("boss@example.com", PASSWORD)
    colleague = User.objects.create(email="colleague@example.com", is_staff=True)
    given = {"usable_password": "true", "password1": "taken over now", "password2": "taken over now"}
    for account in (boss, colleague):
        assert helpdesk.post(f"/admin/jobs/user/{account.id}/password/", given).status_code == 403
        assert edit(helpdesk, account, email="mine@example.com").status_code == 403
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_who_may_only_look_at_users_sees_no_hash(web: Client, stopped_clock: StoppedClock) -> None:
    log_in(web, "view_user")
    user = User.objects.create_user("grace@example.com", PASSWORD)
    html = page(web, f"jobs/user/{user.id}/change/")
    assert user.password.rsplit("$")[-1] not in html
    assert user.signing_secret not in html
    assert rows(web, "jobs/user/?q=grace") == [user.id]


@pytest.mark.parametrize("permissions", [("view_apikey",), ()])
def test_keys_are_issued_and_revoked_only_by_those_who_may(
    web: Client, stopped_clock: StoppedClock, permissions: tuple[str, ...]
) -> None:
    log_in(web, *permissions)
    key, _ = ApiKey.issue(make_user().id)
    assert issue(web, make_user()).status_code == 403
    web.post("/admin/jobs/apikey/", {"action": "revoke_selected", "_selected_action": [str(key.pk)]})
    assert ApiKey.objects.get().revoked_at is None


# Limits and the trail


def test_a_user_gets_limits_of_their_own_and_loses_them_again(admin: Client) -> None:
    user = make_user()
    edit(admin, user, is_active="on", limit_schedules="7", limit_keys="0")
    assert User.objects.get(id=user.id).limits == {"schedules": 7, "keys": 0}
    assert 'name="limit_schedules" value="7"' in page(admin, f"jobs/user/{user.id}/change/")
    edit(admin, user, is_active="on")
    assert User.objects.get(id=user.id).limits == {}
    first, second = AuditEvent.objects.filter(action="limits.set").order_by("id")
    assert (first.actor, first.email) == ("operator ops@example.com", user.email)
    assert (second.details["before"], second.details["limits"]) == ({"schedules": 7, "keys": 0}, {})


@pytest.mark.parametrize("value", ["-1", "many", "1.5"])
def test_a_limit_that_is_no_whole_number_is_not_taken(admin: Client, value: str) -> None:
    user = make_user()
    edit(admin, user, is_active="on", limit_schedules=value)
    assert User.objects.get(id=user.id).limits == {}


def test_who_issues_and_revokes_keys_here_is_in_the_trail(admin: Client) -> None:
    issue(admin, make_user(), name="ci", scope="read")
    assert ApiKey.objects.get().scope == "read"
    key = str(ApiKey.objects.get().pk)
    admin.post("/admin/jobs/apikey/", {"action": "revoke_selected", "_selected_action": [key]})
    trail = AuditEvent.objects.filter(action__startswith="key.").order_by("id")
    assert list(trail.values_list("action", flat=True)) == ["key.made", "key.revoked"]


# Second factors


def reset(client: Client, *users: User) -> list[str]:
    form = {"action": "reset_second_factor", "_selected_action": [str(user.pk) for user in users]}
    return told(client.post("/admin/jobs/user/", form, follow=True))


def factors_left() -> set[str]:
    return set(User.objects.filter(second_factor_since__isnull=False).values_list("email", flat=True))


def test_an_operator_with_the_permission_turns_the_factor_of_owners_off_and_of_nobody_with_powers(
    web: Client, stopped_clock: StoppedClock
) -> None:
    helper = log_in(web, "view_user", "reset_second_factor", email="help@example.com")
    owner, boss = make_user("owner@example.com"), make_user("boss@example.com")
    User.objects.filter(pk=boss.pk).update(is_staff=True)
    for user in (owner, boss):
        second_factors.give(user)
    assert reset(web, owner, boss, helper) == ["1 turned off, and signed out everywhere."]
    assert factors_left() == {"boss@example.com"}
    event = AuditEvent.objects.get(action="second_factor.off")
    assert (event.actor, event.user_id) == ("operator help@example.com", owner.pk)
    assert LogEntry.objects.get().change_message == "Turned the second factor off."


def test_nobody_turns_their_own_off_there(admin: Client) -> None:
    own = User.objects.get()
    second_factors.give(own)
    session = admin.session
    session["second_factor"] = NOON.isoformat()
    session.save()
    assert reset(admin, own) == ["0 turned off, and signed out everywhere."]
    assert factors_left() == {own.email}


def test_without_the_permission_none_is_turned_off_and_the_page_says_who_has_one(helpdesk: Client) -> None:
    owner = make_user("owner@example.com")
    second_factors.give(owner)
    reset(helpdesk, owner)
    assert factors_left() == {"owner@example.com"}
    assert "2026-03-01 12:00:00" in page(helpdesk, "jobs/user/")
    assert second_factors.SECRET not in page(helpdesk, f"jobs/user/{owner.pk}/change/")


def test_each_tenant_has_what_ended_and_what_they_hold_beside_what_they_may(admin: Client) -> None:
    ada = make_user()
    for days, completed in ((0.5, 1200), (3, 30), (20, 4), (40, 5)):
        at = NOON - timedelta(days=days)
        RolledUpCount.objects.create(
            user=ada, of="all", seconds=3600, at=at, completed=completed, discarded=2, failed=7
        )
    User.objects.filter(pk=ada.pk).update(limits={"queues": 3})
    Queue.objects.create(user=ada, name="slow", inserted_at=NOON, refilled_at=NOON)
    assert "1,200 completed, 2 discarded, 7 failed attempts" in page(admin, "jobs/user/")
    html = page(admin, f"jobs/user/{ada.pk}/change/")
    for part in (
        "in 24 hours</th><td>1,200 completed, 2 discarded, 7 failed",
        "in 7 days</th><td>1,230 completed, 4 discarded, 14 failed",
        "in 30 days</th><td>1,234 completed, 6 discarded, 21 failed",
        "Queues</th><td>1 of 3<",
        "Waiting jobs</th><td>0 of 5,000,000<",
    ):
        assert part in html, part
