"""What the settings say of a deployment: Django's own check of it is silent, and pages have their policies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from config.web import content_policy
from config.web.content_policy import ContentPolicy

ROOT = Path(__file__).parent.parent.parent
BEHIND_A_PROXY = {"SECURE_PROXY": "true", "ALLOWED_HOSTS": "booper.example.com"}
_HEADERS = """
import config.wsgi
from django.test import Client
client = Client(headers={"host": "booper.example.com"})
by_tls = client.get("/admin/login/", secure=False, headers={"x-forwarded-proto": "https"})
print(by_tls.headers.get("Strict-Transport-Security"))
for path in ("/admin/login/", "/api/ping", "/livez"):
    print(client.get(path).status_code)
"""


def run(*arguments: str, tmp_path: Path, **variables: str) -> str:
    environment = {**os.environ, **BEHIND_A_PROXY, "BOOPER_DATA_DIR": str(tmp_path), **variables}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_check_of_a_deployment_finds_nothing_with_the_documented_settings(tmp_path: Path) -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", tmp_path=tmp_path)
    assert checked.strip() == "System check identified no issues (2 silenced)."


def test_behind_a_proxy_pages_are_for_tls_and_the_api_and_the_probes_for_both(tmp_path: Path) -> None:
    told, *statuses = run("-c", _HEADERS, tmp_path=tmp_path).split()
    assert told == "max-age=31536000"
    assert statuses == ["301", "200", "200"]


@pytest.mark.django_db
def test_the_pages_of_the_admin_run_nothing_that_stands_in_them(web: Client) -> None:
    policy = web.get("/admin/login/").headers[content_policy.HEADER]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("content_type", "own", "policy"),
    [
        ("text/html; charset=utf-8", None, content_policy.POLICY),
        ("text/html", "default-src 'none'", "default-src 'none'"),
        ("application/json", None, None),
    ],
)
def test_a_page_keeps_its_own_policy_and_what_is_no_page_needs_none(
    content_type: str, own: str | None, policy: str | None
) -> None:
    response = HttpResponse("", content_type=content_type)
    if own is not None:
        response.headers[content_policy.HEADER] = own
    assert ContentPolicy(lambda request: response)(HttpRequest()).headers.get(content_policy.HEADER) == policy
