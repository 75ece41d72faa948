"""What an operator has switched on for the whole instance: a row is on, none is off."""

from django.db import models


class Switch(models.Model):
    name = models.CharField(max_length=40, primary_key=True)
    set_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
