"""Settings of an instance of django-celery-beat as it comes."""

import os

import dj_database_url

from benchmarks.peers import target

SECRET_KEY = "bench"
USE_TZ = True
TIME_ZONE = "UTC"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_beat"]
_URL = os.environ.get("BENCH_DATABASE") or target.POSTGRES
DATABASES = {"default": dj_database_url.parse(_URL, conn_max_age=None)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
