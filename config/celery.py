"""The Celery application: wake-ups travel through it, jobs stay in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("booper")
app.config_from_object("django.conf:settings", namespace="CELERY")
# What is run, and what runs it: only a process that Celery starts loads them, the web never does.
app.autodiscover_tasks(["jobs"], related_name="tasks")
app.autodiscover_tasks(["jobs"], related_name="worker")
