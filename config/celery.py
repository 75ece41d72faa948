"""The Celery application: wake-ups travel through it, jobs stay in the database."""

import os

from celery import Celery
from kombu.transport import redis
from redis.exceptions import ResponseError

from config import probe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# A Redis that answers with an error (a replica, one that is out of memory) is as harmless as one that does not answer:
# Celery connects again and again, where kombu's own list has it end the process.
redis.Transport.connection_errors = (*redis.Transport.connection_errors, ResponseError)

app = Celery("booper")
app.config_from_object("django.conf:settings", namespace="CELERY")
# What is run, and what runs it: only a process that Celery starts loads them, the web never does.
app.autodiscover_tasks(["jobs"], related_name="tasks")
app.autodiscover_tasks(["jobs"], related_name="worker")
probe.attach()
