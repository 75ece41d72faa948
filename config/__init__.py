"""Settings, URLs and the Celery application: where Booper is put together."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
