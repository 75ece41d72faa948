"""django-q2: its queue in PostgreSQL or Redis, as its settings have it, and its results in PostgreSQL."""

import importlib

import django
from django.core.management import call_command


def put(count: int, url: str) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    # Only now, for it brings models along.
    tasks = importlib.import_module("django_q.tasks")
    for _ in range(count):
        tasks.async_task("benchmarks.peers.target.get", url, save=False)
