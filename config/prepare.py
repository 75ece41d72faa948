"""Brings the database up to date and makes the first user; prints that user as JSON, for bin/up.

One process for both: every start of Django costs a second.
"""

import os

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("first_user")
