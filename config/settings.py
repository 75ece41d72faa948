"""Every setting, read from the environment once and refused loudly when it makes no sense."""

import sys
import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import booper
from config import database_url, embedded_broker, environment, error_reports, oidc, sentinel, traces

# The pinned tzdata decides, not what this machine has: all of them must agree on when nine in the morning is.
zoneinfo.reset_tzpath(to=())

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.data_dir(BASE_DIR)

# --- Django -----------------------------------------------------------------------------------------------------------

DEBUG = environment.boolean("DEBUG", False)
SECRET_KEY = environment.kept_secret("SECRET_KEY", DATA_DIR)
# The first encrypts, all decrypt: docs/secrets.md.
BOOPER_ENCRYPTION_KEYS = environment.encryption_keys(DATA_DIR)
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS", [])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "jobs.User"

INSTALLED_APPS = [
    "jobs",  # Before the admin, which it dresses: of two templates with one name the first is taken.
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "django_htmx",
]

MIDDLEWARE = [
    "jobs.api.probes.Probes",
    "jobs.api.shortcut.Shortcut",
    "django.middleware.security.SecurityMiddleware",
    "config.web.content_policy.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "jobs.pages.session_use.SessionUse",
    "jobs.pages.session_user.SessionUser",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "jobs.api.wire.problems.Unavailable",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"booper": "jobs.pages.filters"},
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DATE_FORMAT, TIME_FORMAT, DATETIME_FORMAT = "Y-m-d", "H:i:s", "Y-m-d H:i:s"  # Else: "March 1, 2026, noon".

# STATIC_URL stands below, with the path that goes before it.
WHITENOISE_STATIC_PREFIX = "/static/"
# Served from the packages themselves: no STATIC_ROOT, no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

