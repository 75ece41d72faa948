"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says so; without it none of its SDK is imported."""

import importlib.util

from django.core.exceptions import ImproperlyConfigured

from config import environment

_EXAMPLE = "http://collector.internal:4318"
_NEEDED = "opentelemetry.exporter.otlp.proto.http"
_REMEDY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, and its library is not installed: "
    "pip install -r requirements-otel.txt, or unset it."
)


def are_wanted() -> bool:
    """Whether this process is to send spans. The library is loaded with the first one, after any fork.

    The library reads the variables itself; what it would only complain of in a log stops the boot here.
    """
    endpoint = environment.url("OTEL_EXPORTER_OTLP_ENDPOINT", "", schemes=["http", "https"], example=_EXAMPLE)
    if not endpoint or environment.boolean("OTEL_SDK_DISABLED", False):
        return False
    environment.choice("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", ["http/protobuf"])
    if not _is_installed():
        raise ImproperlyConfigured(_REMEDY)
    return True


def _is_installed() -> bool:
    try:
        return (
            importlib.util.find_spec(_NEEDED) is not None and importlib.util.find_spec("opentelemetry.sdk") is not None
        )
    except ModuleNotFoundError:
        return False
