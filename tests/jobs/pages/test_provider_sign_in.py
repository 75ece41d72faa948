"""Signing in by a provider of OpenID Connect: who gets in, as whom, and in which words others are told why not."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from jobs.guarding import suspension
from jobs.models import AuditEvent, Identity, SignIn, User
from tests import second_factors
from tests.conftest import StoppedClock
from tests.factories import NOON
from tests.oidc_provider import Provider
from tests.oidc_walk import begin, come_back, is_in, refused, walk

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"


@pytest.fixture
def ada(provider: Provider) -> User:
    return User.objects.create_user(EMAIL)


def test_the_page_has_a_button_that_leads_there_and_on_to_where_one_was_going(ada: User, provider: Provider) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    page = client.get("/sign-in?next=/jobs%3Fq%3Da").content.decode()
    assert 'href="/sign-in/provider?next=%2Fjobs%3Fq%3Da">Sign in with Our house</a>' in page
    answer = walk(client, provider, "?next=%2Fjobs%3Fq%3Da")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs?q=a")
    assert is_in(client)
    ada.refresh_from_db()
    assert ada.last_login is not None
    assert SignIn.objects.get(user=ada).address == "192.0.2.7"
    events = {event.action: event for event in AuditEvent.objects.all()}
    assert set(events) == {"identity.bound", "sign_in"}
    assert events["sign_in"].details == {"address": "192.0.2.7", "by": "provider"}
    row = Identity.objects.get()
    assert (row.user, row.issuer, row.subject) == (ada, provider.issuer, "ada-0815")


def test_it_is_asked_for_a_code_with_a_challenge_and_told_the_verifier_alone(ada: User, provider: Provider) -> None:
    client = Client()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begin(client)).query).items()}
    assert asked["scope"] == "openid email"
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/sign-in/provider/done"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    cookie = client.cookies["booper_sign_in"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/sign-in")
    assert not any(value in cookie.value for value in (asked["state"], asked["nonce"]))
    walk(client, provider)
    assert provider.forms[0]["grant_type"] == "authorization_code"
    assert "client_secret" not in provider.forms[0]


@pytest.mark.parametrize("foreign", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil"])
def test_it_leads_nowhere_else_afterwards(ada: User, provider: Provider, foreign: str) -> None:
    client = Client()
    answer = client.get("/sign-in/provider", {"next": foreign})
    assert come_back(client, provider.back(answer.headers["Location"])).headers["Location"] == "/home"


def test_who_is_bound_is_known_by_the_subject_whatever_address_they_have_by_now(ada: User, provider: Provider) -> None:
    walk(Client(), provider)
    provider.person = {"sub": "ada-0815", "email": "lovelace@example.org", "email_verified": False}
    client = Client()
    assert walk(client, provider).status_code == 302
    assert client.get("/account").context["request"].user == ada
    assert Identity.objects.count() == 1


def test_an_address_that_changes_hands_takes_no_account_along(ada: User, provider: Provider) -> None:
    walk(Client(), provider)
    provider.person = {"sub": "somebody-else", "email": EMAIL, "email_verified": True}
    client = Client(REMOTE_ADDR="192.0.2.9")
    assert refused(walk(client, provider), 403, "belongs to somebody else at the provider")
    assert not is_in(client)
    event = AuditEvent.objects.get(action="sign_in.refused")
    assert (event.user_id, event.details["why"], event.details["address"]) == (ada.pk, "bound to another", "192.0.2.9")


@pytest.mark.parametrize("verified", [False, None, "false", 0, 1, "yes", [True]])
def test_an_address_that_is_not_verified_opens_nothing(ada: User, provider: Provider, verified: object) -> None:
    provider.person = {"sub": "mallory", "email": EMAIL} | ({} if verified is None else {"email_verified": verified})
    client = Client()
    assert refused(walk(client, provider), 403, "does not say that ada@example.com is yours")
    assert not is_in(client)
    assert not Identity.objects.exists()


@pytest.mark.parametrize("email", [None, "", "no address", 7, "\u212ada@example.com", "a\x00b@example.com", "x" * 300])
def test_without_an_address_nobody_is_found(ada: User, provider: Provider, email: object) -> None:
    provider.person = {"sub": "mallory", "email": email, "email_verified": True}
    assert refused(walk(Client(), provider), 403, "told no e-mail address")


def test_letters_that_are_lower_cased_into_ours_are_no_address_of_ours(provider: Provider) -> None:
    User.objects.create_user("kim@example.com")
    provider.person = {"sub": "mallory", "email": "\u212aim@example.com", "email_verified": True}
    client = Client()
    assert walk(client, provider).status_code == 403
    assert not is_in(client)


def test_the_address_may_be_told_by_userinfo_in_any_case_and_its_verification_as_a_word(
    ada: User, provider: Provider
) -> None:
    provider.tells_email_by_userinfo = True
    provider.person = {"sub": "ada-0815", "email": "Ada@Example.COM", "email_verified": "true"}
    client = Client()
    assert walk(client, provider).status_code == 302
    assert is_in(client)
    walk(Client(), provider)
    assert provider.asked.count("/userinfo") == 1


def test_who_has_no_account_gets_none_and_is_told_so(provider: Provider) -> None:
    assert refused(walk(Client(), provider), 403, "There is no account with the address ada@example.com")
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


def test_who_has_no_account_gets_one_where_the_operator_says_so(settings: Settings, provider: Provider) -> None:
    settings.BOOPER_OIDC = provider.client(makes_users=True)
    client = Client()
    assert walk(client, provider).status_code == 302
    assert is_in(client)
    user = User.objects.get()
    assert (user.email, user.has_usable_password(), user.is_staff) == (EMAIL, False, False)
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"user.made", "identity.bound", "sign_in"}


def test_other_domains_stay_outside_each_time(settings: Settings, ada: User, provider: Provider) -> None:
    settings.BOOPER_OIDC = provider.client(makes_users=True, email_domains=("example.org",))
    assert refused(walk(Client(), provider), 403, "Only addresses of example.org")
    provider.person = {"sub": "eve", "email": "eve@evil-example.org", "email_verified": True}
    assert walk(Client(), provider).status_code == 403
    provider.person = {"sub": "kim", "email": "kim@example.org", "email_verified": True}
    assert walk(Client(), provider).status_code == 302
    settings.BOOPER_OIDC = provider.client(email_domains=("example.com",))
    assert refused(walk(Client(), provider), 403, "Only addresses of example.com")
    assert set(User.objects.values_list("email", flat=True)) == {EMAIL, "kim@example.org"}


@pytest.mark.parametrize("is_bound", [True, False])
def test_who_is_switched_off_is_told_so(ada: User, provider: Provider, is_bound: bool) -> None:
    if is_bound:
        walk(Client(), provider)
    User.objects.update(is_active=False)
    assert refused(walk(Client(), provider), 403, "Your account is switched off")
    assert Identity.objects.exists() is is_bound
    refusals = AuditEvent.objects.filter(action="sign_in.refused", user_id=ada.pk)
    assert {event.details["why"] for event in refusals} == {"inactive"}


def test_who_is_suspended_is_let_in_to_look_as_after_a_password(ada: User, provider: Provider) -> None:
    suspension.suspend(ada, now=NOON)
    client = Client()
    assert walk(client, provider).status_code == 302
    assert "The operator has suspended your account" in client.get("/home").text


def test_who_has_a_second_factor_is_asked_for_it_all_the_same(ada: User, provider: Provider) -> None:
    second_factors.give(ada)
    client = Client()
    assert walk(client, provider, "?next=/jobs").headers["Location"] == "/sign-in/code?next=%2Fjobs"
    assert not is_in(client)
    assert client.post("/sign-in/code", {"code": second_factors.code_at(NOON), "next": "/jobs"}).status_code == 302
    assert is_in(client)
    assert AuditEvent.objects.get(action="sign_in").details["by"] == "provider"


def test_the_providers_second_factor_counts_where_the_operator_says_so(
    settings: Settings, ada: User, provider: Provider
) -> None:
    settings.BOOPER_SECOND_FACTOR = "all"
    settings.BOOPER_OIDC = provider.client(is_second_factor=True)
    client, other = Client(), Client()
    assert walk(client, provider).headers["Location"] == "/home"
    assert is_in(client)
    second_factors.give(ada)
    assert walk(other, provider).headers["Location"] == "/home"
    assert is_in(other)
    assert AuditEvent.objects.filter(action="sign_in").latest("id").details["second_factor"] == "provider"
    settings.BOOPER_OIDC = provider.client()
    assert not is_in(client)
    assert not is_in(other)


def test_a_session_of_somebody_else_is_over_then(ada: User, provider: Provider, other_user: User) -> None:
    client = Client()
    client.force_login(other_user)
    before = client.session.session_key
    back = provider.back(begin(Client()))
    assert come_back(client, back).status_code == 400
    client.cookies.clear()
    client.force_login(other_user)
    begun = Client()
    address = begin(begun)
    client.cookies["booper_sign_in"] = begun.cookies["booper_sign_in"].value
    assert come_back(client, provider.back(address)).status_code == 302
    assert client.get("/account").context["request"].user == ada
    assert client.session.session_key != before


def test_who_is_signed_in_has_no_need_to_go_there(ada: User, provider: Provider) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get("/sign-in/provider?next=/keys").headers["Location"] == "/keys"


def test_the_account_says_since_when_the_provider_signs_in(ada: User, provider: Provider) -> None:
    client = Client()
    client.force_login(ada)
    assert "Has not signed you in yet" in client.get("/account").content.decode()
    walk(Client(), provider)
    assert "Signs you in since" in client.get("/account").content.decode()


def test_it_works_below_a_path_by_the_public_address(ada: User, provider: Provider, settings: Settings) -> None:
    settings.BOOPER_PUBLIC_URL = "https://tools.example.com/booper"
    settings.BOOPER_BASE_PATH = settings.FORCE_SCRIPT_NAME = "/booper"
    settings.SESSION_COOKIE_SECURE = True
    client = Client(SCRIPT_NAME="/booper")
    address = begin(client)
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [
        "https://tools.example.com/booper/sign-in/provider/done"
    ]
    cookie = client.cookies["booper_sign_in"]
    assert (cookie["path"], cookie["secure"]) == ("/booper/sign-in", True)


def test_without_passwords_the_button_is_all_there_is(settings: Settings, ada: User, provider: Provider) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_HOST = "mail.example.com"
    settings.BOOPER_OIDC = provider.client(takes_passwords=False)
    User.objects.create_superuser("ops@example.com", "correct horse battery")
    client = Client()
    page = client.get("/sign-in").content.decode()
    assert 'type="password"' not in page
    assert "Forgot" not in page
    given = {"email": "ops@example.com", "password": "correct horse battery"}
    assert refused(client.post("/sign-in", given), 403, "No passwords are taken here")
    given = {"username": "ops@example.com", "password": "correct horse battery"}
    assert client.post("/admin/login/", given).headers["Location"] == "/sign-in?next=%2Fadmin%2F"
    assert client.get("/admin/login/?next=/admin/jobs/").headers["Location"] == "/sign-in?next=%2Fadmin%2Fjobs%2F"
    assert client.get("/sign-in/forgot").status_code == 404
    assert client.get("/invite/MQ/set-password/").headers["Location"] == "/sign-in"
    assert not is_in(client)
    assert walk(client, provider).status_code == 302
    assert is_in(client)
    assert "Another password" not in client.get("/account").content.decode()


def test_who_has_to_set_up_a_second_factor_is_asked_for_no_password_that_signs_nobody_in(
    settings: Settings, ada: User, provider: Provider
) -> None:
    ada.set_password("one that nobody knows any more")
    ada.save()
    settings.BOOPER_OIDC, settings.BOOPER_SECOND_FACTOR = provider.client(takes_passwords=False), "all"
    client = Client()
    assert walk(client, provider).headers["Location"].startswith("/account/second-factor")
    assert 'type="password"' not in client.get("/account/second-factor").content.decode()
    assert client.post("/account/second-factor/begin").status_code == 200


def test_ten_minutes_are_what_a_code_may_take_after_the_provider(
    ada: User, provider: Provider, stopped_clock: StoppedClock
) -> None:
    second_factors.give(ada)
    client = Client()
    walk(client, provider)
    stopped_clock.advance(minutes=11)
    later = NOON + timedelta(minutes=11)
    assert client.post("/sign-in/code", {"code": second_factors.code_at(later)}).status_code == 401
