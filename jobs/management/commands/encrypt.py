"""`encrypt`: what is stored clear, or with a key that is on its way out, is encrypted with the first key."""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.guarding import reencryption


class Command(BaseCommand):
    help = "Encrypts with the first of BOOPER_ENCRYPTION_KEYS what is not yet, in batches, beside everything else."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{reencryption.reencrypt()} rows were encrypted with the first key.")
