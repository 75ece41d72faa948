"""Whom a user is at a provider that they sign in by: an address may change hands, this may not."""

from django.conf import settings
from django.db import models

from jobs.models.identifiers import uuid7


class Identity(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+", editable=False
    )
    issuer = models.CharField(max_length=500, editable=False)
    subject = models.CharField(max_length=255, editable=False)
    bound_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            # Read at each sign-in by a provider.
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_of_provider"),
            # So that who has an address after somebody else gets no account that is theirs.
            models.UniqueConstraint(fields=["user", "issuer"], name="identity_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
