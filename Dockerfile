# One image for all parts of an instance: web (by default), worker, beat, Flower and migrate. docs/deployment.md
FROM python:3.13-slim-bookworm AS build
WORKDIR /opt/booper
# requirements-sentry.txt for SENTRY_DSN, requirements-otel.txt for OTEL_EXPORTER_OTLP_ENDPOINT,
# requirements-apprise.txt for BOOPER_ALERT_SERVICES, requirements-oidc.txt for BOOPER_OIDC_ISSUER.
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-apprise.txt requirements-oidc.txt requirements-otel.txt requirements-sentry.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -r "$REQUIREMENTS"
COPY . ./
# What runs may write nothing here, so Python's own files are made now.
RUN /opt/venv/bin/python -m compileall -q booper config jobs manage.py

FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 booper \
    && useradd --uid 10001 --gid booper --no-create-home --home-dir /data --shell /usr/sbin/nologin booper \
    && install --directory --owner booper --group booper --mode 700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/booper /opt/booper
WORKDIR /opt/booper
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BOOPER_DATA_DIR=/data
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the web alone; compose.yaml and the chart turn it off where nothing listens.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["python", "-m", "config.web", "--bind", "0.0.0.0:8000"]
