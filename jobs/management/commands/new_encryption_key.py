"""`new_encryption_key`: prints a key for BOOPER_ENCRYPTION_KEYS."""

import base64
import os
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Prints 32 random bytes in base64: a key to put before the others in BOOPER_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(base64.urlsafe_b64encode(os.urandom(32)).decode())
