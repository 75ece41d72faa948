"""A row with what a request needs."""

from django.db import models


class Request(models.Model):
    method = models.CharField(max_length=10)
    url = models.URLField(max_length=2048)
    body = models.JSONField(null=True)
    run_at = models.DateTimeField()
    inserted_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"
