"""A user's inbox: an address that takes any request, what it answers, and what has arrived there of late."""

from django.conf import settings
from django.db import models

from jobs.models.identifiers import uuid7
from jobs.models.sealed_json_field import SealedJSONField


class Inbox(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    # 128 bits by chance: who has it may write there, and read nothing.
    token = models.CharField(max_length=32, unique=True)
    # What is answered.
    status = models.PositiveSmallIntegerField(default=200)
    body = models.TextField(default="{}")
    delay_seconds = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox of {self.user_id}"


class InboxRequest(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    inserted_at = models.DateTimeField(editable=False)
    method = models.CharField(max_length=32)
    # Below the address of the inbox.
    path = models.CharField(max_length=2048)
    query = models.TextField()
    # The headers under that name, as what is sealed has them.
    head = SealedJSONField()
    body = models.BinaryField()
    is_truncated = models.BooleanField(default=False)
    address = models.CharField(max_length=64)

    class Meta:
        indexes = [
            # GET /api/inbox, and which are beyond the last 200.
            models.Index("user", "id", name="inbox_request_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
