"""How much of a limit a tenant, a key or an address has used, as the web processes have told each other so far."""

from django.db import models


class Usage(models.Model):
    name = models.CharField(max_length=40, help_text="Of the limit.")
    subject = models.CharField(max_length=64, help_text="A user, an API key or an address.")
    # What the processes have leased in the window; of what is kept and not spent, all there is by the last count.
    used = models.BigIntegerField(default=0)
    previous = models.BigIntegerField(default=0, help_text="What was used in the window before.")
    # When the window ends; of what is kept, when it was counted.
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "subject"], name="usage_of_subject")]
        indexes = [
            # Those that are over, to be deleted.
            models.Index("at", name="usage_at"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.subject}"
