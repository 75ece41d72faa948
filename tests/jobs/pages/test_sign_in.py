"""Signing in by password or link, signing out here and everywhere, and where / leads."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from jobs.guarding import sign_in_links
from jobs.models import AuditEvent, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def account(db: None) -> User:
    return User.objects.create_user("ada@example.com", PASSWORD)


def sign_in(web: Client, password: str = PASSWORD, **more: str) -> int:
    return web.post("/sign-in", {"email": "Ada@example.com", "password": password, **more}).status_code


def test_the_beginning_leads_to_sign_in_and_then_home(web: Client, account: User) -> None:
    assert web.get("/").headers["Location"] == "/sign-in"
    assert sign_in(web) == 302
    assert web.get("/").headers["Location"] == "/home"
    assert web.get("/sign-in").headers["Location"] == "/home"


def test_a_wrong_password_is_refused_and_says_so_without_saying_which(web: Client, account: User) -> None:
    answer = web.post("/sign-in", {"email": "ada@example.com", "password": "wrong"})
    assert answer.status_code == 401
    assert b"no user with this email and password" in answer.content
    assert web.get("/home").status_code == 302


def test_who_is_on_the_way_to_a_page_gets_there(web: Client, account: User) -> None:
    asked = web.get("/jobs?q=state:discarded")
    assert asked.headers["Location"] == "/sign-in?next=/jobs%3Fq%3Dstate%3Adiscarded"
    answer = web.post(asked.headers["Location"], {"email": "ada@example.com", "password": PASSWORD})
    assert answer.headers["Location"] == "/jobs?q=state:discarded"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"])
def test_nobody_is_led_to_another_site(web: Client, account: User, elsewhere: str) -> None:
    answer = web.post("/sign-in", {"email": "ada@example.com", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["Location"] == "/home"


def test_signing_out_here_leaves_other_browsers_signed_in(web: Client, account: User) -> None:
    other = Client()
    sign_in(web)
    sign_in(other)
    assert web.post("/sign-out").headers["Location"] == "/sign-in"
    assert web.get("/home").status_code == 302
    assert other.get("/home").status_code == 200


def test_signing_out_everywhere_ends_all_sessions_and_one_can_sign_in_anew(web: Client, account: User) -> None:
    other = Client()
    sign_in(web)
    sign_in(other)
    web.post("/sign-out", {"everywhere": "1"})
    assert other.get("/home").status_code == 302
    assert sign_in(other) == 302
    assert other.get("/home").status_code == 200
    assert AuditEvent.objects.filter(action="signed_out.everywhere", user_id=account.id).count() == 1


def test_a_link_does_not_sign_anybody_out(web: Client, account: User) -> None:
    sign_in(web)
    assert web.get("/sign-out").status_code == 405


def test_the_first_users_link_signs_in_once(web: Client) -> None:
    out = StringIO()
    call_command("first_user", stdout=out)
    path = json.loads(out.getvalue())["sign_in_path"]
    assert web.get(path).headers["Location"] == "/home"
    assert web.get("/home").status_code == 200
    again = Client().get(path)
    assert again.status_code == 404
    assert b"not good any more" in again.content


def test_a_link_is_of_one_user(web: Client, account: User) -> None:
    other = make_user("grace@example.com")
    token = sign_in_links.path(other).rpartition("/")[2]
    assert web.get(f"/sign-in/{account.id}/{token}").status_code == 404


def test_each_form_has_its_csrf_check(account: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(account)
    for path in ("/sign-in", "/sign-out", "/jobs/bulk", "/jobs/1/cancel"):
        assert careful.post(path).status_code == 403, path


def test_staff_reach_the_admin_and_others_see_no_link(web: Client, account: User) -> None:
    sign_in(web)
    assert b'href="/admin/"' not in web.get("/home").content
    User.objects.update(is_staff=True)
    assert b'href="/admin/"' in web.get("/home").content
