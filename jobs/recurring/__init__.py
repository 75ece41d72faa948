"""Schedules: their upcoming runs, firing, and the entries of django-celery-beat."""
