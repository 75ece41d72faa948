"""Errors reach Sentry with where they happened and nothing of tenants; without SENTRY_DSN nothing is imported."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli
import pytest

_INFLATE = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
ROOT = Path(__file__).parents[2]
_FAIL = """
import logging, django
django.setup()
def attempt(token):
    raise ValueError("it broke")
logging.getLogger("jobs.engine").info("https://example.com/?of=tenant")
try:
    attempt("sk_local_secret")
except ValueError:
    logging.getLogger("jobs.engine").exception("job %s failed", 7, extra={"headers": "Bearer sk_extra_secret"})
import sentry_sdk
sentry_sdk.flush(10)
"""
_REQUEST = """
import django
django.setup()
from django.test import Client
from django.urls import path
import config.urls
def broken(request):
    raise KeyError("broken")
config.urls.urlpatterns.insert(0, path("broken", broken))
answer = Client(raise_request_exception=False).post(
    "/broken?key=sk_query_secret", {"a": "sk_body_secret"}, headers={"authorization": "Bearer sk_head_secret"})
assert answer.status_code == 500
import sentry_sdk
sentry_sdk.flush(10)
"""


class Receiver:
    """Sentry's door, which keeps the envelopes that it is sent."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        taken = self.taken

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append(_INFLATE[self.headers["Content-Encoding"]](body).decode())
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server.server_port}/1"

    def events(self) -> list[dict[str, Any]]:
        items = [json.loads(line) for envelope in self.taken for line in envelope.splitlines() if line]
        return [item for item in items if "exception" in item]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def run(code: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "BOOPER_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("code", [_FAIL, _REQUEST], ids=["a worker's", "a request's"])
def test_an_error_arrives_without_anything_of_tenants(code: str, receiver: Receiver, tmp_path: Path) -> None:
    done = run(code, tmp_path, SENTRY_DSN=receiver.dsn, SENTRY_ENVIRONMENT="staging", ALLOWED_HOSTS="*")
    assert done.returncode == 0, done.stderr
    [event] = receiver.events()
    assert event["environment"] == "staging"
    assert event["release"].startswith("booper@")
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert all("vars" not in frame for frame in frames)
    everything = " ".join(receiver.taken)
    for secret in ("sk_local_secret", "sk_extra_secret", "sk_query_secret", "sk_body_secret", "sk_head_secret"):
        assert f'"{secret}"' not in everything
        assert f"Bearer {secret}" not in everything
        assert f"={secret}" not in everything
    assert "of=tenant" not in everything


def test_without_a_dsn_nothing_of_sentry_is_imported(tmp_path: Path) -> None:
    code = "import django, sys; django.setup(); import config.celery; assert 'sentry_sdk' not in sys.modules"
    done = run(code, tmp_path, SENTRY_DSN="")
    assert done.returncode == 0, done.stderr


def test_a_dsn_that_is_none_stops_the_boot_with_what_to_write(tmp_path: Path) -> None:
    done = run("import django; django.setup()", tmp_path, SENTRY_DSN="yes please")
    assert "SENTRY_DSN" in done.stderr
    assert "https://KEY@HOST/PROJECT" in done.stderr


def test_without_the_library_the_boot_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['sentry_sdk'] = None; import django; django.setup()"
    done = run(code, tmp_path, SENTRY_DSN="https://key@sentry.example.com/1")
    assert "pip install -r requirements-sentry.txt" in done.stderr
