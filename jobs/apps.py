"""The app's registration with Django, and the checks that run at boot."""

from django.apps import AppConfig

from jobs import checks  # noqa: F401 (registers them)


class JobsConfig(AppConfig):
    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
