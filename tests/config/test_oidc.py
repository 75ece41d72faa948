"""Signing in by a provider is set as a whole or not at all; without it nothing of its library is imported."""

from pathlib import Path

import pytest
from pytest_django import Settings

from booper.identity.client import Client
from jobs.checks import check_way_back
from tests.config.test_error_reports import run

WHOLE = {
    "BOOPER_OIDC_ISSUER": "https://id.example.com/realms/staff",
    "BOOPER_OIDC_CLIENT_ID": "booper",
    "BOOPER_OIDC_CLIENT_SECRET": "s3cret",
}
LOADED = """
import django, sys
django.setup()
import config.wsgi
from django.urls import get_resolver
patterns = get_resolver().url_patterns[-1].url_patterns
print(sorted({"jwt", "pycurl", "booper.identity.provider", "jobs.pages.provider_sign_in"} & sys.modules.keys()),
    [str(pattern.pattern) for pattern in patterns if "provider" in str(pattern.pattern)])
"""


def test_where_it_is_not_set_nothing_is_loaded_and_no_path_is_there(tmp_path: Path) -> None:
    done = run(LOADED, tmp_path, BOOPER_OIDC_ISSUER="")
    assert done.stdout.strip() == "[] []", done.stderr


def test_where_it_is_set_its_paths_are_there(tmp_path: Path) -> None:
    done = run(LOADED, tmp_path, **WHOLE)
    assert "'jwt'" in done.stdout, done.stderr
    assert "'sign-in/provider', 'sign-in/provider/done'" in done.stdout


def test_all_that_is_set_is_read(tmp_path: Path) -> None:
    more = {
        "BOOPER_OIDC_NAME": "Our house",
        "BOOPER_OIDC_SCOPES": "openid,email profile",
        "BOOPER_OIDC_EMAIL_DOMAINS": "@Example.com, example.org",
        "BOOPER_OIDC_NEW_USERS": "true",
        "BOOPER_OIDC_SECOND_FACTOR": "provider",
        "BOOPER_PASSWORD_SIGN_IN": "false",
        "BOOPER_OIDC_CA_FILE": __file__,
    }
    done = run("from django.conf import settings; print(settings.BOOPER_OIDC)", tmp_path, **WHOLE, **more)
    for said in (
        "name='Our house'",
        "scopes=('openid', 'email', 'profile')",
        "email_domains=('example.com', 'example.org')",
        "makes_users=True",
        "is_second_factor=True",
        "takes_passwords=False",
    ):
        assert said in done.stdout, done.stderr
    assert "s3cret" not in done.stdout
    done = run("from django.conf import settings; print(settings.BOOPER_OIDC)", tmp_path, **WHOLE)
    assert "name='id.example.com'" in done.stdout


@pytest.mark.parametrize("missing", WHOLE)
def test_half_of_it_stops_the_boot_and_names_the_rest(missing: str, tmp_path: Path) -> None:
    done = run("import django; django.setup()", tmp_path, **{**WHOLE, missing: ""})
    assert f"is set, and {missing} not: set BOOPER_OIDC_ISSUER, BOOPER_OIDC_CLIENT_ID" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("BOOPER_OIDC_ISSUER", "id.example.com", "write one such as https://"),
        ("BOOPER_OIDC_ISSUER", "http://id.example.com", "write https://"),
        ("BOOPER_OIDC_ISSUER", "https://id.example.com/?a=b", "write the address of the provider alone"),
        ("BOOPER_OIDC_ISSUER", "https://ada:s3cret@id.example.com/", "write the address of the provider alone"),
        ("BOOPER_OIDC_ISSUER", "https://exämple.com/", "write the address of the provider alone"),
        ("BOOPER_OIDC_SCOPES", "email", "write openid among them"),
        ("BOOPER_OIDC_EMAIL_DOMAINS", "*.example.com", "write whole domains"),
        ("BOOPER_OIDC_EMAIL_DOMAINS", "example", "write whole domains"),
        ("BOOPER_OIDC_SECOND_FACTOR", "never", "write one of ask, provider"),
        ("BOOPER_OIDC_NEW_USERS", "perhaps", "write true or false"),
        ("BOOPER_OIDC_CA_FILE", "/nowhere.pem", "name a file"),
    ],
)
def test_what_can_not_be_meant_stops_the_boot(name: str, value: str, remedy: str, tmp_path: Path) -> None:
    done = run("import django; django.setup()", tmp_path, **{**WHOLE, name: value})
    assert name in done.stderr
    assert remedy in done.stderr
    assert "s3cret" not in done.stderr


def test_a_part_of_it_alone_is_half_of_it_too(tmp_path: Path) -> None:
    done = run("import django; django.setup()", tmp_path, BOOPER_OIDC_NEW_USERS="true")
    assert "BOOPER_OIDC_NEW_USERS is set, and BOOPER_OIDC_ISSUER, BOOPER_OIDC_CLIENT_ID" in done.stderr


def test_without_passwords_and_without_a_provider_nobody_could_sign_in(tmp_path: Path) -> None:
    done = run("import django; django.setup()", tmp_path, BOOPER_PASSWORD_SIGN_IN="false")
    assert "BOOPER_PASSWORD_SIGN_IN is false, and BOOPER_OIDC_ISSUER is not set" in done.stderr


def test_without_the_library_the_boot_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['jwt'] = None; import django; django.setup()"
    done = run(code, tmp_path, **WHOLE)
    assert "pip install -r requirements-oidc.txt" in done.stderr


def test_a_way_back_by_http_is_warned_of(settings: Settings) -> None:
    assert check_way_back() == []
    settings.BOOPER_OIDC = Client(
        issuer="https://id.example.com", client_id="a", client_secret="b", scopes=("openid",), name="Our house"
    )
    for url, ids in {
        "http://booper.example.com": ["booper.W003"],
        "https://booper.example.com": [],
        "http://127.0.0.1:8000": [],
    }.items():
        settings.BOOPER_PUBLIC_URL = url
        assert [message.id for message in check_way_back()] == ids
