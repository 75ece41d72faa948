"""A value that jobs refer to by its name, `{{secret:NAME}}`, and that is put in when a request is sent."""

from django.conf import settings
from django.db import models

from jobs.models.encryption import EncryptedTextField


class Secret(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="secrets", db_index=False)
    name = models.CharField(max_length=64)
    value = EncryptedTextField(editable=False)
    hosts = models.JSONField(null=True, blank=True, help_text="The only hosts it may be sent to; null: any.")
    inserted_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="secret_of_user")]

    def __str__(self) -> str:
        return self.name
