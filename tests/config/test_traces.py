"""Traces leave where OTEL_EXPORTER_OTLP_ENDPOINT says so; without it none of its SDK is imported."""

from pathlib import Path

import pytest

from tests.config.test_error_reports import run

SENT = """
import django
django.setup()
from jobs.telemetry import spans
from jobs.telemetry.spans import Span
one = Span(name="GET", kind="client", trace_id=1, span_id=2, parent_id=3, begun_at=1_000_000,
    ended_at=3_000_000, is_failed=True, attributes={"http.request.method": "GET", "booper.attempt": 2})
spans.exporter().send([one])
"""


def test_without_an_endpoint_no_sdk_is_imported(tmp_path: Path) -> None:
    code = "import django, sys; django.setup(); import config.celery, jobs.worker; import config.wsgi;"
    code += "assert not {'opentelemetry.sdk.trace', 'opentelemetry.exporter'} & sys.modules.keys()"
    done = run(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"])
def test_without_the_library_the_boot_says_what_to_install(missing: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import django; django.setup()"
    done = run(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert "pip install -r requirements-otel.txt" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://collector.internal:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
    ],
)
def test_what_can_not_be_meant_stops_the_boot(name: str, value: str, remedy: str, tmp_path: Path) -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", name: value}
    done = run("import django; django.setup()", tmp_path, **settings)
    assert name in done.stderr
    assert remedy in done.stderr


def test_the_library_can_be_switched_off_by_its_own_variable(tmp_path: Path) -> None:
    code = "import django; django.setup(); from django.conf import settings; assert not settings.BOOPER_TRACES"
    done = run(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318", OTEL_SDK_DISABLED="true")
    assert done.returncode == 0, done.stderr