PASSWORD_RESET_TIMEOUT = 86_400  # For the links of `manage.py invite`.
# Of whom a second factor is required at signing in: of nobody, of staff, or of all. API keys have none.
BOOPER_SECOND_FACTOR = environment.choice("BOOPER_SECOND_FACTOR", "optional", ["optional", "staff", "all"])
# None where passwords alone sign people in: docs/pages.md
BOOPER_OIDC = oidc.client()
SESSION_ENGINE = "jobs.guarding.session_store"
SESSION_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = environment.integer("HSTS_SECONDS", 365 * 24 * 3600, minimum=0, maximum=10 * 365 * 24 * 3600)
# Behind a proxy that ends TLS: SECURE_PROXY=true trusts its X-Forwarded-Proto and marks cookies secure.
if environment.boolean("SECURE_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # Pages alone: a redirect would lose the body of a POST, and who calls the API inside one network has no proxy.
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^/*(api|in)(/|$)"]
# That all subdomains speak TLS, and may be written into browsers so, is for their owner to say, not for one of them.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- The web server: docs/decisions/web-server.md ---------------------------------------------------------------------

WEB_PROCESSES = environment.integer("WEB_PROCESSES", 2, minimum=1, maximum=64)
# Of each process; requests are taken in hand without one.
WEB_THREADS = environment.integer("WEB_THREADS", 8, minimum=2, maximum=256)
# For the whole of a request's headers, from their first byte on, and for the whole of its body.
WEB_HEAD_SECONDS = environment.seconds("WEB_HEAD_SECONDS", 10, minimum=1, maximum=600)
WEB_BODY_SECONDS = environment.seconds("WEB_BODY_SECONDS", 60, minimum=1, maximum=3600)
# Of a web process's statements in PostgreSQL, and of its waits for a lock in either database: 503 beyond.
WEB_STATEMENT_SECONDS = environment.seconds("WEB_STATEMENT_SECONDS", 30, minimum=1, maximum=3600)
WEB_LOCK_SECONDS = environment.seconds("WEB_LOCK_SECONDS", 5, minimum=0.1, maximum=3600)
WEB_CONNECTIONS_PER_ADDRESS = environment.integer("WEB_CONNECTIONS_PER_ADDRESS", 512, minimum=1, maximum=60_000)
# Whose X-Forwarded-For says where a request comes from; their connections are not counted.
BOOPER_TRUSTED_PROXIES = environment.networks("BOOPER_TRUSTED_PROXIES", [])

# Where people and programs reach this instance, for the links that it writes.
BOOPER_PUBLIC_URL = environment.url(
    "BOOPER_PUBLIC_URL",
    f"http://{environment.host_for_url('HOST', '127.0.0.1')}:{environment.text('PORT', '8000')}",
    schemes=("http", "https"),
    example="https://booper.example.com",
).rstrip("/")
# The path that all of the instance's own paths stand below, as a proxy has it; with or without it they are understood.
BOOPER_BASE_PATH = environment.base_path("BOOPER_BASE_PATH", urlsplit(BOOPER_PUBLIC_URL).path)
FORCE_SCRIPT_NAME = BOOPER_BASE_PATH or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{BOOPER_BASE_PATH}/"
STATIC_URL = f"{BOOPER_BASE_PATH}/static/"

# --- Database ---------------------------------------------------------------------------------------------------------

DATABASE_URL = environment.url(
    "DATABASE_URL",
    f"sqlite:///{DATA_DIR / 'booper.sqlite3'}",
    schemes=("postgres", "postgresql", "pgsql", "sqlite"),
    example="postgres://user:password@host:5432/name or sqlite:///path",
)
_database = database_url.parse(DATABASE_URL)
_is_sqlite = _database["ENGINE"] == "django.db.backends.sqlite3"
if _is_sqlite:
    environment.keep_private(Path(_database["NAME"]), folder=DATA_DIR)
    _database["ENGINE"] = "config.sqlite"
    _database["OPTIONS"] = {
        # For opening it; config.sqlite has its own way to wait for a turn.
        "timeout": 20,
        # A transaction that reads first and writes later would fail at once instead of waiting for its turn.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-20000;",
    }
    # Tests use a file like everybody else: in memory, threads would not see each other's commits.
    _database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["ENGINE"] = "config.postgresql"
    # A pooler in transaction mode hands the next statement to another session, which knows no cursor of this one.
    _database["DISABLE_SERVER_SIDE_CURSORS"] = True
    # A server that vanished without a word is noticed within half a minute, not within two hours.
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        **_database.get("OPTIONS", {}),
    }
DATABASES = {"default": _database}

# --- Celery: each figure is explained in docs/decisions/celery-settings.md --------------------------------------------

BROKER_URL = environment.url(
    "BROKER_URL",
    "",
    schemes=(
        *("redis", "rediss", "redis+socket", "sentinel", "sentinels"),
        *("amqp", "amqps", "pyamqp", "filesystem", "memory"),
    ),
    example="redis://host:6379/0, rediss://host:6379/0, sentinel://a,b,c/0?master=name or amqp://user:password@host//",
) or embedded_broker.broker_url(DATA_DIR)
_sentinels = sentinel.parse(BROKER_URL) if sentinel.is_meant(BROKER_URL) else None

CELERY_BROKER_URL = _sentinels.url if _sentinels else BROKER_URL
# Celery's command takes BROKER_URL from the environment, as it stands there, for the one above; not for these.
CELERY_BROKER_READ_URL = CELERY_BROKER_WRITE_URL = CELERY_BROKER_URL
_TRANSPORT_OPTIONS: dict[str, dict[str, Any]] = {
    "amqp": {"connect_timeout": 2, "read_timeout": 5, "write_timeout": 5, "max_retries": 1},
    "redis": {
        "visibility_timeout": 120,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 10,
        "retry_on_timeout": True,
        "polling_interval": 3,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "max_retries": 1,
    },
    "filesystem": embedded_broker.transport_options(BROKER_URL, DATA_DIR),
}
_transport = BROKER_URL.split(":")[0]
CELERY_BROKER_TRANSPORT_OPTIONS = _TRANSPORT_OPTIONS[
    "amqp" if "amqp" in _transport else "filesystem" if _transport == "filesystem" else "redis"
]
BROKER_CA_FILE = environment.text("BROKER_CA_FILE")
BROKER_VERIFY_CERTIFICATE = environment.boolean("BROKER_VERIFY_CERTIFICATE", True)
if _transport in ("rediss", "amqps", "sentinels"):
    # kombu verifies nothing where it is not told to.
    CELERY_BROKER_USE_SSL = environment.broker_tls(
        BROKER_URL, ca_file=BROKER_CA_FILE, is_verified=BROKER_VERIFY_CERTIFICATE
    )
if _sentinels:
    CELERY_BROKER_TRANSPORT_OPTIONS |= _sentinels.options(
        username=environment.text("BROKER_SENTINEL_USERNAME"),
        password=environment.text("BROKER_SENTINEL_PASSWORD"),
        tls=CELERY_BROKER_USE_SSL if _sentinels.is_encrypted else {},
    )
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_HEARTBEAT = 10
CELERY_TASK_DEFAULT_QUEUE = "booper"
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
# A wake-up that is lost harms nothing, one that is handed out again after a crash helps nobody.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# RabbitMQ's quorum queues refuse consumers on a channel that has a limit as a whole, and Celery sets it so.
CELERY_WORKER_PREFETCH_MULTIPLIER = 0 if "amqp" in _transport else 4
CELERY_WORKER_CONSUMER = "config.consumer:LastingConsumer"
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "jobs.beat:Scheduler"
# Shown in django-celery-beat's admin, where it can be switched off.
CELERY_BEAT_SCHEDULE = {
    "booper.prune": {"task": "booper.prune", "schedule": 10.0, "options": {"expires": 5.0}},
    "booper.judge": {"task": "booper.judge", "schedule": 15.0, "options": {"expires": 10.0}},
    "booper.heartbeat": {"task": "booper.heartbeat", "schedule": 60.0, "options": {"expires": 30.0}},
    "booper.post": {"task": "booper.post", "schedule": 15.0, "options": {"expires": 10.0}},
}

# --- What a job may do ------------------------------------------------------------------------------------------------

BOOPER_ALLOW_HTTP_TARGETS = environment.boolean("BOOPER_ALLOW_HTTP_TARGETS", False)
BOOPER_ALLOWED_TARGET_NETWORKS = environment.networks("BOOPER_ALLOWED_TARGET_NETWORKS", [])
# Beside the private ones, whatever the one above says.
BOOPER_BLOCKED_TARGET_NETWORKS = environment.networks("BOOPER_BLOCKED_TARGET_NETWORKS", [])
# None: all but those of well-known other protocols, which are refused whatever is allowed.
BOOPER_TARGET_PORTS = environment.ports("BOOPER_TARGET_PORTS")
# What all requests to targets and receivers leave by: docs/deployment.md.
BOOPER_EGRESS_PROXY = environment.proxy("BOOPER_EGRESS_PROXY")

MAX_REQUEST_BYTES = environment.integer("MAX_REQUEST_BYTES", 1024 * 1024, minimum=1024)
# Of POST /api/jobs/batch, each of whose jobs has to keep to the one above all the same.
MAX_BATCH_BYTES = environment.integer("MAX_BATCH_BYTES", 16 * 1024 * 1024, minimum=1024)
MAX_RESPONSE_BYTES = environment.integer("MAX_RESPONSE_BYTES", 64 * 1024, minimum=0)
MAX_STATE_BYTES = environment.integer("MAX_STATE_BYTES", 64 * 1024, minimum=1024)
DEFAULT_TIMEOUT_SECONDS = environment.integer("DEFAULT_TIMEOUT_SECONDS", 30, minimum=1, maximum=900)
DEFAULT_MAX_ATTEMPTS = environment.integer("DEFAULT_MAX_ATTEMPTS", 5, minimum=1, maximum=100)
LOG_RETENTION_DAYS = environment.integer("LOG_RETENTION_DAYS", 30, minimum=1, maximum=36_500)
JOB_RETENTION_DAYS = environment.integer("JOB_RETENTION_DAYS", 90, minimum=1, maximum=36_500)

# --- How much one tenant may have: 0 for no limit ---------------------------------------------------------------------

BOOPER_REQUESTS_PER_MINUTE = environment.integer("BOOPER_REQUESTS_PER_MINUTE", 300_000, minimum=0)
BOOPER_ANONYMOUS_PER_MINUTE = environment.integer("BOOPER_ANONYMOUS_PER_MINUTE", 600, minimum=0)
# Wrong passwords in a quarter of an hour, of an account from one address; jobs.guarding.sign_in_attempts has the rest.
BOOPER_SIGN_IN_FAILURES = environment.integer("BOOPER_SIGN_IN_FAILURES", 10, minimum=0, maximum=10_000)
BOOPER_MAX_WAITING_JOBS = environment.integer("BOOPER_MAX_WAITING_JOBS", 5_000_000, minimum=0)
BOOPER_MAX_SCHEDULES = environment.integer("BOOPER_MAX_SCHEDULES", 100_000, minimum=0)
BOOPER_MAX_QUEUES = environment.integer("BOOPER_MAX_QUEUES", 10_000, minimum=0)
BOOPER_MAX_SECRETS = environment.integer("BOOPER_MAX_SECRETS", 1_000, minimum=0)
BOOPER_MAX_KEYS = environment.integer("BOOPER_MAX_KEYS", 100, minimum=0)
BOOPER_MAX_ALERTS = environment.integer("BOOPER_MAX_ALERTS", 1_000, minimum=0)
# Of the places of a worker in each lane, once another tenant wants one.
BOOPER_ON_THE_WIRE_SHARE = environment.share("BOOPER_ON_THE_WIRE_SHARE", 0.5)
BOOPER_ON_THE_WIRE_PER_HOST = environment.share("BOOPER_ON_THE_WIRE_PER_HOST", 0.25)
# Failures in a row, within a minute, after which a host of a tenant is parked.
BOOPER_BREAKER_FAILURES = environment.integer("BOOPER_BREAKER_FAILURES", 50, minimum=0)
# Of a tenant, in a second; what is in BOOPER_ALLOWED_TARGET_NETWORKS is not counted.
BOOPER_STARTS_PER_HOST = environment.integer("BOOPER_STARTS_PER_HOST", 100, minimum=0)
BOOPER_STORED_BYTES_PER_DAY = environment.integer("BOOPER_STORED_BYTES_PER_DAY", 0, minimum=0)

# --- How workers go about it ------------------------------------------------------------------------------------------

# Requests one worker process keeps on the wire at once; deliveries have as many places of their own.
WORKER_CONCURRENCY = environment.integer("WORKER_CONCURRENCY", 500, minimum=1, maximum=10_000)
# What is due later than this waits in the database alone. Well below the broker's visibility time-out.
WAKE_HORIZON_SECONDS = environment.integer("WAKE_HORIZON_SECONDS", 15, minimum=2, maximum=60)
# A process that has not renewed its lease for this long is taken for dead.
LEASE_SECONDS = environment.integer("LEASE_SECONDS", 20, minimum=5)
# How long a worker that is told to stop waits for the requests it has on the wire.
SHUTDOWN_GRACE_SECONDS = environment.integer("SHUTDOWN_GRACE_SECONDS", 7, minimum=0)
# Where a worker and beat answer whether they live; each process needs one of its own.
PROBE_ADDRESS = environment.address("PROBE_ADDRESS")

# Where the admin's link to Flower leads: by default to its port on the host that the page came from.
FLOWER_URL = environment.text("FLOWER_URL")
FLOWER_PORT = environment.integer("FLOWER_PORT", 5555, minimum=1, maximum=65535)

# --- REST framework ---------------------------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_BYTES

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["jobs.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["jobs.api.wire.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jobs.api.wire.parsers.JSONParser", "jobs.api.wire.parsers.BracketFormParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "jobs.api.wire.problems.handle",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "jobs.api.wire.renderers.AlwaysJSON",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Booper",
    "DESCRIPTION": "Schedule HTTP jobs: now, later, every N minutes or by cron.",
    "VERSION": booper.__version__,
    "SERVE_INCLUDE_SCHEMA": False,
    # What it has to say of its own guesses is no matter of deployment: the document is put together by us.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

# --- Mail, which tells owners of alerts: none without a server --------------------------------------------------------

EMAIL_HOST = environment.text("EMAIL_HOST")
EMAIL_PORT = environment.integer("EMAIL_PORT", 587, minimum=1, maximum=65535)
EMAIL_HOST_USER = environment.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = environment.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_SSL = environment.boolean("EMAIL_USE_SSL", False)
EMAIL_USE_TLS = environment.boolean("EMAIL_USE_TLS", not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", EMAIL_HOST_USER or "booper@localhost")

# Apprise's services that alerts may go to, by their schemas: those with a host of their own. docs/alerts.md
BOOPER_ALERT_SERVICES = environment.alert_services("BOOPER_ALERT_SERVICES", egress=BOOPER_EGRESS_PROXY)

# Called once a minute while beat and workers are well: who no longer hears of it raises the alarm.
_PING = "https://hc-ping.com/…"
BOOPER_HEARTBEAT_URL = environment.url("BOOPER_HEARTBEAT_URL", "", schemes=("http", "https"), example=_PING)

# --- Metrics ----------------------------------------------------------------------------------------------------------

# Whoever sends it as a bearer token may read /metrics. A job may ask this machine for it, which is why all need one.
METRICS_TOKEN = environment.kept_secret("METRICS_TOKEN", DATA_DIR)

# --- Errors to Sentry, traces by OpenTelemetry: docs/operations.md ----------------------------------------------------

_REPORTED_AS = environment.text("SENTRY_ENVIRONMENT", "production")
error_reports.begin(environment.text("SENTRY_DSN"), release=booper.__version__, environment=_REPORTED_AS)
BOOPER_TRACES = traces.are_wanted()

# --- Logging ----------------------------------------------------------------------------------------------------------

LOG_LEVEL = environment.choice("LOG_LEVEL", "info", ["debug", "info", "warning", "error", "critical"]).upper()
# For whoever reads it: lines for a person at a terminal, else JSON for a machine.
LOG_FORMAT = environment.choice("LOG_FORMAT", "line" if sys.stderr.isatty() else "json", ["line", "json"])
_WAKE_UPS = {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "jobs.telemetry.log_records.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "jobs.telemetry.log_records.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # A client's mistake is answered, not logged as ours: a warning for each 4xx would drown what matters.
        "django.request": {"level": "ERROR"},
        # A foreign Host, a NUL in a form: the answer says so, a traceback at every stranger's wish says it to nobody.
        "django.security": {"handlers": [], "level": "CRITICAL", "propagate": False},
        # What it says of a URL may have a part of its key in it.
        "apprise": {"handlers": [], "level": "CRITICAL", "propagate": False},
        # It asks workers that are still starting, and says of each question that nobody answered.
        "flower.inspector": {"level": "ERROR"},
        # Two lines for each wake-up, up to two hundred times a second, that say nothing of any job.
        "celery.worker.strategy": _WAKE_UPS,
        "celery.app.trace": _WAKE_UPS,
    },
}
