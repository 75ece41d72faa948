"""Somebody has forgotten their password: what they typed, until it is looked at, and the link that was mailed then."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.encryption import EncryptedTextField
from jobs.models.identifiers import uuid7


class PasswordReset(models.Model):
    # In the header Message-ID.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Anything at all, a password too; empty once the mail is out.
    typed = EncryptedTextField(editable=False)
    address = models.CharField(max_length=64, editable=False, help_text="Where it was asked from.")
    asked_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(
        null=True, editable=False, help_text="While it is being sent, when it is taken for lost; null once it is out."
    )
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)
    # Whose it is, and what the link is good for: null until it is sent.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", editable=False
    )
    # SHA-256 in hex of the 256 bits in the link.
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    # SHA-256 in hex of the address and of the hash that the password had then: with others the link is good no more.
    password_was = models.CharField(max_length=64, default="", editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [
            # Those to be sent.
            models.Index("due_at", "id", name="password_reset_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"password reset asked from {self.address}"
