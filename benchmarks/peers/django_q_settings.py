"""django-q2's settings: its queue in the database, or in Redis."""

import os

import dj_database_url

from benchmarks.peers import target

SECRET_KEY = "bench"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_q"]
DATABASES = {"default": dj_database_url.parse(target.POSTGRES)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_QUEUE = {"orm": "default"} if os.environ.get("BENCH_QUEUE") == "orm" else {"redis": f"{target.REDIS}/7"}
Q_CLUSTER = {"name": "bench", "workers": 4, "timeout": 60, "retry": 120, "bulk": 20, "save_limit": -1, **_QUEUE}
