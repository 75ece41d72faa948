"""The Celery application: wake-ups travel through it, jobs stay in the database."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("booper")

# Each figure is explained in docs/decisions/celery-settings.md.
_TRANSPORT_OPTIONS = {
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
    "amqp": {"connect_timeout": 2, "read_timeout": 5, "write_timeout": 5, "max_retries": 1},
}


def _transport_options(url: str) -> dict[str, object]:
    if url.startswith("filesystem"):
        return dict(settings.FILESYSTEM_BROKER_OPTIONS)
    return dict(_TRANSPORT_OPTIONS["amqp" if url.startswith(("amqp", "pyamqp")) else "redis"])


app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_transport_options=_transport_options(settings.BROKER_URL),
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_heartbeat=10,
    task_default_queue="booper",
    task_ignore_result=True,
    result_expires=None,
    # A wake-up that is lost harms nothing, one that is handed out again after a crash helps nobody.
    task_acks_late=False,
    task_publish_retry=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=4,
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    timezone="UTC",
    enable_utc=True,
    beat_scheduler=settings.BEAT_SCHEDULER,
)
app.autodiscover_tasks(["jobs"])
