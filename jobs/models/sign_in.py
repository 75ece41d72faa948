"""Where a user is signed in: a row beside each session of Django's, which says nothing that one could list."""

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from jobs.models.identifiers import uuid7


class SignInQuerySet(models.QuerySet["SignIn"]):
    def lasting(self) -> "SignInQuerySet":
        """Those whose session is still there: signing out and ending one take the session alone away."""
        there = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
        return self.filter(Exists(there))


class SignIn(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    # Of what the session has to match: it is good no more once the user's own is another.
    stamp = models.CharField(max_length=16, editable=False)
    began_at = models.DateTimeField(null=True, editable=False, help_text="Null: before sign-ins were noted.")
    used_at = models.DateTimeField(editable=False, help_text="Noted every few minutes.")
    address = models.CharField(max_length=64, editable=False)
    browser = models.CharField(max_length=60, editable=False)

    objects = SignInQuerySet.as_manager()

    class Meta:
        indexes = [
            # Those that are over, to be deleted.
            models.Index("used_at", name="sign_in_used_at"),
        ]

    def __str__(self) -> str:
        return f"{self.browser} at {self.address}"
