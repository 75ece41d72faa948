"""An instance below a path of somebody's site: found with the path and without, and all that it writes leads there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

ROOT = Path(__file__).parent.parent.parent
BASE = "/tools/booper"
# As the web process answers; the paths are those that it is asked for.
_ASK = """
import io, json, sys
from config.asgi import application as door, _wsgi
from config.web.door import call, environment
from django.core.management import call_command
from django.conf import settings
call_command("migrate", verbosity=0)
token = io.StringIO()
call_command("create_api_key", "ada@example.com", stdout=token)

def ask(method, path, body=b""):
    headers = [(b"host", b"localhost"), (b"accept", b"text/html"), (b"content-type", b"application/json")]
    headers += [(b"authorization", b"Bearer " + token.getvalue().strip().encode())]
    headers += [(b"content-length", str(len(body)).encode())]
    scope = {"raw_path": path.encode(), "query_string": b"", "method": method, "http_version": "1.1", "scheme": "http",
             "headers": headers}
    environ = environment(scope, base_path=settings.BOOPER_BASE_PATH)
    environ["wsgi.input"] = io.BytesIO(body)
    answer = call(_wsgi, environ)
    named = {name.decode(): value.decode() for name, value in answer.headers}
    return {"status": answer.status, "headers": named, "body": answer.body.decode("latin-1")}

job = json.dumps({"url": "https://example.com", "schedule_in": 60}).encode()
print(json.dumps({
    "job": ask("POST", "/tools/booper/api/jobs", job),
    "bare": ask("POST", "/api/jobs", job),
    "root": ask("GET", "/tools/booper/"),
    "admin": ask("GET", "/tools/booper/admin/"),
    "login": ask("GET", "/tools/booper/admin/login/"),
    "style": ask("GET", "/tools/booper/static/admin/css/base.css"),
    "docs": ask("GET", "/tools/booper/api/docs"),
    "script": ask("GET", "/tools/booper/api/docs/start.js"),
    "schema": ask("GET", "/tools/booper/api/openapi.json"),
    "elsewhere": ask("GET", "/tools/booperish/api/ping"),
    "alive": ask("GET", "/tools/booper/livez"),
}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What an instance answers that is told of nothing but its public URL."""
    own = {"BOOPER_PUBLIC_URL": f"https://example.com{BASE}", "BOOPER_DATA_DIR": str(tmp_path_factory.mktemp("data"))}
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    env = {**kept, **own, "BROKER_URL": "memory://"}
    done = subprocess.run([sys.executable, "-c", _ASK], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_api_is_there_with_the_path_and_without(answers: Any) -> None:
    for name in ("job", "bare"):
        assert answers[name]["status"] == 201
        assert re.fullmatch(rf"{BASE}/api/jobs/\d+", answers[name]["headers"]["Location"])
    assert answers["alive"]["status"] == 200
    assert answers["elsewhere"]["status"] == 404


def test_pages_lead_to_pages_below_it(answers: Any) -> None:
    assert answers["root"]["headers"]["Location"].startswith(f"{BASE}/")
    assert answers["admin"]["headers"]["Location"] == f"{BASE}/admin/login/?next={BASE}/admin/"
    login = answers["login"]
    assert login["status"] == 200
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', login["body"] + answers["docs"]["body"])
    assert links
    assert [link for link in links if not link.startswith(f"{BASE}/")] == []
    assert f"Path={BASE}/" in login["headers"]["Set-Cookie"]


def test_styles_and_the_document_of_the_api_are_found_there(answers: Any) -> None:
    assert (answers["style"]["status"], answers["style"]["headers"]["Content-Type"]) == (
        200,
        'text/css; charset="utf-8"',
    )
    assert f'"{BASE}/api/openapi.json"' in answers["script"]["body"]
    assert json.loads(answers["schema"]["body"])["servers"] == [{"url": BASE}]


@pytest.mark.parametrize(("value", "path"), [("", ""), ("/", ""), ("/booper", "/booper"), ("/a/b-c/", "/a/b-c")])
def test_a_base_path_is_taken_without_its_last_slash(monkeypatch: pytest.MonkeyPatch, value: str, path: str) -> None:
    monkeypatch.setenv("BOOPER_BASE_PATH", value)
    assert environment.base_path("BOOPER_BASE_PATH", "") == path


@pytest.mark.parametrize(
    ("host", "shown"), [("", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]"), ("example.com", "example.com")]
)
def test_a_host_is_written_as_a_url_has_it(monkeypatch: pytest.MonkeyPatch, host: str, shown: str) -> None:
    monkeypatch.setenv("HOST", host)
    assert environment.host_for_url("HOST", "127.0.0.1") == shown


@pytest.mark.parametrize("value", ["booper", "/a//b", "/a b", "https://example.com/booper", "/ä"])
def test_what_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BOOPER_BASE_PATH", value)
    with pytest.raises(ImproperlyConfigured, match="write a path such as /tools/booper"):
        environment.base_path("BOOPER_BASE_PATH", "")
